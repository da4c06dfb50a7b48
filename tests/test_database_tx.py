"""`tx()`: committed or rolled back whole, retried when PostgreSQL asks, and its slot always given back."""

import asyncio
from functools import partial

import asyncpg
import pytest
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection

from models.counter import Counter, count
from models.database import database, tx


def pool() -> "asyncpg.Pool[asyncpg.Record]":
    found: asyncpg.Pool[asyncpg.Record] = get_connection("default")._pool
    return found


async def add(connection: BaseDBAsyncClient, key: str = "k") -> int:
    return (await count(connection, key, 60))[0]


async def test_commits_what_was_done_by_sql_and_by_orm(empty_database: str) -> None:
    async with database(empty_database, pool_size=2):

        async def work(connection: BaseDBAsyncClient) -> int:
            await add(connection)
            return (await Counter.get(key="k")).count

        assert await tx(work) == 1
        assert await tx(add) == 2


async def test_rolls_back_whatever_is_raised(empty_database: str) -> None:
    async with database(empty_database, pool_size=2):

        async def work(connection: BaseDBAsyncClient) -> None:
            await add(connection)
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await tx(work)
        assert await Counter.all().count() == 0


async def test_counts_are_exact_under_concurrency(empty_database: str) -> None:
    async with database(empty_database, pool_size=4):
        assert sorted(await asyncio.gather(*(tx(add) for _ in range(40)))) == list(range(1, 41))


async def test_deadlocks_are_retried(empty_database: str) -> None:
    async with database(empty_database, pool_size=4):
        for key in ("a", "b"):
            await tx(partial(add, key=key))

        def crossing(first: str, second: str):  # type: ignore[no-untyped-def]
            async def work(connection: BaseDBAsyncClient) -> None:
                await add(connection, first)
                await asyncio.sleep(0.05)
                await add(connection, second)

            return work

        await asyncio.gather(*(tx(crossing(*keys)) for keys in (("a", "b"), ("b", "a"))))
        assert {counter.key: counter.count for counter in await Counter.all()} == {"a": 3, "b": 3}


async def test_serialization_failures_are_retried(empty_database: str) -> None:
    async with database(empty_database, pool_size=4):
        await tx(add)

        async def work(connection: BaseDBAsyncClient) -> None:
            [row] = await connection.execute_query_dict("select count from counter")
            await asyncio.sleep(0.02)
            await connection.execute_query("update counter set count = $1", [row["count"] + 1])

        await asyncio.gather(*(tx(work, isolation="serializable") for _ in range(3)))
        assert (await Counter.get(key="k")).count == 4


async def test_cancellation_at_any_moment_gives_the_slot_back(empty_database: str) -> None:
    async with database(empty_database, pool_size=2):
        await tx(add)

        async def work(connection: BaseDBAsyncClient) -> None:
            await add(connection)
            await connection.execute_query("select pg_sleep(0.005)")

        for turn in range(60):
            task = asyncio.create_task(tx(work))
            await asyncio.sleep(turn * 0.0003)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(5):
            await asyncio.gather(*(tx(add) for _ in range(10)))
        assert pool().get_idle_size() == pool().get_size()
