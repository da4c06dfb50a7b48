"""Reads: one connection per request, in order, prepared statements by text (DESIGN 2, "How an operation runs")."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar, cast

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
_JSONB_VERSION = b"\x01"
# What is asked for within so many turns of the event loop travels together, so many statements at the most.
_TURNS = 2
_MOST_TOGETHER = 12
SHARED = "/* shared */"
"""Ends what several statements begin with, `with` and common table expressions and a comma: evaluated once for all."""

# They change something, or lock rows, and may not stand within another statement.
_ALONE = re.compile(r"\b(insert|update|delete|merge)\b", re.IGNORECASE)
_ARGUMENT = re.compile(r"\$([0-9]+)")
_SERVER_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "timezone": "UTC",
    # Most statements take arrays of keys, whose number PostgreSQL guesses anew for a plan of each: that takes it
    # longer than to answer.
    "plan_cache_mode": "force_generic_plan",
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
    of_record: Callable[[Any], R] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        row = self.row
        # A named tuple is made of a whole record in less than half the time that it takes to be given its columns.
        make = getattr(row, "_make", None) or (lambda record: row(*record))
        object.__setattr__(self, "of_record", make)


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
    # In the binary format, which is the one that the columns of a composite value come in.
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_dump, decoder=_load, format="binary")


def _dump(value: Any) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value)


def _load(value: bytes) -> Any:
    return orjson.loads(value[len(_JSONB_VERSION) :])


class ReaderClosed(Exception):
    """A read was asked for after its request had been answered: nobody waits for it any more."""


class Asked(NamedTuple):
    """A statement that waits to be sent, and who waits for it."""

    sql: str
    arguments: Sequence[object]
    records: "asyncio.Future[list[Any]]"


class Reader:
    """The reads of one request: they share a connection, which is taken at the first read.

    `release()` gives it back; whoever is about to wait for something that is not this database calls it.
    `close()` ends the request: fields that are still being resolved then, because a sibling failed, read no more.

    While `together` is set, statements that are asked for at the same time are sent as one, each a subselect of it. If
    one fails then, all fail.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._asked = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._company: list[Asked] = []
        self._sending: set[asyncio.Task[None]] = set()
        self.together = False
        self.statements = 0
        self.seconds = 0.0

    def anew(self) -> "Reader":
        """A reader of the same pool, for the next moment of something that goes on."""
        return Reader(self._pool)

    async def fetch(self, statement: Statement[R], *arguments: object) -> list[R]:
        """All rows that `statement` answers."""
        return [*map(statement.of_record, await self._records(statement.sql, arguments))]

    async def fetch_one(self, statement: Statement[R], *arguments: object) -> R | None:
        """The first row, or None when there is none."""
        records = await self._records(statement.sql, arguments)
        return statement.of_record(records[0]) if records else None

    async def settled(self) -> None:
        """Wait until every read asked for so far has been answered (the barrier between two levels)."""
        await self._idle.wait()

    async def close(self) -> None:
        """Give the connection back for good, also when whoever calls is cancelled."""
        self._closed = True
        if self._sending or self._turn.locked():
            # What is on its way is waited for, since a statement that is cut off leaves its connection unfinished; what
            # is not sent yet is not sent any more.
            await asyncio.shield(self._end())
        else:
            await self._give_back()  # which the pool goes on with, whatever happens

    async def release(self) -> None:
        """Give the connection back. The next read takes one again."""
        async with self._turn:
            await self._give_back()

    async def _end(self) -> None:
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self.release()

    async def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection)

    async def _records(self, sql: str, arguments: Sequence[object]) -> list[Any]:
        self._asked += 1
        self._idle.clear()
        try:
            if self.together and _composes(sql):
                return await self._in_company(sql, arguments)
            return await self._sent(sql, arguments)
        finally:
            self._asked -= 1
            if self._asked == 0:
                self._idle.set()

    async def _sent(self, sql: str, arguments: Sequence[object]) -> list[Any]:
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

    async def _in_company(self, sql: str, arguments: Sequence[object]) -> list[Any]:
        asked = Asked(sql, arguments, asyncio.get_running_loop().create_future())
        self._company.append(asked)
        if len(self._company) == 1:
            task = asyncio.create_task(self._send_company())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return await asked.records

    async def _send_company(self) -> None:
        """Wait until nobody joins any more, and send what has come together."""
        company, seen, turns = self._company, 0, _TURNS
        while turns and len(company) < _MOST_TOGETHER:
            turns = turns - 1 if len(company) == seen else _TURNS
            seen = len(company)
            await asyncio.sleep(0)
        self._company = []
        wanted = [asked for asked in company if not asked.records.done()]
        try:
            answers = await self._sent_together(wanted)
        except BaseException as error:
            for asked in wanted:
                if not asked.records.done():
                    asked.records.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for asked, records in zip(wanted, answers, strict=True):
                if not asked.records.done():
                    asked.records.set_result(records)

    async def _sent_together(self, wanted: Sequence[Asked]) -> Sequence[list[Any]]:
        if len(wanted) < 2:
            return [await self._sent(asked.sql, asked.arguments) for asked in wanted]
        begun = _beginnings(wanted)
        sql, arguments = composed(tuple((asked.sql, len(asked.arguments), begins) for asked, begins in begun))
        [found] = await self._sent(sql, [wanted[place].arguments[index] for place, index in arguments])
        return cast(Sequence[list[Any]], found)


@lru_cache(1_000)
def _composes(sql: str) -> bool:
    return _ALONE.search(sql) is None


def _beginnings(wanted: Sequence[Asked]) -> Iterator[tuple[Asked, bool]]:
    """Statements, and whether each begins as the first one that has a shared beginning: alike, with the same values."""
    first: tuple[str, list[object]] | None = None
    for asked in wanted:
        beginning, shared, _ = asked.sql.partition(SHARED)
        if not shared:
            yield asked, False
            continue
        begun = beginning, [asked.arguments[number - 1] for number in _numbers(beginning)]
        first = first or begun
        yield asked, begun == first


@lru_cache(1_000)
def composed(statements: tuple[tuple[str, int, bool], ...]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """One statement that answers one row, with a column for each of these: an array of its rows.

    They come with the number of their arguments, and with whether they begin as all others of which that is said: what
    is before `SHARED` in them is evaluated once. Beside the text stands which argument of which is each of its own.
    """
    shared, columns = "", []
    arguments: list[tuple[int, int]] = []
    numbers_of_shared: dict[int, int] = {}
    for place, (sql, count, begins) in enumerate(statements):
        beginning, _, rest = sql.partition(SHARED) if begins else ("", "", sql)
        numbers = {number: numbers_of_shared[number] for number in _numbers(beginning)} if shared and begins else {}
        for number in range(1, count + 1):
            if number not in numbers:
                arguments.append((place, number - 1))
                numbers[number] = len(arguments)
        if begins and not shared:
            numbers_of_shared = numbers
            shared = _renumbered(beginning, numbers).rstrip().removesuffix(",") + "\n"
        columns.append(f"array(select each from ({'with ' if begins else ''}{_renumbered(rest, numbers)}) each)")
    return f"{shared}select " + ",\n".join(columns), tuple(arguments)


@lru_cache(100)
def _numbers(sql: str) -> tuple[int, ...]:
    """The arguments that a text names."""
    return tuple(sorted({int(number) for number in _ARGUMENT.findall(sql)}))


def _renumbered(sql: str, numbers: Mapping[int, int]) -> str:
    return _ARGUMENT.sub(lambda argument: f"${numbers[int(argument[1])]}", sql)
