"""Handing a household over (F052)."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from loaders import households_by_user_id, transfer_by_household_id
from resolvers import household, ownership_transfer
from resolvers.context import Info
from resolvers.ownership_transfer import Handover
from schema.challenge import Challenge
from schema.household import HouseholdMember
from schema.household_management import HOUSEHOLD_ID
from schema.node import Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError

_TRANSFER_ID = "`household.pendingTransfer`"


@strawberry.type(description="A household on its way to another owner; one at a time (E29)")
class OwnershipTransfer(Node):
    requested_at: datetime = strawberry.field(description="When the owner asked")
    expires_at: datetime = strawberry.field(description="Until when the new owner may accept")
    accepted_at: datetime | None = strawberry.field(description="When the new owner accepted; null: not yet")
    effective_at: datetime | None = strawberry.field(
        description="When the household changes hands; until then either side may cancel. Null until it is accepted"
    )
    challenge_id: strawberry.ID | None = strawberry.field(
        description="For the new owner: the challenge of the code that was sent last"
    )

    is_type_of = backed_by(transfer_by_household_id.Transfer)

    @strawberry.field(name="from", graphql_type=HouseholdMember | None, description="Who owns the household")
    async def from_(
        parent: strawberry.Parent[transfer_by_household_id.Transfer], info: Info
    ) -> households_by_user_id.Member | None:
        return await household.member_by_id(info.context, parent.household_id, parent.from_member_id)

    @strawberry.field(graphql_type=HouseholdMember | None, description="Who is to own it")
    async def to(
        parent: strawberry.Parent[transfer_by_household_id.Transfer], info: Info
    ) -> households_by_user_id.Member | None:
        return await household.member_by_id(info.context, parent.household_id, parent.to_member_id)


@strawberry.type(description="A transfer as it is now, or why nothing was changed")
class OwnershipTransferPayload(Payload):
    transfer: OwnershipTransfer | None = strawberry.field(description="The transfer; null when it is over")
    challenge: Challenge | None = strawberry.field(description="The code that was sent to the new owner, if one was")


@strawberry.input(description="Whom a household is to be handed over to")
class RequestOwnershipTransferInput:
    household_id: strawberry.ID = strawberry.field(description=HOUSEHOLD_ID)
    to_member_id: strawberry.ID = strawberry.field(description="An adult of it, with a number here")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The transfer whose code did not come, or is too old")
class RequestOwnershipTransferCodeInput:
    transfer_id: strawberry.ID = strawberry.field(description=_TRANSFER_ID)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The new owner's yes")
class AcceptOwnershipTransferInput:
    transfer_id: strawberry.ID = strawberry.field(description=_TRANSFER_ID)
    challenge_id: strawberry.ID = strawberry.field(description="The transfer's `challengeId`")
    code: str = strawberry.field(description="The digits of the message")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The transfer that is not to be")
class CancelOwnershipTransferInput:
    transfer_id: strawberry.ID = strawberry.field(description=_TRANSFER_ID)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class OwnershipTransferMutation:
    @strawberry.mutation(
        description="Ask an adult of the household to own it: its owner, with a fresh proof. A code goes to the "
        "adult's number (F052)"
    )
    async def request_ownership_transfer(
        self, info: Info, input: Annotated[RequestOwnershipTransferInput, strawberry.argument(description="To whom")]
    ) -> OwnershipTransferPayload:
        outcome = await ownership_transfer.request(info.context, input.household_id, input.to_member_id)
        return _payload(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Send the code to the new owner once more: for the new owner (F052, E7)")
    async def request_ownership_transfer_code(
        self,
        info: Info,
        input: Annotated[RequestOwnershipTransferCodeInput, strawberry.argument(description="Which transfer")],
    ) -> OwnershipTransferPayload:
        return _payload(await ownership_transfer.send_code(info.context, input.transfer_id), input.client_mutation_id)

    @strawberry.mutation(
        description="Accept a household with the code: it changes hands when the operator's delay has passed. A SIM "
        "that is too new voids the transfer (F052, E30)"
    )
    async def accept_ownership_transfer(
        self, info: Info, input: Annotated[AcceptOwnershipTransferInput, strawberry.argument(description="The code")]
    ) -> OwnershipTransferPayload:
        outcome = await ownership_transfer.accept(info.context, input.transfer_id, input.challenge_id, input.code)
        return _payload(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Take a transfer back: either side, until it is in effect (F161)")
    async def cancel_ownership_transfer(
        self, info: Info, input: Annotated[CancelOwnershipTransferInput, strawberry.argument(description="Which one")]
    ) -> OwnershipTransferPayload:
        return _payload(await ownership_transfer.cancel(info.context, input.transfer_id), input.client_mutation_id)


def _payload(outcome: object, client_mutation_id: str | None) -> OwnershipTransferPayload:
    done = outcome if isinstance(outcome, Handover) else None
    return OwnershipTransferPayload(
        client_mutation_id=client_mutation_id,
        user_errors=[] if done is not None else [cast(UserError, outcome)],
        transfer=cast(Any, done.transfer if done else None),
        challenge=cast(Any, done.challenge if done else None),
    )
