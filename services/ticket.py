"""Tickets: what users ask people for, and what these answer on the command line (F110, F133)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.profile import Profile
from domain.refusals import InputRejected
from domain.ticket import TicketCategory, TicketStatus, TicketSubject
from domain.ticket_refusals import TicketRejected
from domain.ticket_words import LONGEST_COMMENT, LONGEST_MESSAGE, read_words, subject_text
from domain.wording import Wording
from models import audit
from models.audit import About
from models.database import tx
from services import household_notice

_LONGEST_NAME = 80
_LONGEST_SMS = 300

_ANSWERED = Wording("{operator}: your request {number} is answered. {text}")
_CLOSED = Wording("{operator}: your request {number} is closed. {text}")

# One that is open already is not opened again: the unique indexes of 0029 say which.
_OPEN = """
insert into ticket (operator, user_id, line_id, category, subject, details, comment, status, created_at, answer_due_at)
values ($1, $2, $3, $4, $5, $6::jsonb, $7, 'NEW', now(), now() + make_interval(hours => $8))
on conflict do nothing returning id
"""
_WAITING = """
select t.id, t.operator, t.subject, t.details, t.comment, t.status, t.answer_due_at, u.display_name
from ticket t join app_user u on u.id = t.user_id
where t.status not in ('RESOLVED', 'CLOSED') and t.operator = any($1::text[]) order by t.answer_due_at, t.id limit 1000
"""
_LOCK = """
select id, operator, user_id, status from ticket where id = $1 and operator = any($2::text[]) for no key update
"""
_SAY = "insert into ticket_message (ticket_id, staff, text, at) values ($1, $2, $3, now())"
_SET_STATUS = """
update ticket set status = $2::text, closed_at = case when $2::text = 'CLOSED' then now() end where id = $1
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; `details` name what the subject's words do."""

    category: TicketCategory
    subject: TicketSubject
    details: Mapping[str, Any]
    comment: str | None
    line_id: int | None = None


@dataclass(frozen=True, slots=True)
class TicketOpened:
    """The operator is asked, now or since before."""

    ticket_id: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket that is not done: for the list that an employee reads."""

    id: int
    operator: str
    subject: str
    comment: str | None
    status: TicketStatus
    answer_due_at: datetime
    asked_by: str


@dataclass(frozen=True, slots=True)
class Told:
    """A ticket after an employee's word."""

    id: int
    status: TicketStatus


def read_comment(typed: str | None) -> str | InputRejected | None:
    """What a user adds to a request."""
    return read_words(typed, LONGEST_COMMENT, "comment")


async def open_ticket(connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, wanted: Request) -> int | None:
    """Ask the operator, in the caller's transaction; None where the same is being asked for already."""
    told = [profile.operator.id, viewer.user_id, wanted.line_id, wanted.category, wanted.subject]
    details = orjson.dumps(dict(wanted.details)).decode()
    rows = await connection.execute_query_dict(
        _OPEN, [*told, details, wanted.comment, profile.support.answer_sla_hours]
    )
    if not rows:
        return None
    ticket_id: int = rows[0]["id"]
    about = About(line_id=wanted.line_id)
    await audit.record(connection, viewer, "TICKET_OPENED", about, ticket=ticket_id, subject=wanted.subject)
    return ticket_id


async def waiting(profiles: Mapping[str, Profile]) -> list[Waiting]:
    """The tickets that are not done, the first to be answered first."""

    async def read(connection: BaseDBAsyncClient) -> list[Waiting]:
        rows = await connection.execute_query_dict(_WAITING, [list(profiles)])
        return [
            Waiting(
                id=row["id"],
                operator=row["operator"],
                subject=subject_text(
                    TicketSubject(row["subject"]),
                    orjson.loads(row["details"]),
                    profiles[row["operator"]].operator.languages[0],
                ),
                comment=row["comment"],
                status=TicketStatus(row["status"]),
                answer_due_at=row["answer_due_at"],
                asked_by=row["display_name"],
            )
            for row in rows
        ]

    return await tx(read)


async def answer(profiles: Mapping[str, Profile], ticket_id: int, by: str, text: str) -> Told | TicketRejected:
    """Answer a ticket, which stays open; its user is told."""
    return await _say(profiles, ticket_id, by, text, TicketStatus.IN_PROGRESS)


async def close(profiles: Mapping[str, Profile], ticket_id: int, by: str, text: str | None) -> Told | TicketRejected:
    """Close a ticket, with a last word or without; its user is told."""
    return await _say(profiles, ticket_id, by, text, TicketStatus.CLOSED)


async def _say(
    profiles: Mapping[str, Profile], ticket_id: int, by: str, text: str | None, status: TicketStatus
) -> Told | TicketRejected:
    words = read_words(text, LONGEST_MESSAGE, "text")
    if isinstance(words, InputRejected):
        return TicketRejected(words.message)
    if words is None and status is not TicketStatus.CLOSED:
        return TicketRejected("An answer says something")

    async def work(connection: BaseDBAsyncClient) -> Told | TicketRejected:
        rows = await connection.execute_query_dict(_LOCK, [ticket_id, list(profiles)])
        if not rows:
            return TicketRejected(f"There is no ticket {ticket_id}")
        [row] = rows
        if row["status"] == TicketStatus.CLOSED:
            return TicketRejected(f"Ticket {ticket_id} was closed before")
        if words is not None:
            await connection.execute_query(_SAY, [ticket_id, by[:_LONGEST_NAME], words])
        await connection.execute_query(_SET_STATUS, [ticket_id, status])
        wording = _CLOSED if status is TicketStatus.CLOSED else _ANSWERED
        shown = (words or "").replace("\n", " ")
        shown = shown if len(shown) <= _LONGEST_SMS else f"{shown[: _LONGEST_SMS - 1]}…"
        profile = profiles[row["operator"]]
        number = str(ticket_id)
        await household_notice.tell(connection, profile, [row["user_id"]], wording, number=number, text=shown)
        return Told(ticket_id, status)

    return await tx(work)
