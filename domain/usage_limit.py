"""Limits on what a line may use or spend (F048, E35, E36): what they are of, over which days, and what they stop.

Amounts are whole numbers of a unit: minutes, messages, bytes, minor units of money. Pure rules.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.line import ServiceKind
from domain.money import CurrencyCode, Money, MoneyRejected, parse_amount
from domain.refusals import InputRejected
from domain.usage import UsageUnit


class LimitPeriod(StrEnum):
    """Over which time a limit counts, in the operator's time zone."""

    DAY = "DAY"
    WEEK = "WEEK"
    BILLING_PERIOD = "BILLING_PERIOD"
    CALENDAR_MONTH = "CALENDAR_MONTH"


class LimitAction(StrEnum):
    """What happens when a limit is reached; the safety floor holds whatever it says (I13)."""

    NOTIFY = "NOTIFY"
    BLOCK_PAID = "BLOCK_PAID"
    BLOCK_ALL = "BLOCK_ALL"
    ASK_OWNER = "ASK_OWNER"


PERCENTS = (80, 100)
"""The shares of a limit that people are told of, once in a period each."""

MOST = 10**15
"""No limit is greater: a petabyte, or ten thousand milliards of money."""

_MONEY = frozenset({UsageUnit.MONEY})
_DATA = _MONEY | {UsageUnit.BYTE}
_SPEECH = _MONEY | {UsageUnit.MINUTE}
_COUNTED = {
    ServiceKind.MOBILE: frozenset(UsageUnit),
    ServiceKind.INTERNET: _DATA,
    ServiceKind.WIFI: _DATA,
    ServiceKind.LANDLINE: _SPEECH,
    ServiceKind.IP_TELEPHONY: _SPEECH,
    ServiceKind.TV: _MONEY,
    ServiceKind.VIDEO_SURVEILLANCE: _MONEY,
}


class Days(NamedTuple):
    """The days of a period, half-open: the first one, and the first one after them (E57)."""

    first: date
    end: date

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Use:
    """What is about to happen: its price in minor units, and how much of which unit it takes."""

    price: int = 0
    unit: UsageUnit | None = None
    volume: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit, and what was used of it in the period that runs."""

    unit: UsageUnit
    amount: int
    on_reach: LimitAction
    used: Decimal

    def after(self, use: Use) -> Decimal:
        """What would have been used after it."""
        if self.unit is UsageUnit.MONEY:
            return self.used + use.price
        return self.used + (use.volume if use.unit is self.unit else 0)

    def is_over(self, use: Use) -> bool:
        """Whether the limit is reached already, or would be passed by it: the last kopeck may be spent."""
        return self.used >= self.amount or self.after(use) > self.amount


class Ruling(StrEnum):
    """What limits say to a use, the mildest first."""

    ALLOWED = "ALLOWED"
    ASK_OWNER = "ASK_OWNER"
    BLOCKED = "BLOCKED"


def ruling(limits: Iterable[Counted], use: Use, *, approved: bool = False) -> Ruling:
    """What all limits together say: the strictest. What the owner `approved` is not asked about again."""
    said = {_ruling(limit, use) for limit in limits}
    if Ruling.BLOCKED in said:
        return Ruling.BLOCKED
    return Ruling.ASK_OWNER if Ruling.ASK_OWNER in said and not approved else Ruling.ALLOWED


def reached(used: Decimal, amount: int) -> tuple[int, ...]:
    """The shares of a limit, in percent, that have been used."""
    return tuple(percent for percent in PERCENTS if used * 100 >= amount * percent)


def days_of(per: LimitPeriod, today: date, charge_day: int | None) -> Days:
    """The days of the running period. Weeks begin on Mondays.

    `charge_day` is the day of the month on which the tariff is charged: the billing period begins on it, or on the
    last day of a month that is too short for it. A line that is not charged by months has calendar months.
    """
    match per:
        case LimitPeriod.DAY:
            return Days(today, today + timedelta(days=1))
        case LimitPeriod.WEEK:
            monday = today - timedelta(days=today.weekday())
            return Days(monday, monday + timedelta(days=7))
        case LimitPeriod.CALENDAR_MONTH:
            return _month(today, 1)
        case LimitPeriod.BILLING_PERIOD:
            return _month(today, charge_day or 1)


def read_limit(text: str, unit: UsageUnit, kind: ServiceKind, currency: CurrencyCode) -> int | InputRejected:
    """The amount that was typed, in the limit's unit; money is typed in whole units of the currency."""
    if unit not in _COUNTED[kind]:
        countable = ", ".join(each for each in UsageUnit if each in _COUNTED[kind])
        return InputRejected(f"On this line can be limited: {countable}", ("unit",))
    field = ("limit",)
    try:
        amount = parse_amount(text)
        whole = Money.from_decimal(amount, currency).minor if unit is UsageUnit.MONEY else amount
    except MoneyRejected as rejected:
        return InputRejected(f"The limit is not taken: {rejected}", field)
    if whole != int(whole):
        return InputRejected(f"A limit in {unit} is a whole number", field)
    if not 0 < whole <= MOST:
        return InputRejected(f"A limit is more than 0 and at most {shown(MOST, unit)}", field)
    return int(whole)


def shown(amount: int | Decimal, unit: UsageUnit) -> Decimal:
    """An amount as people read it: money in whole units of its currency, with two decimals; bytes without any."""
    if unit is UsageUnit.MONEY:
        return Decimal(amount).scaleb(-2).quantize(Decimal("0.01"))
    whole = Decimal(amount).to_integral_value()
    return whole if whole == amount else Decimal(amount)


def _ruling(limit: Counted, use: Use) -> Ruling:
    if not limit.is_over(use):
        return Ruling.ALLOWED
    counts = limit.after(use) > limit.used
    match limit.on_reach:
        case LimitAction.BLOCK_ALL:
            return Ruling.BLOCKED
        case LimitAction.BLOCK_PAID if use.price > 0:
            return Ruling.BLOCKED
        case LimitAction.ASK_OWNER if use.price > 0 or counts:
            return Ruling.ASK_OWNER
    return Ruling.ALLOWED


def _month(today: date, begins: int) -> Days:
    first = _in_month(today, begins)
    if first > today:
        first = _in_month(today.replace(day=1) - timedelta(days=1), begins)
    # The 28th exists in every month, and four days later it is always the next one.
    return Days(first, _in_month(first.replace(day=28) + timedelta(days=4), begins))


def _in_month(day: date, begins: int) -> date:
    return day.replace(day=min(begins, monthrange(day.year, day.month)[1]))
