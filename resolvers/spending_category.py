"""What a line spent, by kind (F058)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.access import Scope
from domain.money import Money
from domain.spending import shares
from domain.usage import ChargeType, UsageUnit
from loaders.spent_by_key import Spent
from loaders.visible import Line
from resolvers.context import Context
from resolvers.usage import days


@dataclass(frozen=True, slots=True)
class SpendingCategory:
    """One kind of use: how much, what it cost, and which part of all that is."""

    type: ChargeType
    volume: Decimal
    unit: UsageUnit
    sum: Money
    share: Decimal


async def by_category(
    context: Context, line: Line, first: date | None, last: date | None
) -> list[SpendingCategory] | None:
    """What a line spent from `first` to `last`, both included, the most first; None without USAGE."""
    if not line.allows(Scope.USAGE):
        return None
    profile, key, _ = days(context, line, first, last)
    spent = _merged(await context.loaders.spent_by_key.load(key))
    parts = shares([each.minor for each in spent])
    return [
        SpendingCategory(each.type, each.volume, each.unit, Money(each.minor, profile.operator.currency), part)
        for each, part in zip(spent, parts, strict=True)
    ]


def _merged(found: list[Spent]) -> list[Spent]:
    """One for each kind and unit; charges that name no unit join the use that they are for, where there is any."""
    kinds: dict[ChargeType, list[Spent]] = {}
    for each in found:
        kinds.setdefault(each.type, []).append(each)
    merged: list[Spent] = []
    for spent in kinds.values():
        used = [each for each in spent if each.unit is not UsageUnit.MONEY]
        money = sum(each.minor for each in spent if each.unit is UsageUnit.MONEY)
        if used:
            merged += [used[0]._replace(minor=used[0].minor + money), *used[1:]]
        else:
            merged += [each._replace(volume=Decimal(each.minor).scaleb(-2)) for each in spent]
    return sorted(merged, key=lambda each: -each.minor)
