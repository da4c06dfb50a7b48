"""The internet of a line: its speed, what extends it, its sessions, asking for more (F131–F133)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from domain.access import Scope
from domain.line import ServiceKind
from domain.money import Money
from domain.periods import PeriodRejected, day_range
from domain.profile import Profile
from loaders.catalogue import SERVICE_COLUMNS, Service, ServiceRow, service
from loaders.internet_by_line_id import Internet
from loaders.visible import Line
from models.reader import Statement
from resolvers import confined
from resolvers.context import Context
from resolvers.errors import invalid_input
from resolvers.page import Page, page, position, size
from resolvers.ticket import Ticket, opened
from resolvers.usage_limit import key
from services import speed_request

LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class InternetSession:
    """One time that a line was online; volumes in bytes. `ended_at` is None while it is."""

    id: int
    started_at: datetime
    ended_at: datetime | None
    ip: str | None
    received: int
    sent: int
    cost: Money


_Row = tuple[int, datetime, datetime | None, str | None, int, int, int]


def _row(*columns: Any) -> _Row:
    session_id, started_at, ended_at, ip, received, sent, cost = columns
    return session_id, started_at, ended_at, ip, received, sent, cost


def _found(line_id: int, *columns: Any) -> tuple[int, _Row]:
    return line_id, _row(*columns)


_COLUMNS = "i.id, i.started_at, i.ended_at, i.ip, i.received, i.sent, i.cost"
# Those that began in the period, the newest first; two of a line never begin at the same moment.
_WHERE = "i.line_id = $1 and i.started_at >= $2 and i.started_at < $3"
_PAGE = Statement(
    f"""
select {_COLUMNS} from internet_session i
where {_WHERE} and ($4::timestamptz is null or i.started_at < $4) order by i.started_at desc limit $5
""",
    _row,
)
_COUNT = Statement(f"select count(*) from internet_session i where {_WHERE}", int)
_ONE = Statement(f"select i.line_id, {_COLUMNS} from internet_session i where i.id = $1", _found)
_EXTENSIONS = Statement(
    f"""
select {SERVICE_COLUMNS} from service s
where s.operator = $1 and s.category = 'INTERNET_EXTENSION' and s.kind = $2 and not s.archived order by s.fee, s.id
""",
    ServiceRow,
)


async def of_line(context: Context, line: Line) -> Internet | None:
    """The internet of a line; None without VIEW, and for lines that do not go online."""
    return await context.loaders.internet_by_line_id.load(line.id) if line.allows(Scope.VIEW) else None


async def extensions(context: Context, found: Internet) -> list[Service]:
    """What extends speed or traffic of this kind of line, the cheapest first; none where the operator offers none."""
    if not _profile(context, found.operator).internet.speed_extension:
        return []
    rows = await context.reads.fetch(_EXTENSIONS, found.operator, found.kind)
    return [service(context.loaders.scope, row) for row in rows]


async def sessions(
    context: Context, found: Internet, days: tuple[date, date], first: int | None, after: str | None
) -> Page[InternetSession] | None:
    """The sessions that began on these days; None without DETAILS, and where the operator does not record them.

    When somebody was online, and from where, is nobody's who may see but sums.
    """
    limit, place = size(first), position(after, str)
    profile = _profile(context, found.operator)
    line = await context.loaders.line_by_id.load(found.line_id)
    recorded = profile.internet.session_statistics and found.kind is ServiceKind.INTERNET
    if line is None or not line.allows(Scope.DETAILS) or not recorded:
        return None
    if days[1] - days[0] >= timedelta(days=LONGEST_DAYS):
        raise invalid_input(f"`period` must be at most {LONGEST_DAYS} days")
    try:
        period = day_range(*days, profile.operator.zone)
    except PeriodRejected as error:
        raise invalid_input(f"`period` is not one: {error}") from None
    seen = (found.line_id, period.start, period.end)
    before = None if place is None else _moment(place[0])
    rows = await context.reads.fetch(_PAGE, *seen, before, limit + 1)

    async def count() -> int:
        return await context.reads.fetch_one(_COUNT, *seen) or 0

    nodes = [_session(profile, row) for row in rows[:limit]]
    return page(nodes, limit, place, lambda node: [node.started_at.isoformat()], count, has_more=len(rows) > limit)


async def session_by_id(context: Context, session_id: int) -> InternetSession | None:
    """A session that the viewer may see."""
    found = await context.reads.fetch_one(_ONE, session_id)
    line = None if found is None else await context.loaders.line_by_id.load(found[0])
    if found is None or line is None or not line.allows(Scope.DETAILS):
        return None
    profile = _profile(context, line.operator)
    return _session(profile, found[1]) if profile.internet.session_statistics else None


async def request_speed(
    context: Context, line_id: str, mbps: int, comment: str | None
) -> Ticket | speed_request.Refused:
    """Ask for a higher speed; answers the ticket."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    asking = speed_request.ask(context.profile, viewer, key(line_id, "Line"), mbps, comment)
    return await opened(context, await context.change(asking))


def _session(
    profile: Profile, row: tuple[int, datetime, datetime | None, str | None, int, int, int]
) -> InternetSession:
    session_id, started_at, ended_at, ip, received, sent, cost = row
    money = Money(cost, profile.operator.currency)
    return InternetSession(session_id, started_at, ended_at, ip, received, sent, money)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None:
        raise invalid_input("`after` must be a cursor of this connection, unchanged")
    return at


def _profile(context: Context, operator: str) -> Profile:
    return context.loaders.scope.profile_of(operator) or context.profile
