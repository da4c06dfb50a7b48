"""What the viewer asked the operator for, and what people answered (F110, F133)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from domain.access import AccessLevel
from domain.refusals import NotFound
from domain.ticket import TicketCategory, TicketStatus, TicketSubject
from domain.ticket_words import subject_text
from domain.wording import language_of
from models.reader import Statement
from resolvers import confined
from resolvers.context import Context
from resolvers.page import Page, page, position, size
from resolvers.usage_limit import key
from services import bundle_request
from services.ticket import TicketOpened

R = TypeVar("R")

_NOT_THERE = NotFound("There is no such ticket of yours", None)


class Ticket(NamedTuple):
    """A request; `details` are what its subject is about."""

    id: int
    line_id: int | None
    category: TicketCategory
    asks_for: TicketSubject
    details: dict[str, Any]
    comment: str | None
    status: TicketStatus
    created_at: datetime
    answer_due_at: datetime
    closed_at: datetime | None

    @property
    def number(self) -> str:
        return str(self.id)


class TicketMessage(NamedTuple):
    """What was said in a ticket."""

    id: int
    ticket_id: int
    text: str
    at: datetime
    from_staff: bool


def _ticket(*columns: Any) -> Ticket:
    row = Ticket(*columns)
    return row._replace(
        category=TicketCategory(row.category), asks_for=TicketSubject(row.asks_for), status=TicketStatus(row.status)
    )


_COLUMNS = """
t.id, t.line_id, t.category, t.subject, t.details, t.comment, t.status, t.created_at, t.answer_due_at, t.closed_at
"""
_MINE = "from ticket t where t.user_id = $1 and t.operator = $2"
_FILTERED = f"{_MINE} and ($3::text is null or t.status = $3)"
_PAGE = Statement(
    f"select {_COLUMNS} {_FILTERED} and ($4::bigint is null or t.id < $4) order by t.id desc limit $5", _ticket
)
_COUNT = Statement(f"select count(*) {_FILTERED}", int)
_ONE: Statement[Ticket | None] = Statement(f"select {_COLUMNS} {_MINE} and t.id = $3", _ticket)
_MESSAGE = "m.id, m.ticket_id, m.text, m.at, m.staff is not null"
_MESSAGES = Statement(
    f"""
select {_MESSAGE} from ticket_message m
where m.ticket_id = $1 and ($2::bigint is null or m.id > $2) order by m.id limit $3
""",
    TicketMessage,
)
_MESSAGE_COUNT = Statement("select count(*) from ticket_message m where m.ticket_id = $1", int)
_ONE_MESSAGE: Statement[TicketMessage | None] = Statement(
    f"""
select {_MESSAGE} from ticket_message m join ticket t on t.id = m.ticket_id
where t.user_id = $1 and t.operator = $2 and m.id = $3
""",
    TicketMessage,
)


async def tickets(context: Context, status: TicketStatus | None, first: int | None, after: str | None) -> Page[Ticket]:
    """The viewer's tickets, the newest first; a session that the network opened sees none."""
    limit, place = size(first), position(after, int)
    if not _may_look(context):
        return page([], limit, place, _key, _none, has_more=False)
    seen = (*_who(context), status)
    rows = await context.reads.fetch(_PAGE, *seen, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await context.reads.fetch_one(_COUNT, *seen) or 0

    return page(rows[:limit], limit, place, _key, count, has_more=len(rows) > limit)


async def messages(context: Context, ticket: Ticket, first: int | None, after: str | None) -> Page[TicketMessage]:
    """What was said in a ticket, in its order."""
    limit, place = size(first), position(after, int)
    rows = await context.reads.fetch(_MESSAGES, ticket.id, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await context.reads.fetch_one(_MESSAGE_COUNT, ticket.id) or 0

    return page(rows[:limit], limit, place, _key, count, has_more=len(rows) > limit)


async def by_id(context: Context, ticket_id: int) -> Ticket | None:
    """A ticket of the viewer's."""
    return await context.reads.fetch_one(_ONE, *_who(context), ticket_id) if _may_look(context) else None


async def message_by_id(context: Context, message_id: int) -> TicketMessage | None:
    """What was said in a ticket of the viewer's."""
    return await context.reads.fetch_one(_ONE_MESSAGE, *_who(context), message_id) if _may_look(context) else None


def subject(context: Context, ticket: Ticket) -> str:
    """What a ticket asks for, in the viewer's language."""
    language = language_of(context.profile, context.require_viewer().language)
    return subject_text(ticket.asks_for, ticket.details, language)


async def request_bundle(context: Context, bundle_id: str, comment: str | None) -> Ticket | bundle_request.Refused:
    """Ask for a bundle; answers the ticket."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    asking = bundle_request.ask(context.profile, viewer, key(bundle_id, "Bundle"), comment)
    return await opened(context, await context.change(asking))


async def opened(context: Context, outcome: TicketOpened | R) -> Ticket | R | NotFound:
    """The ticket of a request that was taken."""
    if not isinstance(outcome, TicketOpened):
        return outcome
    return await by_id(context, outcome.ticket_id) or _NOT_THERE


def _may_look(context: Context) -> bool:
    return context.viewer is not None and context.viewer.access_level is AccessLevel.FULL


def _who(context: Context) -> tuple[int, str]:
    caller = context.require_viewer()
    return caller.user_id, caller.operator


def _key(node: Ticket | TicketMessage) -> Sequence[object]:
    return [node.id]


async def _none() -> int:
    return 0
