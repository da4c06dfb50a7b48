"""Changes of lines that are named by a key: each is made once, whoever repeats it, and at one quote once (N7, E46).

`before` comes first in the transaction of a change, `done` last; a change that was refused leaves no trace.
"""

from dataclasses import dataclass
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.quote_refusals import QuoteRejected
from domain.refusals import IdempotencyConflict


@dataclass(frozen=True, slots=True)
class Named:
    """A change of a line as its maker named it; `asked` is a digest of what a repetition must repeat.

    `quote` is the quote whose price it is made at, where it has one.
    """

    user_id: int
    line_id: int
    key: str
    asked: str
    quote: UUID | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The change was made before; `result` is what it made."""

    result: int | None


# Whoever repeats a change waits for the first to be over, and so does whoever changes the same line. The line itself
# is not locked: charging its fees writes to it, with the account's money in hand.
_LOCK = """
select pg_advisory_xact_lock(hashtextextended('line_change:' || $1::bigint || ':' || $2::text, 0)),
  pg_advisory_xact_lock(hashtextextended('line_change:' || $3::bigint, 0))
"""
_LOCK_LINE = "select pg_advisory_xact_lock(hashtextextended('line_change:' || $1::bigint, 0))"
_FIND = "select asked, result from line_change where user_id = $1 and key = $2"
_USED = "select from line_change where quote = $1"
_DONE = """
insert into line_change (user_id, line_id, key, asked, quote, result, at) values ($1, $2, $3, $4, $5, $6, now())
"""


async def before(connection: BaseDBAsyncClient, named: Named) -> Repeated | IdempotencyConflict | QuoteRejected | None:
    """Whether the change was made already; None: go on, and nobody else changes this line until the end."""
    await connection.execute_query(_LOCK, [named.user_id, named.key, named.line_id])
    for row in await connection.execute_query_dict(_FIND, [named.user_id, named.key]):
        return Repeated(row["result"]) if row["asked"] == named.asked else IdempotencyConflict()
    if named.quote is not None and await connection.execute_query_dict(_USED, [named.quote]):
        return QuoteRejected()
    return None


async def alone(connection: BaseDBAsyncClient, line_id: int) -> None:
    """Let nobody else change this line until the end, for a change that is the same however often it is made."""
    await connection.execute_query(_LOCK_LINE, [line_id])


async def done(connection: BaseDBAsyncClient, named: Named, result: int | None) -> None:
    """Note that the change was made, in its transaction."""
    told = [named.user_id, named.line_id, named.key, named.asked, named.quote, result]
    await connection.execute_query(_DONE, told)
