"""Days and moments that an import file may write relative to the day on which it is loaded.

    day     = date | base [steps]          2026-11-21   today   -3d   -11y-2m   month:+1   month:-1+4d
    base    = "today" | "month:" number    the first day of the month that many months away; without a base: today
    steps   = (("+" | "-") digits ("d" | "w" | "m" | "y"))+
    moment  = day [" " HH:MM[:SS]] | ISO 8601 date and time, with or without an offset

Years and months are added first and end on a day that exists (31 January and a month is 28 or 29 February),
then weeks and days. A moment without a time is midnight, and without an offset it is the operator's own time.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAYS = {"d": 1, "w": 7}
_MONTHS = {"m": 1, "y": 12}

_ABSOLUTE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RELATIVE = re.compile(r"(today|month:(?P<month>[+-]?[0-9]{1,4}))?(?P<steps>([+-][0-9]{1,5}[dwmy])*)")
_STEP = re.compile(r"([+-][0-9]+)([dwmy])")
_TIMED = re.compile(r"(?P<day>\S+?)[ T](?P<time>[0-9]{2}:[0-9]{2}(:[0-9]{2})?)(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?")

_FURTHEST_YEARS = 200
_ABSOLUTE_YEARS = range(1900, 2201)

FORMS = "a date such as 2026-11-21, or one relative to the day of loading: today, -3d, +2m, month:+1"


class DateRejected(ValueError):
    """Text that is no day or no moment; the message says what is accepted."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day that is known once the day of loading is: a base, moved by months and then by days."""

    absolute: date | None = None
    month: int | None = None
    months: int = 0
    days: int = 0

    def on(self, today: date) -> date:
        """The day, when the file is loaded on `today`."""
        if self.absolute is not None:
            return self.absolute
        base = today if self.month is None else _add_months(today.replace(day=1), self.month)
        return _add_months(base, self.months) + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Moment:
    """A day and a time of it; `fixed` where the text gave its own offset."""

    day: Day
    time: time
    fixed: datetime | None = None

    def at(self, today: date, zone: ZoneInfo) -> datetime:
        """The instant, in UTC, when the file is loaded on `today` by an operator of `zone`."""
        if self.fixed is not None:
            return self.fixed
        return datetime.combine(self.day.on(today), self.time, zone).astimezone(UTC)


@lru_cache(maxsize=4096)
def parse_day(text: str) -> Day:
    """The day that `text` writes. Raises `DateRejected`."""
    if _ABSOLUTE.fullmatch(text):
        return Day(absolute=_absolute(text))
    match = _RELATIVE.fullmatch(text)
    if not match or not text:
        raise DateRejected(f"must be {FORMS}")
    months = days = 0
    for number, unit in _STEP.findall(match["steps"]):
        months += int(number) * _MONTHS.get(unit, 0)
        days += int(number) * _DAYS.get(unit, 0)
    month = None if match["month"] is None else int(match["month"])
    # Bounded here, so that no day of loading can push a date over the edge of the calendar.
    if abs(months) + abs(month or 0) > _FURTHEST_YEARS * 12 or abs(days) > _FURTHEST_YEARS * 365:
        raise DateRejected(f"is more than {_FURTHEST_YEARS} years away")
    return Day(month=month, months=months, days=days)


@lru_cache(maxsize=4096)
def parse_moment(text: str) -> Moment:
    """The moment that `text` writes. Raises `DateRejected`."""
    match = _TIMED.fullmatch(text)
    if not match:
        return Moment(parse_day(text), time.min)
    try:
        clock = time.fromisoformat(match["time"])
    except ValueError as error:
        raise DateRejected(f"there is no time {match['time']}") from error
    day = parse_day(match["day"])
    if not match["offset"]:
        return Moment(day, clock)
    if day.absolute is None:
        raise DateRejected("only a date takes an offset, a relative day is the operator's")
    return Moment(day, clock, datetime.fromisoformat(text.replace(" ", "T")).astimezone(UTC))


def _absolute(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise DateRejected(f"there is no day {text}") from error
    if day.year not in _ABSOLUTE_YEARS:
        raise DateRejected(f"lies outside the years {_ABSOLUTE_YEARS[0]} to {_ABSOLUTE_YEARS[-1]}")
    return day


def _add_months(day: date, months: int) -> date:
    """The same day of another month, or its last where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
