"""Typed numbers that are nobody's: a few are slips of a payer, many are a search for accounts (E42)."""

from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from models import counter
from models.database import tx
from models.reader import Statement

MOST_MISSES = 20
_WINDOW_SECONDS = 3600

EXHAUSTED: Statement[datetime | None] = Statement(
    f"select ends_at from counter where key = $1 and count >= {MOST_MISSES} and ends_at > now()", lambda at: at
)
"""When somebody may look for numbers again; no row for those who may."""


def key(user_id: int) -> str:
    """What the misses of a user are counted under."""
    return f"payees:{user_id}"


async def missed(user_id: int) -> None:
    """Count one number that is nobody's."""

    async def work(connection: BaseDBAsyncClient) -> None:
        await counter.count(connection, key(user_id), _WINDOW_SECONDS)

    await tx(work)
