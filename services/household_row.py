"""A household as a transaction that changes it holds it: its row is locked first, in every change (I1)."""

from dataclasses import dataclass
from datetime import date, datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import HouseholdRole
from domain.refusals import NotFound

# Looked at after the lock is there: whoever changed it meanwhile is seen.
_LOCK = "select id from household where id = $1 and operator = $2 and dissolved_at is null for update"
_HOUSEHOLD = """
select h.id, h.name, h.adults_invite, h.dissolves_at, h.owner_absent_since, h.owner_absence_told, h.claimed_at,
  h.claim_confirmed_by, now() as now
from household h where h.id = $1
"""
_MEMBERS = """
select m.id, m.user_id, m.role, m.birth_date, m.is_successor, u.display_name, (
  select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn,
  exists (
    select from membership e join household eh on eh.id = e.household_id and eh.dissolved_at is null
    where e.user_id = m.user_id and e.role = 'CHILD' and e.status = 'ACTIVE') as is_child
from membership m join app_user u on u.id = m.user_id
where m.household_id = $1 and m.status = 'ACTIVE' order by m.id
"""
_OF_MEMBER = "select household_id from membership where id = $1"

NO_HOUSEHOLD = NotFound("There is no such household of yours", ("householdId",))
NO_MEMBER = NotFound("There is no such member in your household", ("memberId",))


@dataclass(frozen=True, slots=True)
class MemberRow:
    """An active member; `msisdn` is the number that the operator knows to be theirs (I2).

    `is_child`: of this household or of any other one.
    """

    id: int
    user_id: int
    role: HouseholdRole
    birth_date: date | None
    is_successor: bool
    display_name: str
    msisdn: str | None
    is_child: bool


@dataclass(frozen=True, slots=True)
class HouseholdRow:
    """A household that is not dissolved, with its members; `now` is the database's."""

    id: int
    name: str
    adults_invite: bool
    dissolves_at: datetime | None
    owner_absent_since: datetime | None
    owner_absence_told: bool
    claimed_at: datetime | None
    claim_confirmed_by: str | None
    now: datetime
    members: tuple[MemberRow, ...]

    @property
    def owner(self) -> MemberRow:
        """The one owner that it has (I1)."""
        return next(member for member in self.members if member.role is HouseholdRole.OWNER)

    def member_of(self, user_id: int) -> MemberRow | None:
        """The place of a user."""
        return next((member for member in self.members if member.user_id == user_id), None)

    def member(self, member_id: int | None) -> MemberRow | None:
        """The member of that id."""
        return next((member for member in self.members if member.id == member_id), None)

    def others(self, user_id: int) -> tuple[MemberRow, ...]:
        """Everybody but a user."""
        return tuple(member for member in self.members if member.user_id != user_id)


async def hold(connection: BaseDBAsyncClient, operator: str, household_id: int | None) -> HouseholdRow | None:
    """Lock a household and read it; None for one that there is not, or not any more."""
    if household_id is None or not await connection.execute_query_dict(_LOCK, [household_id, operator]):
        return None
    [row] = await connection.execute_query_dict(_HOUSEHOLD, [household_id])
    members = await connection.execute_query_dict(_MEMBERS, [household_id])
    return HouseholdRow(
        **row, members=tuple(MemberRow(**each | {"role": HouseholdRole(each["role"])}) for each in members)
    )


async def hold_of_member(connection: BaseDBAsyncClient, operator: str, member_id: int | None) -> HouseholdRow | None:
    """The household that a membership belongs, or belonged, to."""
    found = await connection.execute_query_dict(_OF_MEMBER, [member_id or 0])
    return await hold(connection, operator, found[0]["household_id"]) if found else None
