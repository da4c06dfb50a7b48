"""The tariff that a line can go back to (F108): the one before its last change, while that is paid for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from loaders.catalogue import Tariff
from loaders.catalogue_memory import plans
from loaders.scope import Entry, ReadScope
from models.reader import Statement


class TariffBefore(NamedTuple):
    """A tariff, and up to when it can be had back."""

    tariff: Tariff
    until: datetime


class _Row(NamedTuple):
    line_id: int
    operator: str
    tariff_id: int
    tariff_version: int
    paid_until: datetime


# Only the last change can be taken back without saying which, and nothing while another one waits.
_BEFORE = Statement(
    """
select ts.line_id, o.operator, o.id, o.xmin, r.paid_until
from tariff_subscription ts join line l on l.id = ts.line_id
join lateral (
  select e.id, e.before_id, e.action from tariff_event e
  where e.line_id = ts.line_id and (l.reissued_at is null or e.at >= l.reissued_at) order by e.id desc limit 1
) e on e.action <> 'REVERT'
join tariff o on o.id = e.before_id and not o.archived
join tariff_rest r on r.event_id = e.id and r.paid_until > now()
where ts.line_id = any($1::bigint[]) and ts.pending_at is null
""",
    _Row,
)


async def tariff_before_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, TariffBefore | None]:
    rows = [row for row in await scope.reads.fetch(_BEFORE, line_ids) if _reverts(scope, row.operator)]
    named = await plans(scope, (Entry(row.tariff_id, row.tariff_version) for row in rows))
    return {
        row.line_id: TariffBefore(named[row.tariff_id].tariff, row.paid_until) for row in rows if row.tariff_id in named
    }


def _reverts(scope: ReadScope, operator: str) -> bool:
    profile = scope.profile_of(operator)
    return profile is not None and profile.tariffs.revert
