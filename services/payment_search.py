"""Whom a typed number is of: a few that are nobody's are slips of a payer, many are a search for accounts (E42)."""

from datetime import datetime
from typing import Any, NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.refusals import RateLimited
from models import counter
from models.database import tx

MOST_MISSES = 20
_WINDOW_SECONDS = 3600


class Found(NamedTuple):
    """An account that a number means; without an account it is the number of a contract."""

    account_id: int | None
    line_id: int | None


# Whoever asks for many at once waits for the answers, so that the last of them knows what the first have counted.
_TURN = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
_EXHAUSTED = f"select ends_at from counter where key = $1 and count >= {MOST_MISSES} and ends_at > now()"
# A number is that of its line; one that is no line's may be that of a person, who may have several accounts.
_BY_NUMBER = """
select account_id, id as line_id from line where operator = $1 and msisdn = $2
union all
select a.id, null::bigint from login g join app_user u on u.id = g.user_id
join contract c on c.holder_id = u.person_id join personal_account a on a.contract_id = c.id
where g.operator = $1 and g.kind = 'MSISDN' and g.value = $2
  and not exists (select from line where operator = $1 and msisdn = $2)
"""
_BY_ACCOUNT = """
select id as account_id, null::bigint as line_id from personal_account where operator = $1 and number = $2
union all
select null, null from contract where operator = $1 and number = $2
  and not exists (select from personal_account where operator = $1 and number = $2)
"""


async def by_number(user_id: int, operator: str, msisdn: str) -> list[Found] | RateLimited:
    """The accounts of a telephone number; none for one that is nobody's."""
    return await _search(user_id, _BY_NUMBER, [operator, msisdn])


async def by_account_number(user_id: int, operator: str, number: str) -> list[Found] | RateLimited:
    """The account of that number, or the sign that a contract has it; nothing for one that is nobody's."""
    return await _search(user_id, _BY_ACCOUNT, [operator, number])


async def _search(user_id: int, statement: str, arguments: list[Any]) -> list[Found] | RateLimited:
    """Look, and count where there is nothing; who missed too often is told nothing more for a while."""
    key = f"payees:{user_id}"

    async def work(connection: BaseDBAsyncClient) -> list[Found] | datetime:
        await connection.execute_query(_TURN, [key])
        if exhausted := await connection.execute_query_dict(_EXHAUSTED, [key]):
            ends_at: datetime = exhausted[0]["ends_at"]
            counter.note(key, MOST_MISSES, _WINDOW_SECONDS, 0, ends_at)
            return ends_at
        found = [Found(**row) for row in await connection.execute_query_dict(statement, arguments)]
        if not found:
            await counter.count(connection, key, _WINDOW_SECONDS, MOST_MISSES)
        return found

    outcome = await tx(work)
    return RateLimited(outcome, "Too many numbers that are nobody's") if isinstance(outcome, datetime) else outcome
