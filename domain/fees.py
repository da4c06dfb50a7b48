"""When fees of tariffs and services fall due, and what is done about one that is (F057, E57).

A period begins at the operator's local midnight and is half-open: a day, or a month from the day of the month on
which its subscription's months begin. A month without that day begins on its last one. Each period is charged once.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.catalogue import FeePeriod
from domain.line import LineStatus
from domain.periods import Period, PeriodRejected, day_range, midnight, next_month_start


class Sold(StrEnum):
    """What a subscription is of."""

    TARIFF = "TARIFF"
    SERVICE = "SERVICE"


class Step(StrEnum):
    """What becomes of a fee whose moment has come."""

    CHARGE = "CHARGE"
    TOMORROW = "TOMORROW"  # the line is blocked, and its periods do not run
    AFTER_TRIAL = "AFTER_TRIAL"
    PAUSE = "PAUSE"  # until the line's own tariff is paid
    END = "END"  # nothing is charged any more


class Charging(StrEnum):
    """What a subscription's fee came to."""

    PAID = "PAID"
    SHORT = "SHORT"  # the account does not hold it; nothing changed
    BEYOND = "BEYOND"  # a limit of the line stands against it (E35); nothing changed
    NOTHING = "NOTHING"  # there is nothing to pay now


@dataclass(frozen=True, slots=True)
class Due:
    """A fee whose moment has come, and what decides about it; `every` is how often it is charged."""

    at: datetime
    sold: Sold
    every: FeePeriod
    line_status: LineStatus
    contract_ended: bool = False
    valid_until: datetime | None = None
    trial_ends_at: datetime | None = None


PERIODIC = frozenset({FeePeriod.DAY, FeePeriod.MONTH})
_ENDED = frozenset({LineStatus.TERMINATED, LineStatus.PORTED_OUT})


def decide(due: Due, *, freeze_balance: bool) -> Step:
    """What is done about a fee; `freeze_balance` is the profile's, for numbers that their users have blocked."""
    if due.contract_ended or due.line_status in _ENDED or due.every is FeePeriod.PER_USE:
        return Step.END
    if due.valid_until is not None and due.valid_until <= due.at:
        return Step.END
    if due.trial_ends_at is not None and due.trial_ends_at > due.at:
        return Step.AFTER_TRIAL
    if due.line_status is LineStatus.SUSPENDED_NONPAYMENT and due.sold is Sold.SERVICE:
        return Step.PAUSE
    frozen = due.line_status is LineStatus.BLOCKED_BY_USER and freeze_balance
    if due.every in PERIODIC and (frozen or due.line_status is LineStatus.SUSPENDED_FRAUD):
        return Step.TOMORROW
    return Step.CHARGE


def months_begin_on(kept: int | None, at: datetime, zone: ZoneInfo) -> int:
    """The day of the month on which the months of a fee that is due `at` begin, 1 to 31.

    `kept` is that day as it was known; where the fee is due on another one, somebody moved it, and that one counts.
    """
    day = at.astimezone(zone).date()
    if kept is not None and day.day == min(kept, monthrange(day.year, day.month)[1]):
        return kept
    return day.day


def period_from(at: datetime, every: FeePeriod, months_begin: int, zone: ZoneInfo) -> Period:
    """The period that begins `at` and ends where the next one begins.

    Raises `PeriodRejected` for a fee that has no periods and for a day that no month has.
    """
    if not 1 <= months_begin <= 31:
        raise PeriodRejected(f"no month has a day {months_begin}")
    match every:
        case FeePeriod.DAY:
            return Period(at, next_day(at, zone))
        case FeePeriod.MONTH:
            return Period(at, _next_month(at, months_begin, zone))
    raise PeriodRejected(f"a fee that is charged {every} has no periods")


def packages_until(
    every: FeePeriod, at: datetime, following: datetime | None, since: datetime, zone: ZoneInfo
) -> datetime | None:
    """When the packages end that a tariff's fee of a period from `at` pays for; None for a fee that is not periodic.

    With the month that is paid for; where each day is paid by itself, a month after the tariff began `since`, and
    months from then on (F056).
    """
    if every is FeePeriod.DAY:
        return period_from(at, FeePeriod.MONTH, since.astimezone(zone).day, zone).end
    return following


def next_day(at: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the next day begins where the operator is."""
    day = at.astimezone(zone).date()
    end = day_range(day, day, zone).end
    # A place that crosses the date line has a day that never comes.
    return end if end > at else midnight(day + timedelta(days=2), zone)


def today(now: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the day of `now` began where the operator is: a new beginning is of the whole day."""
    return midnight(now.astimezone(zone).date(), zone)


def fee_key(
    sold: Sold, subscription_id: int, sold_id: int, every: FeePeriod, at: datetime, zone: ZoneInfo, changes: int = 0
) -> str:
    """The ledger's key of the fee of the period that begins `at`: by its local day, so once a day at the most.

    `changes` is how often the subscription was put to something else: what begins anew is paid for anew.
    """
    begins = at.astimezone(zone).date().isoformat() if every in PERIODIC else "once"
    key = f"fee:{sold.lower()}:{subscription_id}:{sold_id}:{begins}"
    return f"{key}:{changes}" if changes else key


def _next_month(at: datetime, months_begin: int, zone: ZoneInfo) -> datetime:
    start = _begins_in_month_of(at, months_begin, zone)
    while start <= at:
        start = _begins_in_month_of(next_month_start(start, zone), months_begin, zone)
    return start


def _begins_in_month_of(moment: datetime, months_begin: int, zone: ZoneInfo) -> datetime:
    day = moment.astimezone(zone).date()
    return midnight(day.replace(day=min(months_begin, monthrange(day.year, day.month)[1])), zone)
