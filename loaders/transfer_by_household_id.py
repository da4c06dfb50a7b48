"""The open handovers of households, for those at both ends of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from loaders.batch import by_key
from loaders.scope import ReadScope
from models.reader import Statement


class Transfer(NamedTuple):
    """A handover; `challenge_id` names the newest code, for the new owner only."""

    id: int
    household_id: int
    from_member_id: int
    to_member_id: int
    requested_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    effective_at: datetime | None
    challenge_id: UUID | None


_OPEN = Statement(
    """
select t.id, t.household_id, t.from_member_id, t.to_member_id, t.requested_at, t.expires_at, t.accepted_at,
  t.effective_at, case when theirs.user_id = $1 and t.accepted_at is null then (
    select c.id from challenge c where c.purpose = 'TRANSFER_OWNERSHIP' and c.initiator = 'transfer:' || t.id
      and c.user_id = $1 order by c.created_at desc limit 1) end
from ownership_transfer t
join membership mine on mine.id = t.from_member_id join membership theirs on theirs.id = t.to_member_id
where t.household_id = any($2::bigint[]) and t.done_at is null and t.cancelled_at is null
  and (t.accepted_at is not null or t.expires_at > now()) and $1 in (mine.user_id, theirs.user_id)
""",
    Transfer,
)


async def transfer_by_household_id(scope: ReadScope, household_ids: Sequence[int]) -> Mapping[int, Transfer]:
    viewer_id, *_ = scope.visibility
    return by_key(await scope.reads.fetch(_OPEN, viewer_id, household_ids), lambda found: found.household_id)
