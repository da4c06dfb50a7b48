"""The pool that readers share: what one of them leaves unfinished is nobody else's trouble."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from models.database import PooledConnection
from models.reader import Reader, Statement, reader_pool

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
