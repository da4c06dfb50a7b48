"""Asking to buy (F053): a child asks the owner of its household for exactly this, at exactly this price (I14).

What was asked for is done by the action that asked, in the transaction of the owner's answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import HouseholdRole, Scope
from domain.money import Money
from domain.profile import Profile
from domain.quote import PriceQuote, stored
from domain.refusals import Forbidden, InputRejected, NotFound, RateLimited, Refusal
from domain.usage_limit_refusals import ApprovalClosed, ApprovedPriceChanged, LimitExceeded
from domain.wording import Wording, language_of
from models import audit, counter, outbox
from models.approval import ApprovalStatus
from models.audit import About
from models.child_policy import Child
from models.database import tx
from models.notify import notify

HOURS = 24
MOST_OPEN = 10
"""How many questions of a child are open at once."""

MOST_A_DAY = 50
LONGEST_COMMENT = 500
_DAY = 86_400

_ASKED = Wording("{operator}: {name} asks for your approval: {title}. Answer in the cabinet within 24 hours.")
_APPROVED = Wording("{operator}: approved and done: {title}.")
_DECLINED = Wording("{operator}: not approved: {title}.")

_NO_QUESTION = NotFound("There is no such question to you", ("approvalId",))

# The same question at another price is another question, and takes the place of the first.
_OVERTAKEN = """
update approval_request set status = 'CANCELLED', resolved_at = now()
where line_id = $1 and action = $2 and subject = $3::jsonb and price is distinct from $4 and status = 'PENDING'
"""
_EXPIRED = """
update approval_request set status = 'EXPIRED', resolved_at = now()
where status = 'PENDING' and expires_at <= now() and ($1::bigint is null or line_id = $1)
returning household_id
"""
_SAME = "select id from approval_request where line_id = $1 and subject_key = $2 and status = 'PENDING'"
_OPEN = "select count(*) as open from approval_request where line_id = $1 and status = 'PENDING'"
_ASK = """
insert into approval_request (household_id, line_id, requested_by_id, scope, action, title, subject, subject_key,
  price, quote, status, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10::jsonb, 'PENDING', now(), now() + make_interval(hours => $11))
returning id
"""
# One after another for each line, so that the same question asked twice at once is one.
_LOCK_LINE = "select id from line where id = $1 for no key update"
_LOCK = """
select r.id, r.household_id, r.line_id, r.requested_by_id, r.action, r.title, r.subject, r.price, r.status,
  r.expires_at > now() as in_time, l.operator,
  exists (select from membership o join household h on h.id = o.household_id and h.dissolved_at is null
    where o.household_id = r.household_id and o.user_id = $2 and o.role = 'OWNER' and o.status = 'ACTIVE') as is_owner,
  exists (select from membership c where c.household_id = r.household_id and c.user_id = r.requested_by_id
    and c.user_id = l.user_id and c.role = 'CHILD' and c.status = 'ACTIVE') as is_child
from approval_request r join line l on l.id = r.line_id
where r.id = $1 and l.operator = $3 for no key update of r
"""
_RESOLVE = """
update approval_request set status = $2, resolved_at = now(), resolved_by_id = $3, comment = $4 where id = $1
"""
_CLOSE = """
update approval_request set status = 'CANCELLED', resolved_at = now()
where status = 'PENDING' and (line_id = any($1::bigint[]) or household_id = any($2::bigint[])
  or requested_by_id = any($3::bigint[]))
returning household_id
"""
_NUMBER = """
select u.language, u.display_name,
  (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn
from app_user u where u.id = $1
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What a child asks for. `subject` is what to do, as `action` reads it, and no part of it is the price.

    `title` says it to people of any language, such as "100.00 RUB → ***1005". `quote` is the exact price, None where
    it costs nothing, and `what` names the change that it is of, as a quote's token does (`auth/quote_token.py`).
    """

    line_id: int
    scope: Scope
    action: str
    title: str
    subject: Mapping[str, Any]
    subject_key: str
    price: Money | None
    quote: PriceQuote | None = None
    what: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question stands, now or since before."""

    approval_id: int


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the owner agreed to, for the action to do: exactly this, at exactly this price."""

    approval_id: int
    line_id: int
    child_id: int
    subject: Mapping[str, Any]
    price: Money | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The owner's answer is known, and what it agreed to is done."""

    approval_id: int


Stopped = Refusal | LimitExceeded | ApprovedPriceChanged
"""What an action may say instead of doing it."""

Action = Callable[[BaseDBAsyncClient, Profile, Agreed], Awaitable[Stopped | None]]
"""Does what was asked for, in the owner's transaction; a refusal has changed nothing."""

Refused = Stopped | ApprovalClosed


async def ask(connection: BaseDBAsyncClient, profile: Profile, child: Child, question: Question) -> Asked | RateLimited:
    """Ask the owner, in the caller's transaction; the same question again is the one that is open."""
    await connection.execute_query(_LOCK_LINE, [question.line_id])
    await _expire(connection, question.line_id)
    price = None if question.price is None else question.price.minor
    subject = orjson.dumps(dict(question.subject), option=orjson.OPT_SORT_KEYS).decode()
    key = f"{question.subject_key}:{price}"
    if same := await connection.execute_query_dict(_SAME, [question.line_id, key]):
        return Asked(same[0]["id"])
    count, ends_at = await counter.count(connection, f"approval:{question.line_id}", _DAY, MOST_A_DAY)
    [row] = await connection.execute_query_dict(_OPEN, [question.line_id])
    if count > MOST_A_DAY or row["open"] >= MOST_OPEN:
        return RateLimited(ends_at, "Too many questions are open; wait for an answer")
    await connection.execute_query(_OVERTAKEN, [question.line_id, question.action, subject, price])
    told = [child.household_id, question.line_id, child.child_id, question.scope, question.action, question.title]
    quote = None if question.quote is None else stored(question.quote) | {"what": question.what}
    kept = None if quote is None else orjson.dumps(quote).decode()
    [asked] = await connection.execute_query_dict(_ASK, [*told, subject, key, price, kept, HOURS])
    person = audit.TheUser(profile.operator.id, child.child_id)
    about = About(question.line_id, child.household_id, child.child_id, HouseholdRole.CHILD)
    await audit.record(connection, person, "APPROVAL_ASKED", about, what=question.title)
    [who] = await connection.execute_query_dict(_NUMBER, [child.child_id])
    await _tell(connection, profile, child.owner_id, _ASKED, question.title, who["display_name"])
    await notify(connection, f"approval:{child.household_id}")
    return Asked(asked["id"])


async def resolve(
    profile: Profile,
    viewer: Viewer,
    actions: Mapping[str, Action],
    approval_id: int,
    *,
    approve: bool,
    comment: str | None,
) -> Resolved | Refused:
    """Answer a question as the owner of the household: what is agreed to is done at once, or stays asked.

    The same answer again changes nothing; the other one comes too late.
    """
    if comment is not None and (len(comment) > LONGEST_COMMENT or "\0" in comment):
        return InputRejected(f"A comment has at most {LONGEST_COMMENT} characters", ("comment",))
    wanted = ApprovalStatus.APPROVED if approve else ApprovalStatus.DECLINED

    async def work(connection: BaseDBAsyncClient) -> Resolved | Refused:
        rows = await connection.execute_query_dict(_LOCK, [approval_id, viewer.user_id, profile.operator.id])
        if not rows or not (rows[0]["is_owner"] or rows[0]["requested_by_id"] == viewer.user_id):
            return _NO_QUESTION
        [row] = rows
        if not row["is_owner"]:
            return Forbidden("Only the owner of the household answers", ("approvalId",))
        if row["status"] == wanted:
            return Resolved(row["id"])
        if row["status"] != ApprovalStatus.PENDING or not row["in_time"] or not row["is_child"]:
            return ApprovalClosed()
        if approve:
            price = None if row["price"] is None else Money(row["price"], profile.operator.currency)
            agreed = Agreed(row["id"], row["line_id"], row["requested_by_id"], orjson.loads(row["subject"]), price)
            stopped = await actions[row["action"]](connection, profile, agreed)
            if stopped is not None:
                return stopped
        await connection.execute_query(_RESOLVE, [row["id"], wanted, viewer.user_id, comment])
        about = About(row["line_id"], row["household_id"], row["requested_by_id"], HouseholdRole.OWNER)
        await audit.record(connection, viewer, f"APPROVAL_{wanted}", about, what=row["title"])
        wording = _APPROVED if approve else _DECLINED
        await _tell(connection, profile, row["requested_by_id"], wording, row["title"])
        await notify(connection, f"approval:{row['household_id']}")
        return Resolved(row["id"])

    return await tx(work)


async def close_approvals(
    connection: BaseDBAsyncClient,
    *,
    lines: Sequence[int] = (),
    households: Sequence[int] = (),
    children: Sequence[int] = (),
) -> None:
    """Let open questions about these fall, in the transaction that ends what they rest on."""
    rows = await connection.execute_query_dict(_CLOSE, [list(lines), list(households), list(children)])
    await notify(connection, *(f"approval:{row['household_id']}" for row in rows))


async def expire() -> None:
    """Let questions fall that nobody answered in time."""
    await tx(lambda connection: _expire(connection, None))


async def _expire(connection: BaseDBAsyncClient, line_id: int | None) -> None:
    rows = await connection.execute_query_dict(_EXPIRED, [line_id])
    await notify(connection, *(f"approval:{row['household_id']}" for row in rows))


async def _tell(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int, wording: Wording, title: str, name: str = ""
) -> None:
    [person] = await connection.execute_query_dict(_NUMBER, [user_id])
    if person["msisdn"] is None:
        return
    language = language_of(profile, person["language"])
    text = wording.text(language, operator=profile.operator.name, title=title, name=name)
    await outbox.enqueue(connection, profile.operator.id, "sms", {"to": person["msisdn"], "text": text})
