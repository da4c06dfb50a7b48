"""What a month of use would cost under another tariff (F105). Pure rules, in whole minor units.

A month here is thirty days, as in a quote. What is used beyond what a tariff includes is bought as packages: of those
that are sold, the one that makes it cheapest, as many as are needed. Use that no package is sold for cannot be had
with a tariff that does not include it. Of the options the cheapest are chosen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from domain.catalogue import Allowance, FeePeriod
from domain.language import Language
from domain.money import Money
from domain.tariff import Option
from domain.usage import UsageUnit
from domain.wording import Wording

DAYS = 30
"""The days of a month of use."""

_BY_USE = Wording("What was used in the last three months would have cost {amount} less a month.")
_BY_ANSWERS = Wording("By your answers it costs {amount} less a month.")
_HOLDS = Wording("It has enough of everything, and the present tariff has not.")

Use = Mapping[UsageUnit, Decimal]
"""How much of each unit was used in a month; of a unit that is not named, nothing."""


@dataclass(frozen=True, slots=True)
class Package:
    """What can be bought beside a tariff: so much of a unit for a price, as often as it is needed."""

    unit: UsageUnit
    amount: Decimal
    price: int


Shelf = Mapping[UsageUnit, tuple[Package, ...]]
"""The packages that are sold, by their units; those with the most for the money come first."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A tariff as use is rated under it: `fee` of a month."""

    fee: int
    included: tuple[Allowance, ...]
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Rated:
    """What months of use cost under a tariff, on average; `missing` is what could not be had at all."""

    monthly: int
    missing: frozenset[UsageUnit] = field(default_factory=frozenset)


def monthly_fee(fee: int, every: FeePeriod) -> int | None:
    """A fee as that of a month; None where it has no periods, and tells nothing of a month."""
    match every:
        case FeePeriod.DAY:
            return fee * DAYS
        case FeePeriod.MONTH:
            return fee
    return None


def shelf(packages: Iterable[Package]) -> Shelf:
    """The packages as `rate` looks for them."""
    sold: dict[UsageUnit, list[Package]] = {}
    for package in packages:
        if package.amount > 0:
            sold.setdefault(package.unit, []).append(package)
    return {unit: tuple(sorted(each, key=_for_the_money)) for unit, each in sold.items()}


def rate(tariff: Priced, months: Sequence[Use], sold: Shelf) -> Rated:
    """What these months would have cost under a tariff whose options were chosen once for all of them.

    The average is rounded up to a whole minor unit. Raises ValueError for no months.
    """
    if not months:
        raise ValueError("there is nothing to rate")
    total, missing = tariff.fee * len(months), set()
    for unit in sorted({unit for month in months for unit in month} | {option.unit for option in tariff.options}):
        used = [month.get(unit, Decimal(0)) for month in months]
        cost = _unit(tariff, unit, used, sold.get(unit, ()))
        if cost is None:
            missing.add(unit)
        total += cost or 0
    return Rated(-(-total // len(months)), frozenset(missing))


def beyond(used: Decimal, included: Decimal, packages: Iterable[Package]) -> int | None:
    """What the use of a month costs that a tariff does not include; None where it cannot be bought.

    `packages` as on a shelf: when one is reached that would be dearer by the drop, so would be all after it.
    """
    lacking = used - included
    if lacking <= 0:
        return 0
    best: int | None = None
    for each in packages:
        if best is not None and lacking * each.price >= best * each.amount:
            break
        whole, rest = divmod(lacking, each.amount)
        cost = (int(whole) + bool(rest)) * each.price
        best = cost if best is None or cost < best else best
    return best


def included(allowances: Iterable[Allowance], unit: UsageUnit) -> Decimal | None:
    """How much of a unit there is in a month; None: as much as anybody wants.

    What is for some use only, such as a messenger, counts where there is nothing for all: use is not told apart so.
    """
    mine = [each for each in allowances if each.unit is unit]
    counted = [each for each in mine if each.scope is None] or mine
    return None if any(each.unlimited for each in counted) else sum((each.amount for each in counted), Decimal(0))


def why(saving: Money, language: Language, *, holds_more: bool, by_answers: bool) -> str:
    """What to tell of a tariff that is recommended; `holds_more`: the present one lacks something that is used."""
    wording = _HOLDS if holds_more else _BY_ANSWERS if by_answers else _BY_USE
    return wording.text(language, amount=str(saving))


def _for_the_money(package: Package) -> Fraction:
    return Fraction(package.price) / Fraction(package.amount)


def _unit(tariff: Priced, unit: UsageUnit, used: Sequence[Decimal], packages: Sequence[Package]) -> int | None:
    """What the use of one unit costs in all months, with the cheapest choice of it; None where it cannot be had."""
    option = next((each for each in tariff.options if each.unit is unit), None)
    holds = included(tariff.included, unit)
    if option is None:
        return _months(used, holds, 0, packages)
    costs = (_months(used, value, step * option.price_per_step, packages) for step, value in enumerate(option.values))
    return min((cost for cost in costs if cost is not None), default=None)


def _months(used: Sequence[Decimal], holds: Decimal | None, fee: int, packages: Sequence[Package]) -> int | None:
    if holds is None:
        return fee * len(used)
    bought = [beyond(each, holds, packages) for each in used]
    return None if None in bought else sum(filter(None, bought)) + fee * len(used)
