"""Days and moments relative to the day of loading: short months, leap years, the operator's own midnight."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.relative_date import DateRejected, parse_day, parse_moment

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("2026-11-21", "2024-02-29", "2026-11-21"),
        ("today", "2024-02-29", "2024-02-29"),
        ("-3d", "2024-03-01", "2024-02-27"),
        ("+2w", "2026-12-25", "2027-01-08"),
        ("-1m", "2024-03-31", "2024-02-29"),
        ("-1m", "2023-03-31", "2023-02-28"),
        ("+1m", "2024-01-31", "2024-02-29"),
        ("-1y", "2024-02-29", "2023-02-28"),
        ("+4y", "2024-02-29", "2028-02-29"),
        ("-11y-5m", "2026-03-31", "2014-10-31"),
        # Months first, then days, in whatever order they are written.
        ("-1m+9d", "2024-03-31", "2024-03-09"),
        ("+9d-1m", "2024-03-31", "2024-03-09"),
        ("month:0", "2024-02-29", "2024-02-01"),
        ("month:+1", "2026-12-31", "2027-01-01"),
        ("month:-1+4d", "2026-01-31", "2025-12-05"),
        ("month:+1-1d", "2024-02-10", "2024-02-29"),
    ],
)
def test_days(text: str, today: str, day: str) -> None:
    assert parse_day(text).on(date.fromisoformat(today)) == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("today", datetime(2026, 11, 20, 21, tzinfo=UTC)),
        ("+1d 03:00", datetime(2026, 11, 22, tzinfo=UTC)),
        ("month:+1 00:00:30", datetime(2026, 11, 30, 21, 0, 30, tzinfo=UTC)),
        ("2026-11-21 10:30", datetime(2026, 11, 21, 7, 30, tzinfo=UTC)),
        ("2026-11-21T10:30:00+05:00", datetime(2026, 11, 21, 5, 30, tzinfo=UTC)),
        ("2026-11-21T10:30Z", datetime(2026, 11, 21, 10, 30, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text).at(date(2026, 11, 21), MOSCOW) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "3d",
        "+d",
        "month:",
        "2026-02-30",
        "21.11.2026",
        "0001-01-01",
        "-201y",
        "+99999d",
        "today 25:00",
        "+1d 10:00+03:00",
        "٢d",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(DateRejected):
        parse_moment(text)


@given(st.text(alphabet="+-0123456789dwmytodamonth: TZ", max_size=24), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_any_text_is_a_moment_or_is_refused(text: str, today: date) -> None:
    try:
        moment = parse_moment(text)
    except DateRejected:
        return
    assert moment.at(today, MOSCOW).tzinfo is UTC
