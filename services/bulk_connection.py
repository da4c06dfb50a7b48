"""A PostgreSQL connection for work on many rows at once: COPY and set-based statements, which Tortoise lacks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

from models.database import credentials

# In quotes: outside of type checking asyncpg's class takes no parameter.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CONNECT_SECONDS = 5


@asynccontextmanager
async def bulk_connection(url: str) -> AsyncIterator[Connection]:
    """A connection of its own, without the statement timeout of requests, closed at the end of the block."""
    connection = await asyncpg.connect(**credentials(url), timeout=_CONNECT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close()


def rows_changed(status: str) -> int:
    """How many rows a statement changed, from the tag that it ended with, such as `INSERT 0 12`."""
    return int(status.rsplit(" ", 1)[-1])
