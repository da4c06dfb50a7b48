"""Filling the packages of a line from what its tariff and its services include, and ending them (F056).

In the transaction of whoever charges, connects or gives. A tariff's packages wait to be filled again when their time
has come; all others are gone then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.line import ServiceKind
from domain.package import Allowance, allowances
from domain.usage import PackageSource
from models.database import tx
from models.pool import remains_changed

TARIFF = "tariff"
"""Where the codes of a tariff's packages begin."""

_LONGEST_NAME = 200
_AT_ONCE = 500

_FILL = """
insert into package_counter
  (line_id, code, name, unit, source, scope, total, remaining, unlimited, resets_at, expires_at, as_of)
select $1, a.code, a.name, a.unit, $2, a.scope, a.amount, a.amount, a.unlimited, $3, $4, now()
from unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::numeric[], $10::boolean[])
  as a (code, name, unit, scope, amount, unlimited)
on conflict (line_id, code) do update set
  name = excluded.name, unit = excluded.unit, source = excluded.source, scope = excluded.scope,
  total = excluded.total, remaining = excluded.remaining, unlimited = excluded.unlimited,
  resets_at = excluded.resets_at, expires_at = excluded.expires_at, as_of = excluded.as_of
"""
# What the same source had put there otherwise: a tariff's packages are replaced whatever they are called.
_REPLACED = """
delete from package_counter
where line_id = $1 and source = $2 and not code = any($4::text[]) and ($2 = 'TARIFF' or starts_with(code, $3 || ':'))
"""
_DROP = "delete from package_counter where line_id = $1 and (code = $2 or starts_with(code, $2 || ':')) returning id"
_LEFT = """
select code, remaining from package_counter
where line_id = $1 and starts_with(code, $2 || ':') and (expires_at is null or expires_at > now())
"""
_END = """
update package_counter set expires_at = $3, as_of = now() where line_id = $1 and starts_with(code, $2 || ':')
returning id
"""
_TARIFF = """
select t.name, t.kind, t.included, s.configuration from tariff_subscription s join tariff t on t.id = s.tariff_id
where s.line_id = $1
"""
_SERVICE = "select name, kind, included from service where id = $1"
_EXPIRED = f"""
delete from package_counter where id in (
  select id from package_counter where expires_at <= now() order by expires_at limit {_AT_ONCE} for update skip locked)
returning line_id
"""


async def fill(
    connection: BaseDBAsyncClient,
    line_id: int,
    source: PackageSource,
    code: str,
    name: str,
    included: Sequence[Allowance],
    until: datetime | None,
) -> None:
    """Put packages into a line, full, in the place of what `code` had put there: one for each allowance.

    They last `until` then: a tariff's are filled again, others are gone; None: for ever. Codes are `<code>:0`, …
    """
    codes = [f"{code}:{index}" for index in range(len(included))]
    resets_at, expires_at = (until, None) if source is PackageSource.TARIFF else (None, until)
    names = [(f"{name}: {each.scope}" if each.scope else name)[:_LONGEST_NAME] for each in included]
    columns = [
        codes,
        names,
        [str(each.unit) for each in included],
        [each.scope for each in included],
        [each.amount for each in included],
        [each.unlimited for each in included],
    ]
    await connection.execute_query(_REPLACED, [line_id, source, code, codes])
    await connection.execute_query(_FILL, [line_id, source, resets_at, expires_at, *columns])
    await remains_changed(connection, [line_id])


async def drop(connection: BaseDBAsyncClient, line_id: int, code: str) -> None:
    """Take away what `code` had put into a line, whatever is left of it."""
    if await connection.execute_query_dict(_DROP, [line_id, code]):
        await remains_changed(connection, [line_id])


async def fill_tariff(connection: BaseDBAsyncClient, line_id: int, until: datetime | None) -> None:
    """Make the packages of a line those of its tariff, as it is configured, full until then (F104)."""
    for row in await connection.execute_query_dict(_TARIFF, [line_id]):
        included = _included(row, orjson.loads(row["configuration"] or "[]"))
        await fill(connection, line_id, PackageSource.TARIFF, TARIFF, row["name"], included, until)


async def fill_service(connection: BaseDBAsyncClient, line_id: int, service_id: int, until: datetime | None) -> None:
    """Put into a line what a service includes: for its period, or for the days that it is bought for."""
    for row in await connection.execute_query_dict(_SERVICE, [service_id]):
        included = _included(row, [])
        await fill(connection, line_id, PackageSource.SERVICE, service_code(service_id), row["name"], included, until)


async def extend_service(connection: BaseDBAsyncClient, line_id: int, service_id: int, until: datetime | None) -> None:
    """Add what a service includes to what is left of it: one that is bought again is not lost (F119)."""
    for row in await connection.execute_query_dict(_SERVICE, [service_id]):
        code = service_code(service_id)
        rows = await connection.execute_query_dict(_LEFT, [line_id, code])
        left = {each["code"]: each["remaining"] for each in rows}
        included = [
            replace(each, amount=each.amount + left.get(f"{code}:{index}", 0))
            for index, each in enumerate(_included(row, []))
        ]
        await fill(connection, line_id, PackageSource.SERVICE, code, row["name"], included, until)


async def end_service(connection: BaseDBAsyncClient, line_id: int, service_id: int, until: datetime) -> None:
    """Let what is left of a service's packages be used `until` then, and not be filled again."""
    if await connection.execute_query_dict(_END, [line_id, service_code(service_id), until]):
        await remains_changed(connection, [line_id])


def service_code(service_id: int) -> str:
    """Where the codes of a service's packages begin, for `drop`."""
    return f"service:{service_id}"


async def end_expired() -> int:
    """Take away packages whose time is over; gives how many there were. Nobody sees or uses them meanwhile."""

    async def work(connection: BaseDBAsyncClient) -> int:
        rows = await connection.execute_query_dict(_EXPIRED)
        await remains_changed(connection, {row["line_id"] for row in rows})
        return len(rows)

    done = 0
    while (count := await tx(work)) == _AT_ONCE:
        done += count
    return done + count


def _included(row: Mapping[str, Any], configuration: Sequence[Mapping[str, Any]]) -> list[Allowance]:
    """What is included; on a fixed line a scope only says how fast it is, so all use is within it."""
    found = allowances(orjson.loads(row["included"] or "[]"), configuration)
    if row["kind"] in (ServiceKind.INTERNET, ServiceKind.WIFI):
        return [Allowance(each.unit, each.amount, each.unlimited, None, each.carries_over) for each in found]
    return found
