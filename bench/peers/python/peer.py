"""What the benchmark tells every peer, and PostgreSQL for those in Python: one connection for each request."""

import asyncio
import os
from pathlib import Path
from typing import Any

import asyncpg
import orjson

SETUP: dict[str, Any] = orjson.loads(Path(os.environ["PEER_SETUP"]).read_bytes())


async def open_pool() -> "asyncpg.Pool[asyncpg.Record]":
    """Connections that go back as they are; where to is in PGHOST and its like."""
    return await asyncpg.create_pool(
        min_size=SETUP["pool"],
        max_size=SETUP["pool"],
        init=_prepare,
        reset=_as_it_is,
        # Else PostgreSQL plans some statements anew for each request, which takes it longer than to answer them.
        server_settings={"plan_cache_mode": "force_generic_plan"},
    )


class Reads:
    """The reads of one request, one after another; asyncpg prepares each text once a connection."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def rows(self, name: str, *values: object) -> list[Any]:
        async with self._turn:
            if self._connection is None:
                self._connection = await self._pool.acquire()
            found: list[Any] = await self._connection.fetch(SETUP["statements"][name], *values)
            return found

    async def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection)


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads)


async def _as_it_is(_: Any) -> None:
    """No statement here leaves a state behind."""
