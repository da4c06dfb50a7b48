"""Codes and questions that are on their way to a number whose holder may not be who they were for (E13, E24, E64)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from models.notify import notify

_VOID = """
update challenge set expires_at = now()
where operator = $1 and target = $2 and consumed_at is null and expires_at > now()
"""
_ASK_NO_MORE = """
update link_request set status = 'EXPIRED', resolved_at = now()
where operator = $1 and target = $2 and status = 'PENDING' returning id
"""


async def void(connection: BaseDBAsyncClient, operator: str, msisdn: str) -> None:
    """End every code to the number, and every question whether it may be linked, in the caller's transaction."""
    await connection.execute_query(_VOID, [operator, msisdn])
    asked = await connection.execute_query_dict(_ASK_NO_MORE, [operator, msisdn])
    await notify(connection, *(f"link_request:{row['id']}" for row in asked))
