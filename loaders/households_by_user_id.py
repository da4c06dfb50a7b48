"""The households a viewer is a member of, with their members: one statement for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from domain.access import HouseholdRole
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a household."""

    id: int
    display_name: str
    role: HouseholdRole
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Household:
    """A household as one of its members sees it; members: the owner first, then by joining."""

    id: int
    name: str
    my_role: HouseholdRole
    members: list[Member]

    @property
    def owner(self) -> Member:
        return next(member for member in self.members if member.role is HouseholdRole.OWNER)


class _Row(NamedTuple):
    user_id: int
    id: int
    name: str
    my_role: str
    members: list[list[Any]]


# The owned household first, then the oldest membership (DESIGN 4).
HOUSEHOLDS = Statement(
    """
select mine.user_id, h.id, h.name, mine.role,
  (select jsonb_agg(jsonb_build_array(m.id, u.display_name, m.role, m.joined_at)
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
        households.setdefault(row.user_id, []).append(_household(row))
    return households


def _household(row: _Row) -> Household:
    return Household(
        id=row.id,
        name=row.name,
        my_role=HouseholdRole(row.my_role),
        members=[
            Member(member_id, name, HouseholdRole(role), datetime.fromisoformat(joined_at))
            for member_id, name, role, joined_at in row.members
        ],
    )
