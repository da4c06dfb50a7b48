"""What happened to the services of a line, and who did it (F116, E51)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import Scope
from domain.catalogue import ServiceAction
from domain.money import Money
from loaders.actor import AuditActor
from loaders.connector_by_subscription_id import actor
from loaders.visible import Line
from models.reader import Statement
from resolvers.context import Context
from resolvers.page import Page, page, position, size


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """Something that happened to a service of a line."""

    id: int
    line_id: int
    service_id: int
    action: ServiceAction
    at: datetime
    charge: Money | None
    actor: AuditActor


# A number that was somebody else's before tells nothing of that time (N3).
_FROM = """
from service_event e join line l on l.id = e.line_id
where e.line_id = $1 and (l.reissued_at is null or e.at >= l.reissued_at)
"""
_COLUMNS = """
select e.id, e.line_id, l.operator, e.service_id, e.action, e.at, e.charge, e.actor_id, e.actor_role, e.staff,
  (select u.display_name from app_user u where u.id = e.actor_id)
"""
_PAGE = Statement(
    f"{_COLUMNS} {_FROM} and ($2::bigint is null or e.id < $2) order by e.id desc limit $3", lambda *columns: columns
)
_ONE = Statement(f"{_COLUMNS} {_FROM} and e.id = $2", lambda *columns: columns)
_COUNT = Statement(f"select count(*) {_FROM}", int)
_LINE_OF: Statement[int | None] = Statement("select line_id from service_event where id = $1", int)


def sees(line: Line) -> bool:
    """Whether the viewer sees who did what to a line's services: who sees its use, and who manages them."""
    return line.allows(Scope.USAGE) or line.allows(Scope.SERVICES)


async def history(context: Context, line: Line, first: int | None, after: str | None) -> Page[ServiceEvent] | None:
    """The history of a line's services, newest first; None where it is not the viewer's to see."""
    limit, place = size(first), position(after, int)
    if not sees(line):
        return None
    reads = context.reads
    rows = await reads.fetch(_PAGE, line.id, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_COUNT, line.id) or 0

    events = [_event(context, *row) for row in rows[:limit]]
    return page(events, limit, place, lambda event: [event.id], count, has_more=len(rows) > limit)


async def by_id(context: Context, event_id: int) -> ServiceEvent | None:
    """An event that the viewer may see."""
    line_id = await context.reads.fetch_one(_LINE_OF, event_id)
    line = None if line_id is None else await context.loaders.line_by_id.load(line_id)
    if line is None or not sees(line):
        return None
    row = await context.reads.fetch_one(_ONE, line.id, event_id)
    return None if row is None else _event(context, *row)


def _event(
    context: Context,
    event_id: int,
    line_id: int,
    operator: str,
    service_id: int,
    action: str,
    at: datetime,
    charge: int,
    actor_id: int | None,
    role: str | None,
    staff: str | None,
    name: Any,
) -> ServiceEvent:
    scope = context.loaders.scope
    profile = scope.profile_of(operator) or scope.profile
    return ServiceEvent(
        id=event_id,
        line_id=line_id,
        service_id=service_id,
        action=ServiceAction(action),
        at=at,
        charge=Money(charge, profile.operator.currency) if charge else None,
        actor=actor(scope, operator, actor_id, name, role, staff),
    )
