"""The households a viewer is a member of, with their members: one statement for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from domain.access import HouseholdRole
from domain.household import comes_of_age_on
from domain.profile import Profile
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a household; `birth_date` of a child, for the owner and for the child itself."""

    id: int
    user_id: int
    display_name: str
    role: HouseholdRole
    joined_at: datetime
    is_successor: bool
    birth_date: date | None
    becomes_adult_on: date | None


@dataclass(frozen=True, slots=True)
class Household:
    """A household as one of its members sees it; members: the owner first, then by joining."""

    id: int
    name: str
    my_role: HouseholdRole
    members: list[Member]
    adults_may_invite_viewers: bool
    dissolves_at: datetime | None
    owner_absent: bool

    @property
    def owner(self) -> Member:
        return next(member for member in self.members if member.role is HouseholdRole.OWNER)

    @property
    def successor(self) -> Member | None:
        return next((member for member in self.members if member.is_successor), None)


class _Row(NamedTuple):
    user_id: int
    id: int
    operator: str
    name: str
    my_role: str
    adults_invite: bool
    dissolves_at: datetime | None
    owner_absent: bool
    members: list[list[Any]]


# The owned household first, then the oldest membership (DESIGN 4).
HOUSEHOLDS = Statement(
    """
select mine.user_id, h.id, h.operator, h.name, mine.role, h.adults_invite, h.dissolves_at,
  h.owner_absent_since is not null,
  (select jsonb_agg(jsonb_build_array(m.id, m.user_id, u.display_name, m.role, m.joined_at, m.is_successor,
       case when m.role = 'CHILD' and (mine.role = 'OWNER' or m.user_id = mine.user_id) then m.birth_date end)
     order by m.role <> 'OWNER', m.joined_at, m.id)
   from membership m join app_user u on u.id = m.user_id
   where m.household_id = h.id and m.status = 'ACTIVE')
from membership mine join household h on h.id = mine.household_id
where mine.user_id = any($1::bigint[]) and mine.status = 'ACTIVE' and h.dissolved_at is null
order by mine.role <> 'OWNER', mine.joined_at, mine.id
""",
    _Row,
)


async def households_by_user_id(scope: ReadScope, user_ids: Sequence[int]) -> Mapping[int, list[Household]]:
    households: dict[int, list[Household]] = {}
    for row in await scope.reads.fetch(HOUSEHOLDS, user_ids):
        households.setdefault(row.user_id, []).append(_household(row, scope.profile_of(row.operator)))
    return households


def _household(row: _Row, profile: Profile | None) -> Household:
    return Household(
        id=row.id,
        name=row.name,
        my_role=HouseholdRole(row.my_role),
        members=[_member(profile, *member) for member in row.members],
        adults_may_invite_viewers=row.adults_invite,
        dissolves_at=row.dissolves_at,
        owner_absent=row.owner_absent,
    )


def _member(
    profile: Profile | None,
    member_id: int,
    user_id: int,
    name: str,
    role: str,
    joined_at: str,
    is_successor: bool,
    birth_date: str | None,
) -> Member:
    born = date.fromisoformat(birth_date) if birth_date else None
    return Member(
        id=member_id,
        user_id=user_id,
        display_name=name,
        role=HouseholdRole(role),
        joined_at=datetime.fromisoformat(joined_at),
        is_successor=is_successor,
        birth_date=born,
        becomes_adult_on=comes_of_age_on(born, profile) if born and profile else None,
    )
