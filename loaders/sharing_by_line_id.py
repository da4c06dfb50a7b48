"""What lines may give away of their gigabytes, in the month that runs where their operator is (F118)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.data_gift import month_of
from loaders.scope import ReadScope
from models.reader import Statement


class Giving(NamedTuple):
    """What a line gave this month, what of its packages can be given, and since when it has its SIM; in bytes."""

    line_id: int
    given: int
    held: Decimal
    sim_changed_at: datetime | None


_GIVING = Statement(
    """
select l.id, (
  select coalesce(sum(g.bytes), 0)::bigint from data_gift g
  join unnest($2::text[], $3::timestamptz[]) as m (operator, since) on m.operator = l.operator
  where g.source_id = l.id and g.at >= m.since), (
  select coalesce(sum(p.remaining), 0) from package_counter p
  where p.line_id = l.id and p.unit = 'BYTE' and p.source in ('TARIFF', 'SERVICE') and not p.unlimited
    and p.scope is null and (p.expires_at is null or p.expires_at > now())), l.sim_changed_at
from line l where l.id = any($1::bigint[])
""",
    Giving,
)


async def sharing_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, Giving | None]:
    months = {name: month_of(scope.now, profile.operator.zone) for name, profile in scope.profiles.items()}
    rows = await scope.reads.fetch(_GIVING, line_ids, list(months), list(months.values()))
    return {row.line_id: row for row in rows}
