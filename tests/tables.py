"""What the migrations do to an empty database, as SQL: `make tables` writes it into `models/tables.sql`.

Tortoise thinks about every step of every migration, which takes it half a minute for those that we have; PostgreSQL
needs a second. A new database is therefore made from the file, and only one that is older goes step by step.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations

from models.database import tortoise_config
from models.migrate import TABLES, shipped
from server.embedded_postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent


class _Scripts(logging.Handler):
    """The scripts that Tortoise runs: what it logs without values."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.args:
            self.texts.append(record.getMessage())


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The scripts that Tortoise runs in the block."""
    log = logging.getLogger("tortoise.db_client")
    scripts, level, log.propagate = _Scripts(), log.level, False
    log.addHandler(scripts)
    log.setLevel(logging.DEBUG)
    try:
        yield scripts.texts
    finally:
        log.setLevel(level)
        log.propagate = True
        log.removeHandler(scripts)


def as_sql(scripts: list[str]) -> str:
    """What `models/tables.sql` is to be when the migrations ran those scripts.

    The first makes Tortoise's own table; it comes again whenever Tortoise is called.
    """
    first, *others = scripts
    applied = ",\n".join(f"  ('models', '{migration}', now())" for migration in sorted(shipped()))
    return "\n\n".join(
        [
            "-- What the migrations do to an empty database. Written by `make tables`; not to be edited.",
            *(script.strip().rstrip(";") + ";" for script in (first, *(other for other in others if other != first))),
            f"insert into tortoise_migrations (app, name, applied_at) values\n{applied};\n",
        ]
    )


@asynccontextmanager
async def bare_database(engine: str, name: str) -> AsyncIterator[str]:
    """A database without tables, for the life of the block."""
    connection = await asyncpg.connect(engine)
    try:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.execute(f"create database {name}")
        yield engine.replace("/hearth?", f"/{name}?")
    finally:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.close()


async def migrated_up_to(url: str, name: str | None) -> None:
    """Apply the migrations step by step; to be run as a task, since Tortoise leaves its set-up behind."""
    async with TortoiseContext():
        await run_migrations(config=tortoise_config(url, 1), target=f"models.{name}" if name else None)


async def _write() -> None:
    with EmbeddedPostgres(ROOT / ".hearth" / "test", durable=False) as engine:
        async with bare_database(engine, f"tables_{os.getpid()}") as url:
            with recorded() as scripts:
                await migrated_up_to(url, None)
    TABLES.write_text(as_sql(scripts))


if __name__ == "__main__":
    asyncio.run(_write())
