"""Choosing a login (F020)."""

from typing import Annotated

import strawberry

from resolvers import login_change
from resolvers.context import Info
from schema.account_security import UserPayload, user_payload
from schema.payload import CLIENT_MUTATION_ID


@strawberry.input(description="The login there is to be, and the password as proof")
class ChangeLoginInput:
    login: str = strawberry.field(
        description="4 to 32 Latin letters, digits, dots, dashes and underscores, a letter first; case does not matter"
    )
    password: str = strawberry.field(description="The current password; anything where there is none yet")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class LoginChangeMutation:
    @strawberry.mutation(
        description="Choose a login to sign in with (F020); one that was chosen before does not work any more"
    )
    async def change_login(
        self, info: Info, input: Annotated[ChangeLoginInput, strawberry.argument(description="Which login")]
    ) -> UserPayload:
        refusal = await login_change.change_login(info.context, input.login, input.password)
        return user_payload(info, refusal, input.client_mutation_id)
