"""What is in the packages of a line, put there by whoever charges, connects or gives, in their transaction (F056).

What a tariff's fee pays for is `services/tariff_packages.py`: its packages wait to be filled again when their time has
come; all others are gone then.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import Allowance, read_allowances
from domain.line import ServiceKind
from domain.usage import PackageSource
from models.database import tx
from models.pool import remains_changed

COLUMNS = "code, name, unit, scope, total, remaining, unlimited, resets_at, expires_at"
"""Of a package, as `put` takes it."""

_LONGEST_NAME = 200
_AT_ONCE = 500

# On a fixed line a scope only says how fast it is, so all use is within it.
_FIXED = frozenset({ServiceKind.INTERNET, ServiceKind.WIFI})
_RECORD = """
code text, name text, unit text, scope text, total numeric, remaining numeric, unlimited boolean, resets_at timestamptz,
expires_at timestamptz
"""
# A package of another source that has the same code is not for this one to touch.
_PUT = f"""
insert into package_counter (line_id, source, {COLUMNS}, as_of)
select $1, $2, {COLUMNS}, now() from jsonb_to_recordset($3::jsonb) as ({_RECORD})
on conflict (line_id, code) do update set
  name = excluded.name, unit = excluded.unit, scope = excluded.scope, total = excluded.total,
  remaining = excluded.remaining, unlimited = excluded.unlimited, resets_at = excluded.resets_at,
  expires_at = excluded.expires_at, as_of = excluded.as_of
where package_counter.source = excluded.source
"""
# What the same source had put there otherwise: a tariff's packages are replaced whatever they are called.
_REPLACED = """
delete from package_counter
where line_id = $1 and source = $2 and not code = any($4::text[]) and ($2 = 'TARIFF' or starts_with(code, $3 || ':'))
"""
_LEFT = """
select code, remaining from package_counter
where line_id = $1 and starts_with(code, $2 || ':') and (expires_at is null or expires_at > now())
"""
_END = """
update package_counter set expires_at = $3, as_of = now() where line_id = $1 and starts_with(code, $2 || ':')
returning id
"""
_SERVICE = "select name, kind, included from service where id = $1"
_EXPIRED = f"""
delete from package_counter where id in (
  select id from package_counter where expires_at <= now() order by expires_at limit {_AT_ONCE} for update skip locked)
returning line_id
"""


def full(code: str, name: str, kind: ServiceKind, included: Iterable[Allowance]) -> list[dict[str, Any]]:
    """Packages of all that is included, with the codes `<code>:0`, …; each is full, and nothing ends it yet."""
    something = [each for each in included if each.unlimited or each.amount > 0]
    return [
        {
            "code": f"{code}:{index}",
            "name": (f"{name}: {scope}" if scope else name)[:_LONGEST_NAME],
            "unit": unit,
            "scope": None if kind in _FIXED else scope,
            "total": str(amount),
            "remaining": str(amount),
            "unlimited": unlimited,
            "resets_at": None,
            "expires_at": None,
        }
        for index, (unit, amount, unlimited, scope) in enumerate(something)
    ]


async def put(
    connection: BaseDBAsyncClient,
    line_id: int,
    source: PackageSource,
    code: str,
    packages: Sequence[Mapping[str, Any]],
) -> None:
    """Make these packages, each with `COLUMNS`, those that `code` has in a line, in the place of what it had there."""
    codes = [each["code"] for each in packages]
    await connection.execute_query(_REPLACED, [line_id, source, code, codes])
    await connection.execute_query(_PUT, [line_id, source, orjson.dumps(packages).decode()])
    await remains_changed(connection, [line_id])


async def fill_service(connection: BaseDBAsyncClient, line_id: int, service_id: int, until: datetime | None) -> None:
    """Put into a line what a service includes: for its period, or for the days that it is bought for."""
    for packages in await _included(connection, service_id):
        filled = [each | {"expires_at": until} for each in packages]
        await put(connection, line_id, PackageSource.SERVICE, service_code(service_id), filled)


async def extend_service(connection: BaseDBAsyncClient, line_id: int, service_id: int, until: datetime | None) -> None:
    """Add what a service includes to what is left of it: one that is bought again is not lost (F119)."""
    for packages in await _included(connection, service_id):
        code = service_code(service_id)
        rows = await connection.execute_query_dict(_LEFT, [line_id, code])
        left = {each["code"]: each["remaining"] for each in rows}
        extended = []
        for each in packages:
            amount = str(Decimal(each["total"]) + left.get(each["code"], 0))
            extended.append(each | {"total": amount, "remaining": amount, "expires_at": until})
        await put(connection, line_id, PackageSource.SERVICE, code, extended)


async def end_service(connection: BaseDBAsyncClient, line_id: int, service_id: int, until: datetime) -> None:
    """Let what is left of a service's packages be used `until` then, and not be filled again."""
    if await connection.execute_query_dict(_END, [line_id, service_code(service_id), until]):
        await remains_changed(connection, [line_id])


def service_code(service_id: int) -> str:
    """Where the codes of a service's packages begin."""
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


async def _included(connection: BaseDBAsyncClient, service_id: int) -> list[list[dict[str, Any]]]:
    """The packages of a service, full."""
    return [
        full(
            service_code(service_id),
            row["name"],
            ServiceKind(row["kind"]),
            read_allowances(orjson.loads(row["included"])),
        )
        for row in await connection.execute_query_dict(_SERVICE, [service_id])
    ]
