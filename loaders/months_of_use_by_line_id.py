"""What a line used in each of the last three months of thirty days, by unit (F105)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from domain.rerating import DAYS
from domain.usage import UsageUnit
from loaders.batch import grouped
from loaders.scope import ReadScope
from models.reader import Statement

MONTHS = 3

# Today is not over. A month in which nothing was used at all is none of the line's: it was not there, or not in use.
_USE = Statement(
    """
select u.line_id, ($2::date - 1 - u.day) / $3 as month, u.unit, sum(u.volume)
from usage_day u
where u.line_id = any($1::bigint[]) and u.day < $2 and u.day >= $2::date - $3 * $4 and u.unit <> 'MONEY'
group by u.line_id, month, u.unit order by u.line_id, month
""",
    lambda line_id, month, unit, volume: (line_id, month, UsageUnit(unit), volume),
)


async def months_of_use_by_line_id(
    scope: ReadScope, line_ids: Sequence[int]
) -> Mapping[int, list[dict[UsageUnit, Decimal]]]:
    rows = await scope.reads.fetch(_USE, line_ids, scope.today(scope.profile), DAYS, MONTHS)
    found: dict[int, list[dict[UsageUnit, Decimal]]] = {}
    for line_id, mine in grouped(rows, lambda row: row[0]).items():
        months = grouped(mine, lambda row: row[1])
        found[line_id] = [{unit: volume for _, _, unit, volume in month} for month in months.values()]
    return found
