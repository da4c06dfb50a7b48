"""Choosing the ways back in (F018)."""

from typing import Annotated

import strawberry

from domain.sign_in import RecoveryChannel
from resolvers import recovery_channels
from resolvers.context import Info
from schema.account_security import UserPayload, user_payload
from schema.payload import CLIENT_MUTATION_ID


@strawberry.input(description="The ways back in that are to stay open")
class SetRecoveryChannelsInput:
    channels: list[RecoveryChannel] = strawberry.field(
        description="Some of the operator's; an empty list opens all of them again"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class RecoveryChannelsMutation:
    @strawberry.mutation(
        description="Choose how a forgotten password may be recovered (F018); what is left out sends nothing any more"
    )
    async def set_recovery_channels(
        self, info: Info, input: Annotated[SetRecoveryChannelsInput, strawberry.argument(description="Which ways")]
    ) -> UserPayload:
        refusal = await recovery_channels.set_recovery_channels(info.context, input.channels)
        return user_payload(info, refusal, input.client_mutation_id)
