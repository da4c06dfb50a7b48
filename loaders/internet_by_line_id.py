"""The speed of a line, and what was asked for last (F131, F133); only of lines that go online."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.line import ServiceKind
from domain.ticket import TicketStatus
from loaders.scope import ReadScope
from models.internet import SPEEDS
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class SpeedRequest:
    """The last request for a higher speed, whoever of the line's people made it."""

    requested_mbps: int
    status: TicketStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Internet:
    """A line that goes online; `speed_mbps` is of a fixed one, where it is known."""

    line_id: int
    operator: str
    kind: ServiceKind
    speed_mbps: int | None
    speed_request: SpeedRequest | None


class _Row(NamedTuple):
    line_id: int
    operator: str
    kind: ServiceKind
    mbps: int | None
    asked_mbps: int | None
    status: str | None
    created_at: datetime | None


LINES = Statement(
    f"""
select l.id, l.operator, l.kind, v.mbps, r.mbps, r.status, r.created_at
from line l join ({SPEEDS}) v on v.id = l.id
left join lateral (
  select (t.details->>'mbps')::int as mbps, t.status, t.created_at from ticket t
  where t.line_id = l.id and t.subject = 'SPEED_INCREASE' order by t.id desc limit 1) r on true
where l.id = any($1::bigint[]) and l.kind in ('INTERNET', 'MOBILE')
""",
    _Row,
)


async def internet_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, Internet | None]:
    return {row.line_id: _internet(row) for row in await scope.reads.fetch(LINES, line_ids)}


def _internet(row: _Row) -> Internet:
    asked = None
    if row.asked_mbps is not None and row.status is not None and row.created_at is not None:
        asked = SpeedRequest(row.asked_mbps, TicketStatus(row.status), row.created_at)
    return Internet(row.line_id, row.operator, ServiceKind(row.kind), row.mbps, asked)
