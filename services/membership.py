"""Members of a household: another role, removal, leaving (F050, F052; E27, E31, E34)."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import HouseholdRole
from domain.household import is_of_age
from domain.household_refusals import MinorNotAllowed, OwnerAbsent
from domain.profile import Profile
from domain.refusals import Forbidden, InputRejected, LastOwner, NotFound
from models import audit, leaving
from models.audit import About
from models.database import tx
from models.household import MembershipStatus
from models.rights import rights_changed
from services import household_notice
from services.household import HouseholdChanged, only_the_owner
from services.household_row import NO_HOUSEHOLD, NO_MEMBER, HouseholdRow, MemberRow, hold, hold_of_member

# Who is an adult no longer is no successor any more, nor becomes the owner.
_ROLE = "update membership set role = $2::text, is_successor = is_successor and $2::text = 'ADULT' where id = $1"
_VOID_TRANSFER = """
update ownership_transfer set cancelled_at = now()
where to_member_id = $1 and done_at is null and cancelled_at is null
"""

Refused = NotFound | Forbidden | InputRejected | MinorNotAllowed | LastOwner | OwnerAbsent


@dataclass(frozen=True, slots=True)
class HouseholdLeft:
    """The user is not in it any more."""


async def change_role(
    profile: Profile, viewer: Viewer, member_id: int | None, role: HouseholdRole
) -> HouseholdChanged | Refused:
    """Give a member another role; nobody becomes an owner, or a child, this way."""

    async def change(connection: BaseDBAsyncClient) -> HouseholdChanged | Refused:
        found = await _by_the_owner(connection, profile, viewer, member_id)
        if not isinstance(found, tuple):
            return found
        household, member = found
        if refused := _cannot_become(profile, member, role):
            return refused
        if member.role is not role:
            await connection.execute_query(_ROLE, [member.id, role])
            if member.role is HouseholdRole.CHILD:
                await leaving.policies_fall(connection, member.user_id)
            if role is not HouseholdRole.ADULT:
                await connection.execute_query(_VOID_TRANSFER, [member.id])
            about = About(household_id=household.id, subject_id=member.user_id, role=HouseholdRole.OWNER)
            await audit.record(connection, viewer, "MEMBER_ROLE_CHANGED", about, before=member.role, after=role)
            await leaving.stop_autopay(connection, profile, household.id)
            await rights_changed(connection, households=[household.id])
            await household_notice.role_changed(connection, profile, household, member)
        return HouseholdChanged(household.id)

    return await tx(change)


def _cannot_become(profile: Profile, member: MemberRow, role: HouseholdRole) -> Refused | None:
    if member.role is HouseholdRole.OWNER or role is HouseholdRole.OWNER:
        return Forbidden("A household is handed over with `requestOwnershipTransfer`", ("role",))
    if role is HouseholdRole.CHILD and member.role is not HouseholdRole.CHILD:
        return Forbidden("Nobody is made a child; a child is invited as one", ("role",))
    today = datetime.now(profile.operator.zone).date()
    grown_up = member.birth_date is not None and is_of_age(member.birth_date, profile, today)
    if member.role is HouseholdRole.CHILD and role is not HouseholdRole.CHILD and not grown_up:
        return MinorNotAllowed("A child becomes an adult when it comes of age", ("role",))
    return None


async def remove(profile: Profile, viewer: Viewer, member_id: int | None) -> HouseholdChanged | Refused:
    """Remove somebody: their own lines leave with them, their automatic payments for the household's stop first."""

    async def take_out(connection: BaseDBAsyncClient) -> HouseholdChanged | Refused:
        found = await _by_the_owner(connection, profile, viewer, member_id)
        if not isinstance(found, tuple):
            return found
        household, member = found
        if member.user_id == viewer.user_id:
            return LastOwner()
        gone = await leaving.leave(connection, profile, viewer, household.id, member.user_id, MembershipStatus.REMOVED)
        await household_notice.gone(connection, profile, household, member, gone, by=viewer.user_id)
        return HouseholdChanged(household.id)

    return await tx(take_out)


async def leave(profile: Profile, viewer: Viewer, household_id: int | None, *, silent: bool) -> HouseholdLeft | Refused:
    """Leave: adults and VIEWERs at any time, the owner as the last one, a child not by itself (SPEC 4.4)."""

    async def go(connection: BaseDBAsyncClient) -> HouseholdLeft | Refused:
        household = await hold(connection, profile.operator.id, household_id)
        member = None if household is None else household.member_of(viewer.user_id)
        if household is None or member is None:
            return NO_HOUSEHOLD
        if refused := _cannot_leave(profile, household, member):
            return refused
        if member.role is HouseholdRole.OWNER:
            gone = await leaving.dissolve(connection, profile, viewer, household.id)
            await household_notice.dissolved(connection, profile, household, [], gone)
            return HouseholdLeft()
        gone = await leaving.leave(
            connection, profile, viewer, household.id, viewer.user_id, MembershipStatus.LEFT, silent=silent
        )
        if silent:
            await household_notice.gone_in_silence(connection, profile, household, gone)
        else:
            await household_notice.gone(connection, profile, household, member, gone, by=viewer.user_id)
        return HouseholdLeft()

    return await tx(go)


def _cannot_leave(profile: Profile, household: HouseholdRow, member: MemberRow) -> LastOwner | Forbidden | None:
    if member.role is HouseholdRole.OWNER:
        return LastOwner() if household.others(member.user_id) else None
    today = datetime.now(profile.operator.zone).date()
    if member.role is HouseholdRole.CHILD and not (member.birth_date and is_of_age(member.birth_date, profile, today)):
        return Forbidden("The owner of the household decides about a child", ("householdId",))
    return None


async def _by_the_owner(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, member_id: int | None
) -> tuple[HouseholdRow, MemberRow] | NotFound | Forbidden | OwnerAbsent:
    """The household and its member, for its owner to decide about; foreign ones are not there."""
    household = await hold_of_member(connection, profile.operator.id, member_id)
    member = None if household is None else household.member(member_id)
    if household is None or member is None or household.member_of(viewer.user_id) is None:
        return NO_MEMBER
    if household.owner.user_id != viewer.user_id:
        return only_the_owner()
    return OwnerAbsent() if household.owner_absent_since is not None else (household, member)
