"""What a line used and was charged in some days, by kind and unit (F058); the key as of its usage."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from domain.usage import ChargeType, UsageUnit
from gateways.billing import UsageKey
from gateways.ledger_billing import columns
from loaders.batch import grouped
from loaders.scope import ReadScope
from models.reader import Statement


class Spent(NamedTuple):
    """How much of a unit was used, and what that cost in minor units."""

    key: UsageKey
    type: ChargeType
    unit: UsageUnit
    volume: Decimal
    minor: int


# What was paid in or given back is not spent, and money that is given to others is moved.
_SPENT = Statement(
    """
select k.line_id, k.first, k.last, u.type, u.unit, trim_scale(sum(u.volume)), sum(u.sum)::bigint
from unnest($1::bigint[], $2::date[], $3::date[]) as k (line_id, first, last)
join usage_day u on u.line_id = k.line_id and u.day between k.first and k.last
where u.type not in ('TOP_UP', 'GIFT', 'REFUND')
group by k.line_id, k.first, k.last, u.type, u.unit order by u.type, u.unit
""",
    lambda line_id, first, last, type, unit, volume, minor: Spent(
        UsageKey(line_id, first, last), ChargeType(type), UsageUnit(unit), volume, minor
    ),
)


async def spent_by_key(scope: ReadScope, keys: Sequence[UsageKey]) -> Mapping[UsageKey, list[Spent]]:
    return grouped(await scope.reads.fetch(_SPENT, *columns(keys)), lambda spent: spent.key)
