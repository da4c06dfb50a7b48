"""Who takes a household over when its owner cannot hand it over: dead, blocked, or long gone (F049, E28).

Nobody is crowned by a rule: the owner nominates, the successor claims with a fresh proof, and the operator looks at the
papers. Until then the household's lines may be looked at and paid for (`domain/access.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import HouseholdRole
from domain.household import spoken
from domain.household_refusals import MinorNotAllowed
from domain.profile import Profile
from domain.refusals import Forbidden, NotFound, OfficeRequired, StepUpRequired
from domain.staff import Staff
from domain.wording import Wording
from models import audit
from models.audit import About, TheUser
from models.database import tx
from models.rights import rights_changed
from services import household_notice
from services.household import HouseholdChanged, only_the_owner
from services.household_row import NO_HOUSEHOLD, NO_MEMBER, HouseholdRow, MemberRow, hold
from services.ownership_transfer import crown, tell_agreed

CHECKLIST = (
    "Passport of the successor",
    "Contract of the owner, or its number",
    "Document about the death of the owner, or about why they cannot act",
    "For the personal account itself: certificate of inheritance",
)
"""What an office asks for (002:64)."""

_NOMINATED = Wording("{operator}: you were named as the successor of the owner of the household {household}.")
_ABSENT = Wording(
    "{operator}: the household {household} has no owner at the moment. You may claim it in your account and at an "
    "office."
)
_CLAIMED = Wording("{operator}: {name} claims the household {household}. If this is wrong, tell us at once.")
_CONFIRMED = Wording("{operator}: your claim of the household {household} is confirmed. Take it over in your account.")
_TAKEN_OVER = Wording("{operator}: {name} is the owner of the household {household} now.")

_NOMINATE = "update membership set is_successor = (id = $2) where household_id = $1 and (is_successor or id = $2)"
_FORGET = "update membership set is_successor = false where household_id = $1 and is_successor"
# The papers that the operator has seen are those of who was the successor.
_NO_CLAIM = "update household set claimed_at = null, claim_confirmed_by = null where id = $1"
_CLAIM = "update household set claimed_at = now() where id = $1 and claimed_at is null returning id"
_CONFIRM = "update household set claim_confirmed_by = $2 where id = $1"
_TELL_ABSENT = """
update household set owner_absent_since = coalesce(owner_absent_since, now()), owner_absence_told = true where id = $1
"""
_TELL_PRESENT = """
update household set owner_absent_since = null, owner_absence_told = false, claimed_at = null, claim_confirmed_by = null
where id = $1
"""
_WAITING = """
select h.id, h.operator, h.name, h.claimed_at, h.claim_confirmed_by, u.display_name as successor
from household h join membership m on m.household_id = h.id and m.is_successor and m.status = 'ACTIVE'
join app_user u on u.id = m.user_id
where h.claimed_at is not null and h.dissolved_at is null and h.operator = any($1::text[]) order by h.claimed_at
"""
_OPERATOR_OF = "select operator from household where id = $1 and dissolved_at is null"

# Who has not been here for as long as the operator says, and whose lines have all ended; or who has no cabinet.
_IS_ABSENT = """
(u.closed_at is not null or (
  exists (select from line l where l.user_id = u.id)
  and not exists (select from line l where l.user_id = u.id and l.status not in ('TERMINATED', 'PORTED_OUT'))
  and coalesce(u.last_signed_in_at, u.created_at) < now() - make_interval(days => $2)
  and not exists (select from session s where s.user_id = u.id and s.last_seen_at > now() - make_interval(days => $2))))
"""
_OWNERS = """
from membership m join app_user u on u.id = m.user_id
where m.household_id = h.id and m.role = 'OWNER' and m.status = 'ACTIVE'
  and h.operator = $1 and h.dissolved_at is null
"""
_NOTE = f"""
update household h set owner_absent_since = now() {_OWNERS} and h.owner_absent_since is null and {_IS_ABSENT}
returning h.id, u.id as owner_id
"""
_UNNOTE = f"""
update household h set owner_absent_since = null, claimed_at = null, claim_confirmed_by = null {_OWNERS}
  and h.owner_absent_since is not null and not h.owner_absence_told and not {_IS_ABSENT}
returning h.id, u.id as owner_id
"""

Refused = NotFound | Forbidden | MinorNotAllowed | StepUpRequired | OfficeRequired


@dataclass(frozen=True, slots=True)
class Claim:
    """A household that its successor claims, for the list that an employee reads."""

    id: int
    operator: str
    name: str
    claimed_at: datetime
    claim_confirmed_by: str | None
    successor: str


async def nominate(
    profile: Profile, viewer: Viewer, household_id: int | None, member_id: int | None, *, nobody: bool
) -> HouseholdChanged | Refused:
    """Name the adult who may claim the household when there is no owner; with `nobody` there is none any more."""

    async def name(connection: BaseDBAsyncClient) -> HouseholdChanged | Refused:
        household = await hold(connection, profile.operator.id, household_id)
        if household is None or household.member_of(viewer.user_id) is None:
            return NO_HOUSEHOLD
        if household.owner.user_id != viewer.user_id:
            return only_the_owner()
        about = About(household_id=household.id, role=HouseholdRole.OWNER)
        if nobody:
            await connection.execute_query(_FORGET, [household.id])
            await connection.execute_query(_NO_CLAIM, [household.id])
            await audit.record(connection, viewer, "SUCCESSOR_REMOVED", about)
            await rights_changed(connection, households=[household.id])
            return HouseholdChanged(household.id)
        heir = household.member(member_id)
        if heir is None:
            return NO_MEMBER
        if refused := _cannot_succeed(heir):
            return refused
        if not heir.is_successor:
            # One after the other: there is one at the most, in every moment.
            await connection.execute_query(_FORGET, [household.id])
            await connection.execute_query(_NO_CLAIM, [household.id])
            await connection.execute_query(_NOMINATE, [household.id, heir.id])
            about = About(household_id=household.id, subject_id=heir.user_id, role=HouseholdRole.OWNER)
            await audit.record(connection, viewer, "SUCCESSOR_NOMINATED", about, successor=heir.display_name)
            await rights_changed(connection, households=[household.id])
            await household_notice.tell(connection, profile, [heir.user_id], _NOMINATED, household=household.name)
        return HouseholdChanged(household.id)

    return await tx(name)


async def claim(profile: Profile, viewer: Viewer, household_id: int | None) -> HouseholdChanged | Refused:
    """Take an ownerless household over: the first call asks the operator, one after its word does it."""

    async def take(connection: BaseDBAsyncClient) -> HouseholdChanged | Refused:
        household = await hold(connection, profile.operator.id, household_id)
        heir = None if household is None else household.member_of(viewer.user_id)
        if household is None or heir is None:
            return NO_HOUSEHOLD
        if not heir.is_successor:
            return Forbidden("Only the successor whom the owner named may claim it", ("householdId",))
        if household.owner_absent_since is None:
            return Forbidden("The household has an owner", ("householdId",))
        if refused := _cannot_succeed(heir):
            return refused
        if not viewer.stepped_up:
            return StepUpRequired()
        if household.claim_confirmed_by is None:
            await _note_claim(connection, profile, viewer, household, heir)
            return OfficeRequired(CHECKLIST)
        old = household.owner
        await crown(connection, household, heir)
        staff = household.claim_confirmed_by
        about = About(household_id=household.id, subject_id=old.user_id, role=HouseholdRole.OWNER)
        await audit.record(connection, viewer, "HOUSEHOLD_CLAIMED", about, before=old.display_name, confirmed_by=staff)
        await rights_changed(connection, households=[household.id])
        everybody = [member.user_id for member in household.members]
        named = {"name": spoken(heir.display_name), "household": household.name}
        await household_notice.tell(connection, profile, everybody, _TAKEN_OVER, **named)
        await tell_agreed(connection, profile, household, old, heir)
        return HouseholdChanged(household.id)

    return await tx(take)


async def _note_claim(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, household: HouseholdRow, heir: MemberRow
) -> None:
    if not await connection.execute_query_dict(_CLAIM, [household.id]):
        return
    about = About(household_id=household.id, subject_id=household.owner.user_id, role=heir.role)
    await audit.record(connection, viewer, "HOUSEHOLD_CLAIM_BEGUN", about)
    others = [member.user_id for member in household.others(heir.user_id)]
    named = {"name": spoken(heir.display_name), "household": household.name}
    await household_notice.tell(connection, profile, others, _CLAIMED, **named)
    await rights_changed(connection, households=[household.id])


def _cannot_succeed(member: MemberRow) -> Forbidden | MinorNotAllowed | None:
    if member.is_child:
        return MinorNotAllowed("A child, of any household, is nobody's successor", ("memberId",))
    if member.role is not HouseholdRole.ADULT or member.msisdn is None:
        return Forbidden("A successor is an adult of the household with a number here", ("memberId",))
    return None


async def note_absences(profiles: Mapping[str, Profile]) -> None:
    """Find the households whose owner is absent by the operator's rule, and those whose owner has come back (E28)."""
    for profile in profiles.values():
        await _note_absences(profile)


async def _note_absences(profile: Profile) -> None:
    operator, days = profile.operator.id, profile.household.owner_absence_days

    async def note(connection: BaseDBAsyncClient) -> None:
        for statement, action in ((_NOTE, "OWNER_ABSENT"), (_UNNOTE, "OWNER_BACK")):
            for row in await connection.execute_query_dict(statement, [operator, days]):
                actor = TheUser(operator, row["owner_id"])
                await audit.record(connection, actor, action, About(household_id=row["id"]))
                await rights_changed(connection, households=[row["id"]])
                if statement is _NOTE:
                    await _tell_successor(connection, profile, row["id"])

    await tx(note)


async def waiting(operators: list[str]) -> list[Claim]:
    """The claims that wait for the operator, or for the successor to take the household over."""

    async def read(connection: BaseDBAsyncClient) -> list[Claim]:
        return [Claim(**row) for row in await connection.execute_query_dict(_WAITING, [operators])]

    return await tx(read)


async def tell_absent(
    profiles: Mapping[str, Profile], household_id: int, staff: Staff, *, absent: bool
) -> HouseholdRow | NotFound:
    """Say for the operator that an owner died or cannot act, or that this was wrong."""
    statement, action = (_TELL_ABSENT, "OWNER_ABSENT") if absent else (_TELL_PRESENT, "OWNER_BACK")

    async def tell(connection: BaseDBAsyncClient) -> HouseholdRow | NotFound:
        profile = await _profile_of(connection, profiles, household_id)
        household = None if profile is None else await hold(connection, profile.operator.id, household_id)
        if profile is None or household is None:
            return NO_HOUSEHOLD
        await connection.execute_query(statement, [household.id])
        actor = TheUser(profile.operator.id, household.owner.user_id, staff)
        await audit.record(connection, actor, action, About(household_id=household.id))
        await rights_changed(connection, households=[household.id])
        if absent:
            await _tell_successor(connection, profile, household.id)
        return household

    return await tx(tell)


async def confirm(profiles: Mapping[str, Profile], household_id: int, staff: Staff) -> MemberRow | NotFound | Forbidden:
    """Say for the operator that the papers are right; the successor then takes the household over."""

    async def agree(connection: BaseDBAsyncClient) -> MemberRow | NotFound | Forbidden:
        profile = await _profile_of(connection, profiles, household_id)
        household = None if profile is None else await hold(connection, profile.operator.id, household_id)
        if profile is None or household is None:
            return NO_HOUSEHOLD
        heir = next((member for member in household.members if member.is_successor), None)
        if heir is None or household.claimed_at is None or household.owner_absent_since is None:
            return Forbidden("Nobody claims this household")
        await connection.execute_query(_CONFIRM, [household.id, staff.name])
        actor = TheUser(profile.operator.id, heir.user_id, staff)
        about = About(household_id=household.id, subject_id=household.owner.user_id)
        await audit.record(connection, actor, "HOUSEHOLD_CLAIM_CONFIRMED", about)
        await rights_changed(connection, households=[household.id])
        await household_notice.tell(connection, profile, [heir.user_id], _CONFIRMED, household=household.name)
        return heir

    return await tx(agree)


async def _tell_successor(connection: BaseDBAsyncClient, profile: Profile, household_id: int) -> None:
    household = await hold(connection, profile.operator.id, household_id)
    if household is not None:
        heirs = [member.user_id for member in household.members if member.is_successor]
        await household_notice.tell(connection, profile, heirs, _ABSENT, household=household.name)


async def _profile_of(
    connection: BaseDBAsyncClient, profiles: Mapping[str, Profile], household_id: int
) -> Profile | None:
    found = await connection.execute_query_dict(_OPERATOR_OF, [household_id])
    return profiles.get(found[0]["operator"]) if found else None
