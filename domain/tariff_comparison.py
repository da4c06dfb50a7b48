"""Tariffs side by side: what differs, and where the best value is (F103). Pure rules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from domain.catalogue import Allowance, FeePeriod, TariffOption
from domain.language import Language
from domain.money import Money
from domain.usage import UsageUnit
from domain.wording import Wording

FEWEST, MOST = 2, 5
"""How many tariffs are compared at once."""

MONTH_DAYS = 30
"""How many days fees are compared over: some are charged by the day, and others by the month."""

_FEE = Wording("Subscription fee")
_FEE_OF_A_MONTH = Wording("Subscription fee for {days} days")
_CONNECTION_FEE = Wording("Connection fee")
_SPEED = Wording("Speed")
_FAMILY = Wording("Shared by a family")
_UP_TO = Wording("{what}, at most")
_A_DAY = Wording("{amount} a day")
_A_MONTH = Wording("{amount} a month")
_FREE = Wording("free")
_UNLIMITED = Wording("unlimited")
_MBPS = Wording("{number} Mbit/s")
_GB = Wording("{number} GB")
_MB = Wording("{number} MB")
_YES, _NO = Wording("yes"), Wording("no")
_UNITS = {
    UsageUnit.BYTE: Wording("Internet"),
    UsageUnit.MINUTE: Wording("Minutes"),
    UsageUnit.MONEY: Wording("Money"),
}
_NOTHING = "–"
_LIMITLESS = Decimal("Infinity")
_MB_BYTES, _GB_BYTES = Decimal(2**20), Decimal(2**30)


class Compared(Protocol):
    """What of a tariff is compared."""

    @property
    def fee(self) -> Money: ...
    @property
    def fee_period(self) -> FeePeriod: ...
    @property
    def connection_fee(self) -> Money: ...
    @property
    def included(self) -> Sequence[Allowance]: ...
    @property
    def configurable(self) -> Sequence[TariffOption]: ...
    @property
    def speed_mbps(self) -> int | None: ...
    @property
    def family_shareable(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One thing compared; `values` are in the order of the tariffs, `best_index` is the first of the best.

    None where they are all alike, and where nobody can say what is better.
    """

    key: str
    label: str
    values: tuple[str, ...]
    differs: bool
    best_index: int | None


def compare(tariffs: Sequence[Compared], language: Language) -> list[ComparisonRow]:
    """What tariffs of one kind are like; what none of them has is left out."""
    rows = list(_money(tariffs, language))
    for unit, scope in dict.fromkeys((each.unit, each.scope) for tariff in tariffs for each in tariff.included):
        what = _unit(unit, language)
        label = what if scope is None else f"{what}: {scope}"
        key = f"INCLUDED_{unit}" if scope is None else f"INCLUDED_{unit}:{scope}"
        amounts = [_included(tariff, unit, scope) for tariff in tariffs]
        rows.append(_row(key, label, [_amount(unit, each, language) for each in amounts], amounts, max))
    for unit in dict.fromkeys(each.unit for tariff in tariffs for each in tariff.configurable):
        label = _UP_TO.text(language, what=_unit(unit, language))
        amounts = [_most(tariff, unit) for tariff in tariffs]
        rows.append(_row(f"UP_TO_{unit}", label, [_amount(unit, each, language) for each in amounts], amounts, max))
    speeds = [Decimal(tariff.speed_mbps or 0) for tariff in tariffs]
    if any(speeds):
        told = [_MBPS.text(language, number=speed) if speed else _NOTHING for speed in speeds]
        rows.append(_row("SPEED", _SPEED.text(language), told, speeds, max))
    if any(tariff.family_shareable for tariff in tariffs):
        told = [(_YES if tariff.family_shareable else _NO).text(language) for tariff in tariffs]
        shared = [Decimal(tariff.family_shareable) for tariff in tariffs]
        rows.append(_row("FAMILY_SHAREABLE", _FAMILY.text(language), told, shared, max))
    return rows


def _money(tariffs: Sequence[Compared], language: Language) -> Iterator[ComparisonRow]:
    """Fees: what is charged by the day costs as much as thirty of them."""
    monthly = [_monthly(tariff) for tariff in tariffs]
    costs = [Decimal(each.minor) for each in monthly]
    yield _row("FEE", _FEE.text(language), [_fee(tariff, language) for tariff in tariffs], costs, min)
    if len({tariff.fee_period for tariff in tariffs}) > 1:
        label = _FEE_OF_A_MONTH.text(language, days=MONTH_DAYS)
        yield _row("FEE_OF_30_DAYS", label, [str(each) for each in monthly], costs, min)
    connection = [tariff.connection_fee for tariff in tariffs]
    if any(each.minor for each in connection):
        told = [str(each) if each.minor else _FREE.text(language) for each in connection]
        yield _row("CONNECTION_FEE", _CONNECTION_FEE.text(language), told, [Decimal(e.minor) for e in connection], min)


def _row(
    key: str,
    label: str,
    told: Sequence[str],
    weights: Sequence[Decimal],
    best: Callable[[Sequence[Decimal]], Decimal],
) -> ComparisonRow:
    # What reads the same is the same to a reader: nothing is better by bytes that are not shown.
    differs = len(set(told)) > 1
    unlike = differs and len(set(weights)) > 1
    return ComparisonRow(
        key=key,
        label=label,
        values=tuple(told),
        differs=differs,
        best_index=told.index(told[weights.index(best(weights))]) if unlike else None,
    )


def _monthly(tariff: Compared) -> Money:
    times = MONTH_DAYS if tariff.fee_period is FeePeriod.DAY else 1
    return Money(tariff.fee.minor * times, tariff.fee.currency)


def _fee(tariff: Compared, language: Language) -> str:
    if tariff.fee.minor == 0:
        return _FREE.text(language)
    period = _A_DAY if tariff.fee_period is FeePeriod.DAY else _A_MONTH
    return period.text(language, amount=tariff.fee)


def _included(tariff: Compared, unit: UsageUnit, scope: str | None) -> Decimal:
    found = [each for each in tariff.included if each.unit is unit and each.scope == scope]
    return sum((_LIMITLESS if each.unlimited else each.amount for each in found), Decimal(0))


def _most(tariff: Compared, unit: UsageUnit) -> Decimal:
    """The most of a unit that can be chosen; where there is no choice, what is included."""
    chosen = [option.values[-1] for option in tariff.configurable if option.unit is unit]
    return max([*chosen, _included(tariff, unit, None)])


def _unit(unit: UsageUnit, language: Language) -> str:
    # SMS and MMS are called that everywhere.
    return _UNITS[unit].text(language) if unit in _UNITS else unit.value


def _amount(unit: UsageUnit, amount: Decimal, language: Language) -> str:
    if amount == 0:
        return _NOTHING
    if amount == _LIMITLESS:
        return _UNLIMITED.text(language)
    if unit is UsageUnit.BYTE:
        shown, size = (_GB, _GB_BYTES) if amount >= _GB_BYTES else (_MB, _MB_BYTES)
        return shown.text(language, number=_number(amount / size))
    # Money is in minor units, as everywhere.
    return _number(amount / 100 if unit is UsageUnit.MONEY else amount)


def _number(amount: Decimal) -> str:
    """A number without zeros that say nothing; of what is not whole two decimals."""
    return f"{amount.quantize(Decimal('0.01')):f}".rstrip("0").rstrip(".")
