"""Bring a database to the newest schema, under an advisory lock, so that several starts at once do it once."""

import asyncio
import pkgutil
from pathlib import Path

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations

from models import migrations
from models.database import credentials, tortoise_config
from models.reader import Reader, Statement, reader_pool

# Any constant will do, as long as nothing else in the database locks it.
_LOCK = 0x48_45_41_52_54_48

OLDEST_SERVER = 15

TABLES = Path(__file__).with_name("tables.sql")


async def migrate(url: str) -> list[str]:
    """Apply what is missing; gives the names of the migrations applied now, oldest first."""
    connection = await _connect(url)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        before = await _applied(connection)
        if not before and await _is_empty(connection):
            # The same statements, without Tortoise's thoughts; `make tables` wrote down what they were. What is newer
            # than the file is applied by Tortoise below.
            async with connection.transaction():
                await connection.execute(TABLES.read_text())
        # A task of its own: Tortoise's set-up lives in context variables, which must not leak into the caller.
        await asyncio.create_task(_apply(url))
        return [name for name in await _applied(connection) if name not in before]
    finally:
        await connection.close()


async def server_version(url: str) -> int:
    """The major version of the server, such as 15."""
    connection = await _connect(url)
    try:
        return connection.get_server_version().major
    finally:
        await connection.close()


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(**credentials(url), timeout=5)


async def _apply(url: str) -> None:
    async with TortoiseContext():
        await run_migrations(config=tortoise_config(url, pool_size=1))


async def _is_empty(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return not await connection.fetchval("select exists (select from pg_tables where schemaname = current_schema)")


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    if await connection.fetchval("select to_regclass('tortoise_migrations')") is None:
        return []
    rows = await connection.fetch("select name from tortoise_migrations order by id")
    return [row["name"] for row in rows]


_STATE = Statement(
    """
select (select array_agg(name) from tortoise_migrations), exists (select from tariff)
""",
    lambda *columns: columns,
)


async def is_current(reads: Reader) -> bool:
    """Whether the database has all of this version's migrations, and an operator's catalogue."""
    try:
        [(applied, has_catalogue)] = await reads.fetch(_STATE)
    except asyncpg.UndefinedTableError:
        return False
    return has_catalogue and shipped() <= set(applied or ())


async def is_ready(url: str) -> bool:
    """`is_current` of a database that nothing is connected to yet."""
    async with reader_pool(url, 1) as pool:
        reads = Reader(pool)
        try:
            return await is_current(reads)
        finally:
            await reads.close()


def shipped() -> set[str]:
    """The names of the migrations that this version brings."""
    return {module.name for module in pkgutil.iter_modules(migrations.__path__)}
