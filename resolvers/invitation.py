"""Invitations to households: sending, answering, taking them back, and the viewer's own (F050, F161)."""

from datetime import date

from auth.invitation_target import PROVEN, Target, read_target, target_hmac
from domain.access import HouseholdRole
from loaders.households_by_user_id import Household
from loaders.invitations_by_household_id import COLUMNS, FROM, OPEN, Invitation
from models.reader import Statement
from resolvers import confined
from resolvers.context import Context
from resolvers.household import Refused, changed, key_of
from services import invitation
from services.invitation import InvitationClosed, Invited, Named

_PROVEN = Statement(PROVEN, lambda _kind, value: str(value))
_MINE = Statement(
    f"select {COLUMNS} {FROM} where i.operator = $1 and i.target_hmac = any($2::bytea[]) and {OPEN} order by i.id",
    Invitation,
)
_ONE: Statement[Invitation | None] = Statement(
    f"select {COLUMNS} {FROM} where i.operator = $1 and i.id = $2", Invitation
)


async def mine(context: Context) -> list[Invitation]:
    """The open invitations to numbers and addresses that the viewer has proven; none where it holds no keys."""
    viewer = context.require_viewer()
    if not viewer.holds_keys:
        return []
    operator = context.profile.operator.id
    proven = await context.reads.fetch(_PROVEN, viewer.user_id)
    return await context.reads.fetch(
        _MINE, operator, [target_hmac(context.secret, operator, value) for value in proven]
    )


async def invite(
    context: Context,
    household_id: str,
    msisdn: str | None,
    email: str | None,
    role: HouseholdRole,
    birth_date: date | None,
) -> Invitation | Refused:
    """Invite somebody."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    target = read_target(context.profile, msisdn, email)
    if not isinstance(target, Target):
        return target
    key = key_of(household_id, "Household")
    outcome = await context.change(
        invitation.invite(context.profile, context.secret, context.site, viewer, key, target, role, birth_date)
    )
    if not isinstance(outcome, Invited):
        return outcome
    made = await context.reads.fetch_one(_ONE, context.profile.operator.id, outcome.invitation_id)
    assert made is not None, "it was written a moment ago"
    return made


async def accept(context: Context, named: Named) -> Household | Refused:
    """Join the household."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    work = invitation.accept(context.profile, context.secret, viewer, named)
    return await changed(context, await context.change(work))


async def decline(context: Context, named: Named) -> Refused | None:
    """Say no."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    outcome = await context.change(invitation.decline(context.profile, context.secret, viewer, named))
    return None if isinstance(outcome, InvitationClosed) else outcome


async def cancel(context: Context, invitation_id: str) -> Refused | None:
    """Take it back."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    key = key_of(invitation_id, "HouseholdInvitation")
    outcome = await context.change(invitation.cancel(context.profile, viewer, key))
    return None if isinstance(outcome, InvitationClosed) else outcome


def named(token: str | None, invitation_id: str | None) -> Named:
    """Which invitation is meant, by one of the two."""
    return Named(
        None if invitation_id is None else key_of(invitation_id, "HouseholdInvitation"), token if token else None
    )
