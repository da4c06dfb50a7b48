"""Databases of the tests' own: made from a template, gone afterwards, and in memory where there is enough of it."""

import asyncio
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.connection import get_connection

from models.database import database as connected
from models.reader import reader_pool

# The process is in the name of what it makes, so that two runs of the tests may share the engine.
_PREFIX = "run_"
_OURS = f"{_PREFIX}{os.getpid()}"

_MEMORY = Path("/dev/shm")
_ENOUGH = 1 << 30


@asynccontextmanager
async def created(engine: str, name: str, template: str = "template1") -> AsyncIterator[str]:
    """A database of that name, copied from the database at the URL `template`, for the life of the block."""
    name = f"{_OURS}_{name}"
    source = urlsplit(template).path.lstrip("/")
    url = urlunsplit(urlsplit(engine)._replace(path=f"/{name}"))
    async with borrowed(engine) as connection:
        place = f"tablespace {_OURS}" if await _has_memory(connection) else ""
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.execute(f"create database {name} template {source} strategy file_copy {place}")
    yield url
    await _forget(url)
    async with borrowed(engine) as connection:
        await connection.execute(f"drop database if exists {name} with (force)")


@asynccontextmanager
async def in_memory(engine: str) -> AsyncIterator[None]:
    """Keep the databases that `created` makes in the block in memory, where that takes a quarter of the time.

    A container may have next to none: then they are on the disk.
    """
    connection = await asyncpg.connect(engine)
    with _memory(await connection.fetchval("show data_directory")) as folder:
        if folder is not None:
            await connection.execute(f"create tablespace {_OURS} location '{folder}'")
        try:
            yield
        finally:
            await _forget(engine)
            await connection.execute(f"drop tablespace if exists {_OURS}")
            await connection.close()


@contextmanager
def _memory(cluster: str) -> Iterator[Path | None]:
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ENOUGH:
        yield None
        return
    folder = Path(mkdtemp(prefix=f"hearth_{_OURS}_", dir=_MEMORY))
    owner = Path(cluster).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# As many as stay open, of each sort: fifty who ask at once would leave PostgreSQL none for the next test.
_FEW = 2


@dataclass
class _Open:
    """What stays open between calls: a new connection takes longer than most of what it is asked, and knows nothing."""

    idle: list["asyncpg.Connection[asyncpg.Record]"] = field(default_factory=list)
    writers: "asyncpg.Pool[asyncpg.Record] | None" = None
    readers: "asyncpg.Pool[asyncpg.Record] | None" = None
    end: AsyncExitStack = field(default_factory=AsyncExitStack)

    def pools(self) -> "list[asyncpg.Pool[asyncpg.Record]]":
        return [pool for pool in (self.writers, self.readers) if pool is not None]


_open: defaultdict[tuple[asyncio.AbstractEventLoop, str], _Open] = defaultdict(_Open)


def _to(url: str) -> _Open:
    return _open[asyncio.get_running_loop(), url]


async def fetch(url: str, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
    """The rows of one statement, as plain tuples."""
    async with borrowed(url) as connection:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]


@asynccontextmanager
async def reading(url: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """A pool for readers of a database; it is there for the next block, too."""
    known = _to(url)
    if known.readers is None:
        known.readers = await known.end.enter_async_context(reader_pool(url, 4))
    yield known.readers


@asynccontextmanager
async def working(url: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """Connect Tortoise to a database for the life of the block, which gets a pool for readers.

    The connections of both are there for the next block, too.
    """
    known = _to(url)
    async with connected(url, pool_size=8), reading(url) as readers:
        client = cast(AsyncpgDBClient, get_connection("default"))
        client._pool, known.writers = known.writers, None
        try:
            yield readers
        finally:
            known.writers, client._pool = client._pool, None


async def at_rest(url: str) -> list[int] | None:
    """The processes of PostgreSQL behind what stays open to a database; None if a connection is in use."""
    known = _to(url)
    if any(pool.get_idle_size() < pool.get_size() for pool in known.pools()):
        return None
    for connection in known.idle:
        await connection.reset()
    if known.writers is not None and known.writers.get_size() > _FEW:
        await known.writers.close()
        known.writers = None
    if known.readers is not None and known.readers.get_size() > _FEW:
        await known.end.aclose()
        known.readers = None
    pooled = [holder._con for pool in known.pools() for holder in cast(Any, pool)._holders if holder._con is not None]
    return [connection.get_server_pid() for connection in (*known.idle, *pooled) if not connection.is_closed()]


@asynccontextmanager
async def borrowed(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to a database, which is there for the next block, too."""
    idle = _to(url).idle
    connection = idle.pop() if idle else await asyncpg.connect(url)
    try:
        yield connection
    finally:
        if len(idle) < _FEW and not connection.is_closed():
            idle.append(connection)
        else:
            await connection.close()


async def _forget(url: str) -> None:
    known = _open.pop((asyncio.get_running_loop(), url), _Open())
    for connection in known.idle:
        await connection.close()
    for pool in known.pools():
        pool.terminate()
    await known.end.aclose()


async def _has_memory(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return bool(await connection.fetchval("select exists (select from pg_tablespace where spcname = $1)", _OURS))


async def drop_what_dead_runs_left(engine: str) -> None:
    """Drop the databases of tests that were killed, and the memory that they took."""
    connection = await asyncpg.connect(engine)
    for name in await _of_the_dead(connection, "select datname from pg_database where datname like $1"):
        await connection.execute(f"drop database if exists {name} with (force)")
    where = "select pg_tablespace_location(oid) from pg_tablespace where spcname = $1"
    for name in await _of_the_dead(connection, "select spcname from pg_tablespace where spcname like $1"):
        folder = await connection.fetchval(where, name)
        await connection.execute(f"drop tablespace if exists {name}")
        shutil.rmtree(folder, ignore_errors=True)
    await connection.close()


async def _of_the_dead(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> list[str]:
    names = [str(row[0]) for row in await connection.fetch(statement, f"{_PREFIX}%")]
    return [name for name in names if not _is_alive(int(name.removeprefix(_PREFIX).partition("_")[0]))]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
