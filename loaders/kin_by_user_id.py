"""People whom the viewer knows: themselves, and those of the same household."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.access import HouseholdRole
from loaders.number_links import viewer_id
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class Kin:
    """Somebody by name, and their place in the household that the viewer shares with them."""

    user_id: int
    name: str
    role: HouseholdRole | None


KIN = Statement(
    """
select distinct on (u.id) u.id, u.display_name, theirs.role
from app_user u
left join (
  membership theirs
  join membership mine on mine.household_id = theirs.household_id and mine.user_id = $1 and mine.status = 'ACTIVE'
  join household h on h.id = mine.household_id and h.dissolved_at is null
) on theirs.user_id = u.id and theirs.status = 'ACTIVE'
where u.id = any($2::bigint[]) and (u.id = $1 or theirs.id is not null)
order by u.id, theirs.id
""",
    lambda user_id, name, role: Kin(user_id, name, HouseholdRole(role) if role else None),
)


async def kin_by_user_id(scope: ReadScope, user_ids: Sequence[int]) -> Mapping[int, Kin | None]:
    """Those of the users whom the viewer knows; strangers are nobody's to name."""
    return {kin.user_id: kin for kin in await scope.reads.fetch(KIN, viewer_id(scope), user_ids)}
