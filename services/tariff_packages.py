"""The packages that a tariff's fee pays for (F056, F104): filled with it, new with a new tariff, and the old ones where
it is taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import FeePeriod
from domain.tariff import Configuration, Plan
from domain.usage import PackageSource, UsageUnit
from services import package_fill
from services.tariff_plan import PLAN, plan_of

_CODE = "tariff"
_HELD = f"""
select coalesce(jsonb_agg(to_jsonb(p) order by p.code), '[]') as packages
from (select {package_fill.COLUMNS} from package_counter where line_id = $1 and source = 'TARIFF') p
"""
_SUBSCRIBED = f"""
select s.configuration, {PLAN} from tariff_subscription s join tariff t on t.id = s.tariff_id where s.line_id = $1
"""


Used = Mapping[tuple[UsageUnit, str | None], Decimal]
"""How much is gone of what there is of a unit, by where or for what it counts; None: everywhere."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of packages that goes on under another tariff: where its months begin, its end, and what was used."""

    begins: datetime
    until: datetime
    used: Used


_MONTH = """
select coalesce(s.months_from, s.since) as begins, max(p.resets_at) as until, p.unit, p.scope,
  sum(p.total - p.remaining) as used
from tariff_subscription s join tariff t on t.id = s.tariff_id and t.fee_period = 'DAY'
join package_counter p on p.line_id = s.line_id and p.source = 'TARIFF' and p.resets_at > now()
where s.line_id = $1 group by s.id, p.unit, p.scope
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
    used = {(UsageUnit(row["unit"]), row["scope"]): Decimal(row["used"]) for row in rows}
    return Month(rows[0]["begins"], max(row["until"] for row in rows), used)


async def held(connection: BaseDBAsyncClient, line_id: int) -> list[dict[str, Any]]:
    """The packages of a line's tariff as they are, to be had back by `restore`."""
    [row] = await connection.execute_query_dict(_HELD, [line_id])
    packages: list[dict[str, Any]] = orjson.loads(row["packages"])
    return packages


async def fill(connection: BaseDBAsyncClient, line_id: int, until: datetime | None) -> None:
    """Make the packages of a line those of its tariff, as it is put together, full until the period ends."""
    for row in await connection.execute_query_dict(_SUBSCRIBED, [line_id]):
        plan = plan_of(row)
        await refill(connection, line_id, plan, plan.as_it_is(orjson.loads(row["configuration"])), until)


async def refill(
    connection: BaseDBAsyncClient,
    line_id: int,
    tariff: Plan,
    configuration: Configuration,
    until: datetime | None,
    *,
    used: Used | None = None,
    empty: bool = False,
) -> None:
    """Put full packages of a tariff in the place of those of the tariff before, until the period ends.

    `used` of them is gone already: what a line used of a month that goes on. `empty`: nothing is paid for yet, and the
    first fee fills them.
    """
    gone = dict(used or {})
    packages = package_fill.full(_CODE, tariff.name, tariff.kind, tariff.holds(configuration))
    for each in packages:
        total = Decimal(each["total"])
        part = total if empty or each["unlimited"] else gone.pop((each["unit"], each["scope"]), Decimal(0))
        each["remaining"] = str(total - min(part, total))
        each["resets_at"] = until
    await restore(connection, line_id, packages)


async def restore(connection: BaseDBAsyncClient, line_id: int, packages: Sequence[Mapping[str, Any]]) -> None:
    """Put these packages in the place of those that the line's tariff has."""
    await package_fill.put(connection, line_id, PackageSource.TARIFF, _CODE, packages)
