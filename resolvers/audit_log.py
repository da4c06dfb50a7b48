"""What happened, for those whom it concerns: in a cabinet, with a number, in a household (F038, I16)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import HouseholdRole, sees_links
from loaders.actor import AuditActor
from models.audit import STAFF
from models.reader import Statement
from resolvers import node_id
from resolvers.context import Context
from resolvers.page import Page, page, position, size


@dataclass(frozen=True, slots=True)
class AuditDetail:
    """One thing that an event tells besides its action."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened; `actor` is None where that is not told."""

    id: int
    at: datetime
    action: str
    details: list[AuditDetail]
    line_id: int | None
    actor: AuditActor | None
    is_operator_staff: bool


# Marks what somebody did in silence: the household reads of the line, and of nobody (E34).
SILENT = "silent"


def _event(
    event_id: int,
    at: datetime,
    action: str,
    details: dict[str, Any],
    line_id: int | None,
    actor: str,
    role: str | None,
    is_viewer: bool,
) -> AuditEvent:
    by_staff = STAFF in details
    hidden = SILENT in details and not is_viewer
    told = [AuditDetail(key, str(value)) for key, value in details.items() if key != SILENT]
    who = AuditActor(actor, HouseholdRole(role) if role else None, is_viewer, by_staff)
    return AuditEvent(event_id, at, action, told, line_id, None if hidden else who, by_staff)


# What the viewer did, what was done to them, and what was done with a number since it is theirs: a number that was
# somebody else's before tells nothing of that time (N3).
_CONCERNS = (
    "e.user_id = $1",
    "e.subject_id = $1",
    "e.line_id in (select l.id from line l where l.user_id = $1 and (l.reissued_at is null or e.at >= l.reissued_at))",
)
_ABOUT_LINE = "($2::bigint is null or e.line_id = $2)"
_COLUMNS = "e.id, e.at, e.action, e.details, e.line_id, u.display_name, e.actor_role, e.user_id = $1"

# Each way is a walk down an index of its own, no longer than the page.
_OF_VIEWER = Statement(
    f"""
select {_COLUMNS} from (
  {
        " union ".join(
            f"(select id from audit_event e where {concerns} and {_ABOUT_LINE} and ($3::bigint is null or e.id < $3) "
            "order by e.id desc limit $4)"
            for concerns in _CONCERNS
        )
    }
) found join audit_event e using (id) join app_user u on u.id = e.user_id
order by e.id desc limit $4
""",
    _event,
)
_OF_VIEWER_COUNT = Statement(
    f"select count(*) from audit_event e where ({' or '.join(_CONCERNS)}) and {_ABOUT_LINE}",
    int,
)
_OF_HOUSEHOLD = Statement(
    f"""
select {_COLUMNS} from audit_event e join app_user u on u.id = e.user_id
where e.household_id = $2 and ($3::bigint is null or e.id < $3) order by e.id desc limit $4
""",
    _event,
)
_OF_HOUSEHOLD_COUNT = Statement("select count(*) from audit_event e where e.household_id = $1", int)


_BY_ID = Statement(
    f"""
select {_COLUMNS} from audit_event e join app_user u on u.id = e.user_id
where e.id = $2 and ({" or ".join(_CONCERNS)} or e.household_id = any($3::bigint[]))
""",
    _event,
)


async def by_id(context: Context, key: int, households: Sequence[int]) -> AuditEvent | None:
    """An event that concerns the viewer, or is in the log of one of these households."""
    return await context.reads.fetch_one(_BY_ID, context.require_viewer().user_id, key, list(households))


async def of_viewer(context: Context, line_id: str | None, first: int | None, after: str | None) -> Page[AuditEvent]:
    """What concerns the viewer, or what of it is about one line; newest first."""
    viewer = context.require_viewer()
    wanted = node_id.decode(line_id) if line_id is not None else None
    line = node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "Line" else None
    # An id that names no line is about nothing, not about everything.
    about = 0 if line_id is not None and line is None else line
    reads = context.reads

    async def count() -> int:
        return await reads.fetch_one(_OF_VIEWER_COUNT, viewer.user_id, about) or 0

    return await _page(context, _OF_VIEWER, about, first, after, count)


async def of_household(
    context: Context, household_id: int, role: HouseholdRole, first: int | None, after: str | None
) -> Page[AuditEvent]:
    """What members did with a household and its numbers, for whoever of them may see its links."""
    shown = household_id if sees_links(role) else 0
    reads = context.reads

    async def count() -> int:
        return await reads.fetch_one(_OF_HOUSEHOLD_COUNT, shown) or 0

    return await _page(context, _OF_HOUSEHOLD, shown, first, after, count)


async def _page(
    context: Context,
    events: Statement[AuditEvent],
    about: int | None,
    first: int | None,
    after: str | None,
    count: Callable[[], Any],
) -> Page[AuditEvent]:
    limit = size(first)
    place = position(after, int)
    found = await context.reads.fetch(
        events, context.require_viewer().user_id, about, place[0] if place else None, limit + 1
    )
    return page(found[:limit], limit, place, lambda event: [event.id], count, has_more=len(found) > limit)
