"""Migrations: the models need none that is not there, and several starts at once migrate once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations
from tortoise.migrations.autodetector import MigrationAutodetector

from models.database import tortoise_config
from models.migrate import migrate, shipped


async def test_models_and_migrations_agree(empty_database: str) -> None:
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(empty_database))
        assert context.apps is not None
        changes = await MigrationAutodetector(context.apps, tortoise_config(empty_database)["apps"]).changes()
        assert [operation for writer in changes for operation in writer.operations] == []


@asynccontextmanager
async def bare_database(engine: str, name: str) -> AsyncIterator[str]:
    """A database without tables, for the life of the block."""
    connection = await asyncpg.connect(engine)
    try:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.execute(f"create database {name}")
        yield engine.replace("/hearth?", f"/{name}?")
        await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()


async def test_starts_at_the_same_moment_migrate_once(engine: str) -> None:
    async with bare_database(engine, "migrated_once") as url:
        applied = await asyncio.gather(*(migrate(url) for _ in range(4)))
        assert sorted(name for names in applied for name in names) == sorted(shipped())


async def test_database_of_an_older_version_is_brought_up_to_date(engine: str) -> None:
    async with bare_database(engine, "older") as url:

        async def first_only() -> None:
            async with TortoiseContext():
                await run_migrations(config=tortoise_config(url, 1), target="models.0001_initial")

        await asyncio.create_task(first_only())
        assert await migrate(url) == sorted(shipped())[1:]
        assert await migrate(url) == []
