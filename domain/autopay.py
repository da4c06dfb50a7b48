"""Automatic payments (F080): when one is due, how much it pays, and what follows when it fails.

An *occasion* is what a rule pays for, once: a balance that fell below its threshold and has not risen since, a
calendar month, the charge of a day. Days and months are those of the operator's time zone (E57).
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.features import feature
from domain.ledger import Funds
from domain.money import Money, MoneyRejected, parse_amount
from domain.payment import AutopayTrigger
from domain.payment_refusals import PaymentRejected
from domain.payment_rules import fee, read_amount
from domain.profile import Profile
from domain.refusals import FeatureDisabled, InputRejected

PAY_AT = time(9)
"""When a rule of the calendar pays, by the operator's clock: people are awake to read that it did not work."""

LEAD = timedelta(days=1)
"""How long before a fee its payment is made, so that a failed one can be tried again in time."""

MOST_FAILURES = 3
"""After so many failures in a row a rule pays nothing more until its payer sets it again."""

_PAUSES = (timedelta(hours=6), timedelta(hours=24))


@dataclass(frozen=True, slots=True)
class Typed:
    """What a payer wrote: amounts as text with their currency."""

    trigger: AutopayTrigger
    amount: tuple[str, str]
    threshold: tuple[str, str] | None
    monthly_cap: tuple[str, str] | None
    day_of_month: int | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a payer agreed to. `amount` is what one payment credits: for a fee it is the most that is paid."""

    trigger: AutopayTrigger
    amount: Money
    threshold: Money | None = None
    monthly_cap: Money | None = None
    day_of_month: int | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What is taken from an account next, in minor units, and when."""

    fee: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule looks at: the account's money, and what is on its way there, in minor units."""

    funds: Funds
    on_its_way: int
    next_charge: Charge | None
    now: datetime


def read_terms(typed: Typed, profile: Profile) -> Terms | InputRejected | PaymentRejected | FeatureDisabled:
    """The terms, where the operator offers their trigger and they make sense together."""
    key = f"payments.autopay_{typed.trigger.lower()}"
    flag = feature(profile, key)
    if not flag.enabled:
        return FeatureDisabled(key, flag.reason or "Not offered by this operator", ("trigger",))
    amount = read_amount(*typed.amount, profile)
    if not isinstance(amount, Money):
        return amount
    threshold = _threshold(typed, profile)
    if isinstance(threshold, InputRejected):
        return threshold
    cap = _cap(typed, amount, profile)
    if isinstance(cap, InputRejected):
        return cap
    if (typed.day_of_month is not None) != (typed.trigger is AutopayTrigger.SCHEDULE):
        return InputRejected("SCHEDULE has a day of the month, and nothing else has", ("dayOfMonth",))
    if typed.day_of_month is not None and not 1 <= typed.day_of_month <= 31:
        return InputRejected("A day of the month is 1 to 31; shorter months pay on their last", ("dayOfMonth",))
    return Terms(typed.trigger, amount, threshold, cap, typed.day_of_month)


def amount_due(terms: Terms, situation: Situation, profile: Profile) -> Money | None:
    """What is to be paid now; None where nothing is.

    For a fee it is what is missing, within the operator's limits, and never more than the payer agreed to.
    """
    funds, charge = situation.funds, situation.next_charge
    match terms.trigger:
        case AutopayTrigger.SCHEDULE:
            return terms.amount
        case AutopayTrigger.BALANCE_BELOW:
            assert terms.threshold is not None
            return terms.amount if funds.balance + situation.on_its_way < terms.threshold.minor else None
        case AutopayTrigger.BEFORE_SUBSCRIPTION_FEE:
            if charge is None or charge.at - LEAD > situation.now or funds.spendable is None:
                return None
            missing = charge.fee - funds.spendable - situation.on_its_way
            return _payable(missing, terms.amount, profile) if missing > 0 else None


def within_cap(terms: Terms, amount: Money, spent: int, profile: Profile) -> bool:
    """Whether the payer's limit for a month has room for a payment and its fee; `spent` is in minor units."""
    return terms.monthly_cap is None or spent + (amount + fee(amount, profile)).minor <= terms.monthly_cap.minor


def next_payday(day: int, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after `after`, in UTC, at which a rule pays that pays on this day of each month."""
    local = after.astimezone(zone)
    year, month = local.year, local.month
    while True:
        last = monthrange(year, month)[1]
        moment = datetime.combine(date(year, month, min(day, last)), PAY_AT, zone).astimezone(UTC)
        if moment > after:
            return moment
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def month_name(moment: datetime, zone: ZoneInfo) -> str:
    """The occasion of a rule that pays by the calendar, such as 2026-11: one payment a month, whatever day it has."""
    return f"{moment.astimezone(zone):%Y-%m}"


def charge_name(charge: Charge, zone: ZoneInfo) -> str:
    """The occasion of a rule that pays before a fee: the day of the fee."""
    return f"{charge.at.astimezone(zone):%Y-%m-%d}"


def dip_name(round_: int) -> str:
    """The occasion of a rule that watches a balance: which time it is that it fell below."""
    return f"dip {round_}"


def pause_after(failures: int) -> timedelta | None:
    """How long a rule rests after so many failures in a row; None: until its payer sets it again."""
    return None if failures >= MOST_FAILURES else _PAUSES[min(failures, len(_PAUSES)) - 1]


def _threshold(typed: Typed, profile: Profile) -> Money | InputRejected | None:
    if (typed.threshold is not None) != (typed.trigger is AutopayTrigger.BALANCE_BELOW):
        return InputRejected("BALANCE_BELOW has a threshold, and nothing else has", ("threshold",))
    if typed.threshold is None:
        return None
    threshold = _money(*typed.threshold, "threshold", profile)
    greatest = Money.from_decimal(profile.payments.max_amount, profile.operator.currency)
    if isinstance(threshold, Money) and not 0 <= threshold.minor <= greatest.minor:
        return InputRejected(f"The threshold is from zero to {greatest}", ("threshold", "amount"))
    return threshold


def _cap(typed: Typed, amount: Money, profile: Profile) -> Money | InputRejected | None:
    if typed.monthly_cap is None:
        return None
    cap = _money(*typed.monthly_cap, "monthlyCap", profile)
    least = amount + fee(amount, profile)
    if isinstance(cap, Money) and cap < least:
        return InputRejected(f"A month has to have room for one payment, {least}", ("monthlyCap", "amount"))
    return cap


def _money(text: str, currency: str, field: str, profile: Profile) -> Money | InputRejected:
    own = profile.operator.currency
    if currency != own:
        return InputRejected(f"This operator takes {own}", (field, "currency"))
    try:
        return Money.from_decimal(parse_amount(text), own)
    except MoneyRejected as rejected:
        return InputRejected(f"The amount is not taken: {rejected}", (field, "amount"))


def _payable(missing: int, most: Money, profile: Profile) -> Money:
    unit = 100 if profile.payments.whole_units_only else 1
    least = Money.from_decimal(profile.payments.min_amount, most.currency).minor
    return Money(min(max(-(-missing // unit) * unit, least), most.minor), most.currency)
