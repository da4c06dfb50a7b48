"""The open invitations of households, for whoever may take them back: the owner all, others those they sent."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from domain.access import HouseholdRole
from loaders.batch import grouped
from loaders.scope import ReadScope
from models.invitation import InvitationStatus
from models.reader import Statement


class Invitation(NamedTuple):
    """An invitation; `household_name` and `invited_by` are for whoever is invited."""

    id: int
    household_id: int
    household_name: str
    invited_by: str
    role: HouseholdRole
    birth_date: date | None
    target_masked: str
    status: InvitationStatus
    created_at: datetime
    expires_at: datetime


COLUMNS = """
i.id, i.household_id, h.name, u.display_name, i.role, i.birth_date, i.target_masked, i.status, i.created_at,
i.expires_at
"""
FROM = "from invitation i join household h on h.id = i.household_id join app_user u on u.id = i.invited_by_id"
OPEN = "i.status = 'PENDING' and i.expires_at > now() and h.dissolved_at is null"

_OPEN = Statement(
    f"""
select {COLUMNS} {FROM} join membership mine on mine.household_id = h.id and mine.user_id = $1
  and mine.status = 'ACTIVE' and (mine.role = 'OWNER' or i.invited_by_id = $1)
where i.household_id = any($2::bigint[]) and {OPEN} order by i.id
""",
    Invitation,
)


async def invitations_by_household_id(scope: ReadScope, household_ids: Sequence[int]) -> Mapping[int, list[Invitation]]:
    viewer_id, *_ = scope.visibility
    return grouped(await scope.reads.fetch(_OPEN, viewer_id, household_ids), lambda found: found.household_id)
