"""What a service puts into the packages of its line (F056): filled when it begins, left to be used when it ends."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.usage import PackageSource

# What is left of a package that was bought before is not lost, where it has not expired.
_FILL = f"""
insert into package_counter as c
  (line_id, code, name, unit, source, total, remaining, unlimited, resets_at, expires_at, as_of)
select $1, 'service:' || $2::bigint || ':' || p.place, $3, p.unit, '{PackageSource.SERVICE}', p.amount, p.amount,
  p.unlimited, null, $7::timestamptz, now()
from unnest($4::text[], $5::numeric[], $6::bool[]) with ordinality as p (unit, amount, unlimited, place)
on conflict (line_id, code) do update set
  name = excluded.name, unit = excluded.unit, unlimited = excluded.unlimited, expires_at = excluded.expires_at,
  total = excluded.total + case when c.expires_at is null or c.expires_at > now() then c.remaining else 0 end,
  remaining = excluded.remaining + case when c.expires_at is null or c.expires_at > now() then c.remaining else 0 end,
  as_of = now()
"""
_END = """
update package_counter set expires_at = $3, resets_at = null, as_of = now()
where line_id = $1 and code like 'service:' || $2::bigint || ':%'
"""


async def fill(
    connection: BaseDBAsyncClient,
    line_id: int,
    service_id: int,
    name: str,
    included: Sequence[dict[str, Any]],
    until: datetime | None,
) -> None:
    """Add what a service includes, to be used `until` then; None: whenever."""
    if included:
        units = [each["unit"] for each in included]
        amounts = [Decimal(str(each.get("amount", 0))) for each in included]
        unlimited = [bool(each.get("unlimited", False)) for each in included]
        await connection.execute_query(_FILL, [line_id, service_id, name, units, amounts, unlimited, until])


async def end(connection: BaseDBAsyncClient, line_id: int, service_id: int, until: datetime) -> None:
    """Let what is left of a service's packages be used `until` then, and not be filled again."""
    await connection.execute_query(_END, [line_id, service_id, until])


def read_included(stored: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a service includes, as a transaction reads it: there jsonb comes as text."""
    read: list[dict[str, Any]] = orjson.loads(stored) if isinstance(stored, str) else stored
    return read
