"""Billing periods at month ends, leap days and changes of the clock (E57)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.periods import Period, PeriodRejected, day_range, month_of, next_month_start

MOSCOW = ZoneInfo("Europe/Moscow")
ZONES = [
    "Europe/Moscow",
    "Asia/Yekaterinburg",
    "Europe/Minsk",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Beirut",
]

zones = st.sampled_from([ZoneInfo(name) for name in ZONES])
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
days = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@given(moments, zones)
def test_e57_a_moment_falls_into_its_month_and_no_other(moment: datetime, zone: ZoneInfo) -> None:
    month = month_of(moment, zone)

    assert moment in month
    assert month.start in month
    assert month.end not in month
    assert month_of(month.end, zone).start == month.end
    assert month_of(month.start - timedelta(microseconds=1), zone).end == month.start


@given(moments, zones)
def test_e57_a_month_begins_on_its_first_local_day(moment: datetime, zone: ZoneInfo) -> None:
    local = moment.astimezone(zone)
    first = month_of(moment, zone).start.astimezone(zone)

    assert (first.year, first.month, first.day) == (local.year, local.month, 1)


@given(days, st.integers(0, 40), zones)
def test_e57_days_join_without_gap_or_overlap(first: date, length: int, zone: ZoneInfo) -> None:
    last = first + timedelta(days=length)
    whole = day_range(first, last, zone)
    single = [day_range(first + timedelta(days=n), first + timedelta(days=n), zone) for n in range(length + 1)]

    assert [day.end for day in single[:-1]] == [day.start for day in single[1:]]
    assert (single[0].start, single[-1].end) == (whole.start, whole.end)


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        # The last second of a month of 31 days in Moscow is still the evening before in Greenwich.
        ("2026-01-31T20:59:59Z", "2025-12-31T21:00Z", "2026-01-31T21:00Z"),
        ("2026-01-31T21:00:00Z", "2026-01-31T21:00Z", "2026-02-28T21:00Z"),
        ("2028-02-29T12:00:00Z", "2028-01-31T21:00Z", "2028-02-29T21:00Z"),
        ("2026-12-31T23:00:00Z", "2026-12-31T21:00Z", "2027-01-31T21:00Z"),
    ],
)
def test_e57_months_in_moscow(moment: str, start: str, end: str) -> None:
    month = month_of(datetime.fromisoformat(moment), MOSCOW)

    assert month == Period(datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert next_month_start(datetime.fromisoformat(moment), MOSCOW) == datetime.fromisoformat(end)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Moscow", date(2026, 7, 1), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        # Midnight itself is skipped, and passed twice.
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("America/Havana", date(2025, 11, 2), 25),
        # Moscow left its summer time for good on this day.
        ("Europe/Moscow", date(2014, 10, 26), 25),
    ],
)
def test_e57_a_day_has_the_hours_that_its_clocks_give_it(zone: str, day: date, hours: int) -> None:
    period = day_range(day, day, ZoneInfo(zone))

    assert period.end - period.start == timedelta(hours=hours)


def test_e57_a_month_with_a_change_of_clock_is_an_hour_shorter() -> None:
    month = month_of(datetime(2026, 3, 15, tzinfo=UTC), ZoneInfo("Europe/Berlin"))

    assert month.end - month.start == timedelta(days=31) - timedelta(hours=1)


def test_e57_both_readings_of_a_repeated_hour_are_told_apart() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    second = first.replace(fold=1)

    assert second not in Period(first, first.astimezone(UTC) + timedelta(minutes=30))


def test_the_last_day_is_included() -> None:
    period = day_range(date(2026, 2, 27), date(2026, 3, 1), MOSCOW)

    assert datetime(2026, 3, 1, 23, 59, 59, tzinfo=MOSCOW) in period
    assert datetime(2026, 3, 2, tzinfo=MOSCOW) not in period


@pytest.mark.parametrize(
    ("from_date", "to_date", "reason"),
    [
        (date(2026, 3, 2), date(2026, 3, 1), "before the first"),
        (date(2026, 3, 2), date.max, "outside the calendar"),
        (date.min, date(2026, 3, 2), "outside the calendar"),
    ],
)
def test_day_ranges_that_are_refused(from_date: date, to_date: date, reason: str) -> None:
    with pytest.raises(PeriodRejected, match=reason):
        day_range(from_date, to_date, MOSCOW)


def test_a_period_ends_after_it_starts() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with pytest.raises(PeriodRejected, match="after it starts"):
        Period(noon, noon)


def test_moments_without_a_zone_are_refused() -> None:
    naive = datetime(2026, 3, 1)
    with pytest.raises(PeriodRejected, match="time zone"):
        Period(naive, naive + timedelta(days=1))
    with pytest.raises(PeriodRejected, match="time zone"):
        month_of(naive, MOSCOW)
