"""The packages that a tariff's fee fills (F056): new ones with a new tariff, the old ones where it is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import FeePeriod
from domain.line import ServiceKind
from domain.tariff import Configuration, Plan
from domain.usage import UsageUnit
from models.pool import remains_changed
from services.package_fill import TARIFF

# On a fixed line a scope only says how fast it is, so all use is within it.
_FIXED = frozenset({ServiceKind.INTERNET, ServiceKind.WIFI})
_COLUMNS = "code, name, unit, scope, total, remaining, unlimited, resets_at, expires_at"
_RECORD = """
code text, name text, unit text, scope text, total numeric, remaining numeric, unlimited boolean, resets_at timestamptz,
expires_at timestamptz
"""
_HELD = f"""
select coalesce(jsonb_agg(to_jsonb(p) order by p.code), '[]') as packages
from (select {_COLUMNS} from package_counter where line_id = $1 and source = 'TARIFF') p
"""
_GONE = "delete from package_counter where line_id = $1 and source = 'TARIFF'"
# A package of another source that has the same code is not the tariff's to touch.
_FILL = f"""
insert into package_counter (line_id, {_COLUMNS}, source, as_of)
select $1, {_COLUMNS}, 'TARIFF', now() from jsonb_to_recordset($2::jsonb) as ({_RECORD})
on conflict (line_id, code) do nothing
"""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of packages that goes on under another tariff: where its months begin, its end, and what was used."""

    begins: datetime
    until: datetime
    used: Mapping[UsageUnit, Decimal]


_MONTH = """
select coalesce(s.months_from, s.since) as begins, max(p.resets_at) as until, p.unit, sum(p.total - p.remaining) as used
from tariff_subscription s join tariff t on t.id = s.tariff_id and t.fee_period = 'DAY'
join package_counter p on p.line_id = s.line_id and p.source = 'TARIFF' and p.resets_at > now()
where s.line_id = $1 group by s.id, p.unit
"""


async def running_month(connection: BaseDBAsyncClient, line_id: int, tariff: Plan) -> Month | None:
    """The month of packages that goes on when a line comes to `tariff`, before it does; None: a new one begins.

    Who pays by the day has a month's packages for the price of a day. Between two such tariffs the month goes on, with
    what was used of it, or a day's fee would buy a month's packages again and again.
    """
    if tariff.every is not FeePeriod.DAY:
        return None
    rows = await connection.execute_query_dict(_MONTH, [line_id])
    if not rows:
        return None
    used = {UsageUnit(row["unit"]): Decimal(row["used"]) for row in rows}
    return Month(rows[0]["begins"], max(row["until"] for row in rows), used)


async def held(connection: BaseDBAsyncClient, line_id: int) -> list[dict[str, Any]]:
    """The packages of a line's tariff as they are, to be had back by `restore`."""
    [row] = await connection.execute_query_dict(_HELD, [line_id])
    packages: list[dict[str, Any]] = orjson.loads(row["packages"])
    return packages


async def refill(
    connection: BaseDBAsyncClient,
    line_id: int,
    tariff: Plan,
    configuration: Configuration,
    until: datetime | None,
    *,
    used: Mapping[UsageUnit, Decimal] | None = None,
    empty: bool = False,
) -> None:
    """Put full packages of a tariff in the place of those of the tariff before, until the period ends.

    `used` of them is gone already: what a line used of a month that goes on. `empty`: nothing is paid for yet, and the
    first fee fills them.
    """
    rest = dict(used or {})
    rows = []
    for number, (unit, amount, unlimited, scope) in enumerate(tariff.holds(configuration)):
        counts = scope is None and not unlimited
        gone = amount if empty else min(rest.pop(unit, Decimal(0)), amount) if counts else Decimal(0)
        rows.append(
            {
                "code": f"{TARIFF}:{number}",
                "name": f"{tariff.name}: {scope}" if scope else tariff.name,
                "unit": unit,
                "scope": None if tariff.kind in _FIXED else scope,
                "total": str(amount),
                "remaining": str(amount - gone),
                "unlimited": unlimited,
                "resets_at": until,
                "expires_at": None,
            }
        )
    await restore(connection, line_id, rows)


async def restore(connection: BaseDBAsyncClient, line_id: int, packages: list[dict[str, Any]]) -> None:
    """Put these packages in the place of those that the line's tariff has."""
    await connection.execute_query(_GONE, [line_id])
    await connection.execute_query(_FILL, [line_id, orjson.dumps(packages).decode()])
    await remains_changed(connection, [line_id])
