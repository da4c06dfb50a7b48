"""What a fee is for and what becomes of it, as pure rules: once a period, in every time zone (F057, E57)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import FeePeriod
from domain.fees import Due, Sold, Step, decide, fee_key, months_begin_on, next_day, packages_until, period_from
from domain.line import LineStatus
from domain.periods import PeriodRejected

MOSCOW = ZoneInfo("Europe/Moscow")
zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
periodic = st.sampled_from([FeePeriod.DAY, FeePeriod.MONTH])


@given(moments, zones, periodic, st.integers(1, 31))
def test_e57_periods_follow_each_other_without_gap_or_overlap(
    at: datetime, zone: ZoneInfo, every: FeePeriod, months_begin: int
) -> None:
    """From any moment in any zone: each period ends where the next begins, at a local midnight, and moves on."""
    first = period_from(at, every, months_begin, zone)
    keys = [fee_key(Sold.TARIFF, 1, 1, every, at, zone)]
    period = first
    for _ in range(15):
        assert period.start < period.end
        assert period.start in period
        assert period.end not in period
        following = period_from(period.end, every, months_begin, zone)
        assert following.start == period.end
        # What is charged at the boundary goes on from there, on the same day of the month.
        assert months_begin_on(months_begin, period.end, zone) == months_begin or every is FeePeriod.DAY
        keys.append(fee_key(Sold.TARIFF, 1, 1, every, period.end, zone))
        period = following
    assert len(set(keys)) == len(keys)


# Samoa and two atolls moved to the other side of the date line, and lost a day.
_DAYS = {FeePeriod.DAY: (0.9, 1.15), FeePeriod.MONTH: (26.9, 32.1)}


@given(moments, st.sampled_from(["Europe/Moscow", "Asia/Yekaterinburg", "Europe/Minsk"]), periodic, st.integers(1, 31))
def test_e57_a_period_is_as_long_as_its_name(at: datetime, name: str, every: FeePeriod, months_begin: int) -> None:
    zone = ZoneInfo(name)
    start = period_from(at, every, months_begin, zone).end
    period = period_from(start, every, months_begin, zone)
    least, most = _DAYS[every]
    assert least <= (period.end - period.start) / timedelta(days=1) <= most
    if every is FeePeriod.MONTH:
        local = start.astimezone(zone)
        following = period.end.astimezone(zone)
        assert (following.year * 12 + following.month) - (local.year * 12 + local.month) == 1


@pytest.mark.parametrize(
    ("months_begin", "starts"),
    [
        (31, ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        (30, ["2027-01-30", "2027-02-28", "2027-03-30", "2027-04-30"]),
        (29, ["2028-01-29", "2028-02-29", "2028-03-29", "2029-02-28", "2029-03-29"]),
        (1, ["2026-12-01", "2027-01-01", "2027-02-01"]),
    ],
)
def test_e57_months_that_begin_late_in_the_month(months_begin: int, starts: list[str]) -> None:
    at = datetime.fromisoformat(starts[0]).replace(tzinfo=MOSCOW)
    day, found = months_begin, [starts[0]]
    while found[-1] < starts[-1]:
        day = months_begin_on(day, at, MOSCOW)
        at = period_from(at, FeePeriod.MONTH, day, MOSCOW).end
        local = at.astimezone(MOSCOW)
        assert (local.hour, local.minute) == (0, 0)
        found.append(local.date().isoformat())
    assert [day for day in found if day in starts] == starts


def test_e57_a_date_that_somebody_moved_counts() -> None:
    assert months_begin_on(31, datetime(2026, 2, 28, tzinfo=MOSCOW), MOSCOW) == 31
    assert months_begin_on(31, datetime(2026, 2, 27, tzinfo=MOSCOW), MOSCOW) == 27
    assert months_begin_on(None, datetime(2026, 2, 28, tzinfo=MOSCOW), MOSCOW) == 28
    # The last hours of a Moscow month are still the month before in Greenwich.
    assert months_begin_on(None, datetime(2026, 1, 31, 21, tzinfo=UTC), MOSCOW) == 1


def test_e57_a_day_that_never_came_is_not_charged() -> None:
    apia = ZoneInfo("Pacific/Apia")
    before = datetime(2011, 12, 29, tzinfo=apia)
    period = period_from(before, FeePeriod.DAY, 1, apia)
    assert period.end.astimezone(apia).date() == date(2011, 12, 31)
    assert next_day(period.end, apia).astimezone(apia).date() == date(2012, 1, 1)


def test_a_fee_without_periods_has_none() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for every, day in [(FeePeriod.ONCE, 1), (FeePeriod.PER_USE, 1), (FeePeriod.MONTH, 0), (FeePeriod.MONTH, 32)]:
        with pytest.raises(PeriodRejected):
            period_from(now, every, day, MOSCOW)


_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("every", "end"), [(FeePeriod.MONTH, "2026-04-05"), (FeePeriod.DAY, "2026-03-31")])
def test_f056_packages_last_a_month_however_often_is_paid(every: FeePeriod, end: str) -> None:
    at, since = datetime(2026, 3, 5, tzinfo=MOSCOW), datetime(2025, 12, 31, 12, tzinfo=MOSCOW)
    following = period_from(at, every, 5, MOSCOW).end
    assert packages_until(every, at, following, since, MOSCOW) == datetime.fromisoformat(end).replace(tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("told", "freeze", "step"),
    [
        ({}, False, Step.CHARGE),
        ({"line_status": LineStatus.PORTING_OUT}, False, Step.CHARGE),
        ({"line_status": LineStatus.BLOCKED_BY_USER}, False, Step.CHARGE),
        ({"line_status": LineStatus.BLOCKED_BY_USER}, True, Step.TOMORROW),
        ({"line_status": LineStatus.SUSPENDED_FRAUD}, False, Step.TOMORROW),
        ({"line_status": LineStatus.SUSPENDED_NONPAYMENT}, False, Step.CHARGE),
        ({"line_status": LineStatus.SUSPENDED_NONPAYMENT, "sold": Sold.SERVICE}, False, Step.PAUSE),
        ({"line_status": LineStatus.TERMINATED}, False, Step.END),
        ({"line_status": LineStatus.PORTED_OUT}, False, Step.END),
        ({"contract_ended": True}, False, Step.END),
        ({"every": FeePeriod.PER_USE}, False, Step.END),
        ({"valid_until": _AT}, False, Step.END),
        ({"valid_until": _AT + timedelta(seconds=1)}, False, Step.CHARGE),
        ({"trial_ends_at": _AT}, False, Step.CHARGE),
        ({"trial_ends_at": _AT + timedelta(seconds=1)}, False, Step.AFTER_TRIAL),
    ],
)
def test_f057_what_becomes_of_a_fee(told: dict[str, Any], freeze: bool, step: Step) -> None:
    given = {"at": _AT, "sold": Sold.TARIFF, "every": FeePeriod.MONTH, "line_status": LineStatus.ACTIVE, **told}
    assert decide(Due(**given), freeze_balance=freeze) is step
