"""The exact price of a change, before it is made (N7, F106, F115). Pure rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

from domain.catalogue import FeePeriod
from domain.money import CurrencyCode, Money
from domain.usage_limit import LimitPeriod, days_of


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One item of a price: `label` is a name of the catalogue's, in the operator's language.

    The first `free_days` are free: a trial, or what is paid for already. After `ends_after` days nothing is paid any
    more: what it is paid for ends by itself.
    """

    label: str
    amount: Money
    period: FeePeriod
    free_days: int = 0
    ends_after: int | None = None


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """What a change costs: now, in the month that begins today (with what is due now), and in each month after it.

    Of two quotes for the same change those with the same `price` cost the same.
    """

    lines: tuple[PriceLine, ...]
    due_now: Money
    first_month: Money
    monthly: Money
    warnings: tuple[str, ...] = ()

    @property
    def price(self) -> tuple[int, int, int]:
        """All that is paid, in minor units."""
        return (self.due_now.minor, self.first_month.minor, self.monthly.minor)


def priced(lines: Iterable[PriceLine], currency: CurrencyCode, today: date, warnings: Iterable[str] = ()) -> PriceQuote:
    """The sums of what a change costs. A month begins today and ends before the same day of the next one.

    A month after is of thirty days; fees by use come when something is used, and are in no sum.
    """
    lines = tuple(lines)
    days = (days_of(LimitPeriod.BILLING_PERIOD, today, today.day).end - today).days
    return PriceQuote(
        lines=lines,
        due_now=_sum((line.amount for line in lines if line.free_days == 0 and _is_charged(line)), currency),
        first_month=_sum((_times(line, _paid_days(line, days)) for line in lines), currency),
        monthly=_sum((_times(line, 30) for line in lines if _goes_on(line, days)), currency),
        warnings=tuple(warnings),
    )


def once(label: str, amount: Money) -> PriceQuote:
    """The price of something that is paid once, now."""
    nothing = Money(0, amount.currency)
    return PriceQuote((PriceLine(label, amount, FeePeriod.ONCE),), amount, amount, nothing)


def stored(quote: PriceQuote) -> dict[str, Any]:
    """A quote as the database keeps it, as JSON; amounts in minor units."""
    due_now, first_month, monthly = quote.price
    lines = [[line.label, line.amount.minor, line.period, line.free_days, line.ends_after] for line in quote.lines]
    sums = {"due_now": due_now, "first_month": first_month, "monthly": monthly}
    return {**sums, "lines": lines, "warnings": quote.warnings}


def read_quote(kept: Mapping[str, Any], currency: CurrencyCode) -> PriceQuote:
    """A quote as the database keeps it."""
    return PriceQuote(
        lines=tuple(
            PriceLine(label, Money(minor, currency), FeePeriod(period), free_days, ends_after)
            for label, minor, period, free_days, ends_after in kept["lines"]
        ),
        due_now=Money(kept["due_now"], currency),
        first_month=Money(kept["first_month"], currency),
        monthly=Money(kept["monthly"], currency),
        warnings=tuple(kept["warnings"]),
    )


def _is_charged(line: PriceLine) -> bool:
    return line.period is not FeePeriod.PER_USE


def _paid_days(line: PriceLine, days: int) -> int:
    """How many of so many days from today are paid for."""
    last = days if line.ends_after is None else min(days, line.ends_after)
    return max(last - line.free_days, 0)


def _goes_on(line: PriceLine, days: int) -> bool:
    """Whether something is paid after so many days from today."""
    return line.period is not FeePeriod.ONCE and (line.ends_after is None or line.ends_after > days)


def _times(line: PriceLine, days: int) -> Money:
    """What a line comes to in so many days that are paid for."""
    nothing = Money(0, line.amount.currency)
    match line.period:
        case FeePeriod.DAY:
            return Money(line.amount.minor * days, line.amount.currency)
        case FeePeriod.MONTH | FeePeriod.ONCE:
            return line.amount if days > 0 else nothing
        case FeePeriod.PER_USE:
            return nothing


def _sum(amounts: Iterable[Money], currency: CurrencyCode) -> Money:
    return reduce(lambda total, amount: total + amount, amounts, Money(0, currency))
