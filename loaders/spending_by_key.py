"""What households spent (F160): charges of the lines that the viewer may see the use of, by member and month.

Each line's own operator says which currency its charges are in; currencies are never added (E58).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.access import Scope
from domain.money import Money
from loaders.scope import ReadScope
from loaders.visible import lines
from models.reader import Statement
from models.visible import LINE_COLUMNS, VISIBLE_LINES, LineRow


class SpendingKey(NamedTuple):
    """A household and days of the operator's calendar, both included."""

    household_id: int
    first: date
    last: date


class Charges(NamedTuple):
    """What lines of one member, or linked ones that no member uses, were charged in one month."""

    member_id: int | None
    month: date
    amount: Money


# The lines of members, those of children among them, and what is linked to the household.
_LINES = Statement(
    VISIBLE_LINES
    + f"""
, tied as (
  select m.household_id, l.id as line_id, m.id as member_id
  from membership m join line l on l.user_id = m.user_id
  where m.household_id = any($4::bigint[]) and m.status = 'ACTIVE'
  union
  select nl.household_id, nl.line_id, null from number_link nl
  where nl.household_id = any($4::bigint[]) and nl.status = 'ACTIVE' and nl.line_id is not null and not exists (
    select from line l join membership m on m.user_id = l.user_id
    where l.id = nl.line_id and m.household_id = nl.household_id and m.status = 'ACTIVE')
)
select tied.household_id, tied.member_id, {LINE_COLUMNS} from tied join visible on visible.id = tied.line_id
order by tied.member_id nulls last, visible.id
""",
    lambda household_id, member_id, *columns: (household_id, member_id, LineRow(*columns)),
)
# Money that was spent, not moved.
_CHARGES = Statement(
    """
select k.line_id, k.first, k.last, date_trunc('month', u.day)::date, sum(u.sum)::bigint
from unnest($1::bigint[], $2::date[], $3::date[]) as k (line_id, first, last)
join usage_day u on u.line_id = k.line_id and u.day between k.first and k.last
where u.type not in ('TOP_UP', 'GIFT', 'REFUND') and u.sum <> 0
group by 1, 2, 3, 4 order by 4
""",
    lambda line_id, first, last, month, minor: (line_id, first, last, month, minor),
)


async def spending_by_key(scope: ReadScope, keys: Sequence[SpendingKey]) -> Mapping[SpendingKey, list[Charges]]:
    """The charges of each household and period; nothing where the viewer has USAGE over none of its lines."""
    found = await scope.reads.fetch(_LINES, *scope.visibility, sorted({key.household_id for key in keys}))
    seen = {line.id: line for line in lines(scope, (row for _, _, row in found)) if line.allows(Scope.USAGE)}
    ours = [(household, member, row.id) for household, member, row in found if row.id in seen]
    asked = {(line, key.first, key.last) for key in keys for house, _, line in ours if house == key.household_id}
    charged: dict[tuple[int, date, date], list[tuple[date, int]]] = {}
    columns = [list(column) for column in zip(*sorted(asked), strict=True)] if asked else [[], [], []]
    for line, first, last, month, minor in await scope.reads.fetch(_CHARGES, *columns):
        charged.setdefault((line, first, last), []).append((month, minor))
    spent: dict[SpendingKey, list[Charges]] = {}
    for key in keys:
        months: dict[tuple[int | None, date, str], Money] = {}
        for house, member, line in ours:
            profile = scope.profile_of(seen[line].operator)
            if house != key.household_id or profile is None:
                continue
            currency = profile.operator.currency
            for month, minor in charged.get((line, key.first, key.last), ()):
                place = (member, month, currency)
                months[place] = months.get(place, Money(0, currency)) + Money(minor, currency)
        if any(house == key.household_id for house, _, _ in ours):
            spent[key] = [Charges(member, month, amount) for (member, month, _), amount in months.items()]
    return spent
