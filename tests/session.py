"""A session made by hand, for databases that the running application does not sign people in to."""

import hashlib
import secrets

import asyncpg


async def open_session(url: str, operator: str, login: str, level: str = "FULL") -> str:
    """A token of the user with that login."""
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
