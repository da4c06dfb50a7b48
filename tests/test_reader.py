"""The pool that readers share: what one of them leaves unfinished is nobody else's trouble."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from models.database import PooledConnection
from models.reader import SHARED, Reader, Statement, reader_pool

# What is drawn tells whether it was drawn once.
_DRAWN = Statement(
    f"with a as (select $1::bigint x, random() y), {SHARED} b as (select $2::bigint z) select x, y, z from a, b",
    lambda *told: told,
)
_ONE = Statement("select $1::bigint", int)
_STATE = "select state, xact_start is not null as in_transaction from pg_stat_activity where pid = $1"


async def breaks_off(reader: Reader, _: pytest.MonkeyPatch) -> None:
    """A value that only turns out not to fit when the statement has been prepared."""
    with pytest.raises(asyncpg.DataError):
        await reader.fetch(_ONE, 2**63)


async def is_cancelled(reader: Reader, patch: pytest.MonkeyPatch) -> None:
    """The request is over at the moment when PostgreSQL has answered that the statement is prepared."""
    prepare = PooledConnection._get_statement  # type: ignore[attr-defined]

    async def prepared(*arguments: Any, **options: Any) -> Any:
        statement = await prepare(*arguments, **options)
        task.cancel()
        await asyncio.sleep(0)
        return statement

    with patch.context() as patched:
        patched.setattr(PooledConnection, "_get_statement", prepared)
        task = asyncio.create_task(reader.fetch(_ONE, 1))
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("stop", [breaks_off, is_cancelled])
async def test_a_statement_that_was_prepared_and_never_sent_is_ended(
    empty_database: str, stop: Callable[[Reader, pytest.MonkeyPatch], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else PostgreSQL keeps its locks, and tells whoever reads ten seconds later that the time is over."""
    async with reader_pool(empty_database, 1) as pool:
        reader = Reader(pool)
        await stop(reader, monkeypatch)
        await reader.close()
        async with pool.acquire() as connection:
            backend = connection.get_server_pid()
        watching = await asyncpg.connect(empty_database)
        try:
            assert list(map(tuple, await watching.fetch(_STATE, backend))) == [("idle", False)]
        finally:
            await watching.close()
        assert await Reader(pool).fetch(_ONE, 1) == [1]


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ([(1, 2), (1, 3)], 1),
        ([(1, 2), (7, 3)], 2),
        ([(7, 2), (1, 3), (7, 4), (1, 5)], 3),
    ],
)
async def test_what_statements_begin_with_is_evaluated_once_for_the_same_values(
    empty_database: str, asked: list[tuple[int, int]], drawn: int
) -> None:
    async with reader_pool(empty_database, 1) as pool:
        reader = Reader(pool)
        reader.together = True
        one, *told = await asyncio.gather(reader.fetch(_ONE, 5), *(reader.fetch(_DRAWN, *each) for each in asked))
        await reader.close()
    assert reader.statements == 1
    assert one == [5]
    assert [(x, z) for [(x, _, z)] in told] == asked
    assert len({y for [(_, y, _)] in told}) == drawn
