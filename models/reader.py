"""Reads: one connection per request, in order, prepared statements by text (DESIGN 2, "How an operation runs")."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import asyncpg
import orjson

from models.database import PooledConnection, credentials

R = TypeVar("R")

# What it looks like from here when PostgreSQL is full, restarting or gone.
SILENT = (
    TimeoutError,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# Who waits for longer is told to come again; with the wait of `tx()` after it that is within five seconds.
_ACQUIRE_SECONDS = 2.5
_CLOSE_SECONDS = 5.0
_SERVER_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "timezone": "UTC",
    # All that a reader ever writes is a session's last activity, which a crash may forget.
    "synchronous_commit": "off",
}


@dataclass(frozen=True, slots=True)
class Statement(Generic[R]):
    """A read as data: one SQL text, which stays the same for every number of keys, and the row it answers.

    `row` takes the columns in order.
    """

    sql: str
    row: Callable[..., R]


@asynccontextmanager
async def reader_pool(url: str, size: int) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """The pool that all readers of this process share, for the life of the block."""
    pool = await asyncpg.create_pool(
        **credentials(url),
        min_size=1,
        max_size=size,
        connection_class=PooledConnection,
        server_settings=_SERVER_SETTINGS,
        command_timeout=15,
        init=_prepare,
    )
    try:
        yield pool
    finally:
        await _close(pool)


async def _close(pool: Any) -> None:
    """Wait a little for reads that are under way, and no longer."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_dump, decoder=orjson.loads)


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


class ReaderClosed(Exception):
    """A read was asked for after its request had been answered: nobody waits for it any more."""


class Reader:
    """The reads of one request: they share a connection, which is taken at the first read.

    `release()` gives it back; whoever is about to wait for something that is not this database calls it.
    `close()` ends the request: fields that are still being resolved then, because a sibling failed, read no more.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._asked = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self.statements = 0
        self.seconds = 0.0

    def anew(self) -> "Reader":
        """A reader of the same pool, for the next moment of something that goes on."""
        return Reader(self._pool)

    async def fetch(self, statement: Statement[R], *arguments: object) -> list[R]:
        """All rows that `statement` answers."""
        row = statement.row
        return [row(*record) for record in await self._records(statement.sql, arguments)]

    async def fetch_one(self, statement: Statement[R], *arguments: object) -> R | None:
        """The first row, or None when there is none."""
        records = await self._records(statement.sql, arguments)
        return statement.row(*records[0]) if records else None

    async def settled(self) -> None:
        """Wait until every read asked for so far has been answered (the barrier between two levels)."""
        await self._idle.wait()

    async def close(self) -> None:
        """Give the connection back for good."""
        self._closed = True
        await self.release()

    async def release(self) -> None:
        """Give the connection back. The next read takes one again."""
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                await self._pool.release(connection)

    async def _records(self, sql: str, arguments: Sequence[object]) -> list[asyncpg.Record]:
        self._asked += 1
        self._idle.clear()
        try:
            async with self._turn:
                if self._closed:
                    raise ReaderClosed
                if self._connection is None:
                    self._connection = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
                self.statements += 1
                started = time.perf_counter()
                records = await self._connection.fetch(sql, *arguments)
                self.seconds += time.perf_counter() - started
                return cast(list[asyncpg.Record], records)
        finally:
            self._asked -= 1
            if self._asked == 0:
                self._idle.set()
