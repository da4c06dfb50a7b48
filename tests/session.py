"""Sessions that tests make, and hold, by hand."""

import asyncio
import hashlib
import secrets
from typing import Any

import asyncpg


async def open_session(url: str, operator: str, login: str, level: str = "FULL") -> str:
    """A token of the user with that login, in a database that the running application signs nobody in to."""
    token = secrets.token_urlsafe(32)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            """
insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at)
select user_id, operator, $3, $4, now(), now(), now() + interval '1 day'
from login where operator = $1 and value = $2
""",
            operator,
            login,
            hashlib.sha256(token.encode()).hexdigest(),
            level,
        )
    finally:
        await connection.close()
    return token


async def until_it_waits(database: "asyncpg.Connection[asyncpg.Record]", task: "asyncio.Task[Any]") -> None:
    """Let a request go on until it waits for a lock that the caller's transaction has, or is over."""
    for _ in range(200):
        if task.done() or await database.fetchval("select exists (select from pg_locks where not granted)"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the request neither waits nor ends")
