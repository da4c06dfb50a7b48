"""Billing periods in the operator's time zone (E57).

Days and months begin at the operator's local midnight, whatever the clocks do that day; the instants are
given in UTC, because Python compares and subtracts two moments of one zone by the wall clock.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


class PeriodRejected(ValueError):
    """A period that does not exist; the text says why."""


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open stretch of time from `start` up to, not including, `end`; both are aware.

    Raises `PeriodRejected` for a moment without a zone and for an end that is not after the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise PeriodRejected("a period needs moments with a time zone")
        if self.end.astimezone(UTC) <= self.start.astimezone(UTC):
            raise PeriodRejected("a period ends after it starts")

    def __contains__(self, moment: datetime) -> bool:
        """Whether an aware moment falls into the period."""
        return self.start.astimezone(UTC) <= moment.astimezone(UTC) < self.end.astimezone(UTC)


def month_of(moment: datetime, zone: ZoneInfo) -> Period:
    """The calendar month, in `zone`, that an aware moment falls into."""
    _require_aware(moment)
    first = moment.astimezone(zone).date().replace(day=1)
    # The 28th exists in every month, and four days later it is always the next one.
    next_first = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return Period(midnight(first, zone), midnight(next_first, zone))


def next_month_start(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, when the calendar month after that of `moment` begins in `zone`."""
    return month_of(moment, zone).end


# All numbers of a page are asked about the same days.
@lru_cache(1_000)
def day_range(from_date: date, to_date: date, zone: ZoneInfo) -> Period:
    """The whole days from `from_date` to `to_date`, both included, in `zone`.

    Raises `PeriodRejected` when they are the wrong way round or at the very edge of the calendar.
    """
    if to_date < from_date:
        raise PeriodRejected("the last day is before the first")
    try:
        return Period(midnight(from_date, zone), midnight(to_date + timedelta(days=1), zone))
    except OverflowError as error:
        raise PeriodRejected("the days lie outside the calendar") from error


def _require_aware(moment: datetime) -> None:
    """Refuse a moment without a zone, which `astimezone` would read as this machine's local time."""
    if moment.utcoffset() is None:
        raise PeriodRejected("a moment needs a time zone")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, when `day` begins in `zone`.

    With `fold=0` a midnight that the clocks skip becomes the moment of the jump, and one that they pass
    twice becomes the first.
    """
    return datetime.combine(day, time.min, zone).astimezone(UTC)
