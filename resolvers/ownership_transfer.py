"""Handing a household over (F052)."""

from dataclasses import dataclass

from auth.challenge import Challenge
from loaders.transfer_by_household_id import Transfer
from resolvers import confined
from resolvers.context import Context
from resolvers.household import Refused, key_of
from resolvers.sign_in import challenge_key
from services import ownership_transfer
from services.ownership_transfer import TransferChanged


@dataclass(frozen=True, slots=True)
class Handover:
    """A transfer as it is now, None when it is over, and the code that was sent."""

    transfer: Transfer | None
    challenge: Challenge | None


async def request(context: Context, household_id: str, member_id: str) -> Handover | Refused:
    """Ask a member to own the household."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    household, member = key_of(household_id, "Household"), key_of(member_id, "HouseholdMember")
    work = ownership_transfer.request(context.profile, context.secret, viewer, household, member)
    return await _now(context, await context.change(work))


async def send_code(context: Context, transfer_id: str) -> Handover | Refused:
    """Send another code."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    key = key_of(transfer_id, "OwnershipTransfer")
    work = ownership_transfer.send_code(context.profile, context.secret, viewer, key)
    return await _now(context, await context.change(work))


async def accept(context: Context, transfer_id: str, challenge_id: str, code: str) -> Handover | Refused:
    """Accept with the code."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    key, proof = key_of(transfer_id, "OwnershipTransfer"), challenge_key(challenge_id)
    work = ownership_transfer.accept(context.profile, context.secret, viewer, key, proof, code)
    return await _now(context, await context.change(work))


async def cancel(context: Context, transfer_id: str) -> Handover | Refused:
    """Take it back."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    work = ownership_transfer.cancel(context.profile, viewer, key_of(transfer_id, "OwnershipTransfer"))
    return await _now(context, await context.change(work))


async def _now(context: Context, outcome: TransferChanged | Refused) -> Handover | Refused:
    if not isinstance(outcome, TransferChanged):
        return outcome
    transfer = await context.loaders.transfer_by_household_id.load(outcome.household_id)
    return Handover(transfer, outcome.challenge)
