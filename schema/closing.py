"""Closing the cabinet (F034)."""

from typing import Annotated

import strawberry

from resolvers import closing
from resolvers.context import Info
from schema.payload import CLIENT_MUTATION_ID, SimplePayload, done


@strawberry.input(description="A proof that it is the user who closes the cabinet")
class CloseCabinetInput:
    password: str | None = strawberry.field(
        default=None, description="The permanent one; not needed for ten minutes after `stepUp`"
    )
    reason: str | None = strawberry.field(default=None, description="Why, in up to 200 characters; stays on record")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class ClosingMutation:
    @strawberry.mutation(
        description=(
            "Close the cabinet for good (F034): all sessions end, its logins and addresses are free, its links are "
            "revoked. Contracts and money stay as they are"
        )
    )
    async def close_cabinet(
        self, info: Info, input: Annotated[CloseCabinetInput, strawberry.argument(description="The proof")]
    ) -> SimplePayload:
        return done(await closing.close_cabinet(info.context, input.password, input.reason), input.client_mutation_id)
