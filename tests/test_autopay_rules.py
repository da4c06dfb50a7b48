"""F080, pure: what is due, how much, on which day, and under which limit."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.autopay import (
    LEAD,
    MOST_FAILURES,
    PAY_AT,
    Charge,
    Situation,
    Terms,
    Typed,
    amount_due,
    charge_name,
    month_name,
    next_payday,
    pause_after,
    read_terms,
    within_cap,
)
from domain.ledger import Funds
from domain.money import CurrencyCode, Money
from domain.payment import AutopayTrigger
from domain.payment_rules import fee
from domain.profile import Profile, read_profiles
from tests.conftest import ROOT

PROFILES: Mapping[str, Profile] = read_profiles(ROOT / "operators")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ZONES = st.sampled_from([ZoneInfo(name) for name in ("Europe/Moscow", "Asia/Yekaterinburg", "Europe/Berlin", "UTC")])
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2033, 1, 1), timezones=st.just(UTC))
MINOR = st.integers(-(10**7), 10**7)


def with_payments(operator: str, **values: object) -> Profile:
    """A profile that offers every trigger, with other rules for payments."""
    profile = PROFILES[operator]
    offered = {"autopay_enabled": True, "autopay_triggers": tuple(AutopayTrigger), **values}
    return profile.model_copy(update={"payments": profile.payments.model_copy(update=offered)})


TELE2, LETAI = with_payments("tele2"), with_payments("letai")


def rub(minor: int) -> Money:
    return Money(minor, CurrencyCode.RUB)


def situation(balance: int = 0, *, on_its_way: int = 0, charge: Charge | None = None, **funds: int) -> Situation:
    held = Funds(balance, funds.get("reserved", 0), funds.get("credit", 0), -funds.get("credit", 0))
    return Situation(held, on_its_way, charge, NOW)


@given(st.integers(1, 31), MOMENTS, ZONES)
def test_f080_a_payday_is_the_next_such_day_of_the_operators_calendar(
    day: int, after: datetime, zone: ZoneInfo
) -> None:
    moment = next_payday(day, after, zone)
    local = moment.astimezone(zone)
    assert moment > after
    assert local.time() == PAY_AT
    assert local.day == min(day, monthrange(local.year, local.month)[1])
    # No other payday lies between.
    before = date(local.year, local.month, 1) - timedelta(days=1)
    last = date(before.year, before.month, min(day, before.day))
    assert datetime.combine(last, PAY_AT, zone) <= after


@given(st.integers(1, 31), MOMENTS, ZONES)
def test_f080_each_month_has_one_payday(day: int, after: datetime, zone: ZoneInfo) -> None:
    first = next_payday(day, after, zone)
    second = next_payday(day, first, zone)
    year, month = (int(part) for part in month_name(first, zone).split("-"))
    assert month_name(second, zone) == (f"{year}-{month + 1:02}" if month < 12 else f"{year + 1}-01")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2027-01-31T12:00", "2027-02-28"),
        ("2028-02-01T12:00", "2028-02-29"),
        ("2027-04-01T12:00", "2027-04-30"),
        ("2026-12-31T12:00", "2027-01-31"),
    ],
)
def test_f080_the_31st_is_the_last_day_of_a_shorter_month(after: str, expected: str) -> None:
    zone = ZoneInfo("Europe/Moscow")
    moment = next_payday(31, datetime.fromisoformat(after).replace(tzinfo=UTC), zone)
    assert f"{moment.astimezone(zone):%Y-%m-%d}" == expected


def test_f080_whether_today_still_comes_is_for_the_operators_clock() -> None:
    seven_utc = datetime(2026, 11, 15, 5, tzinfo=UTC)  # 8:00 in Moscow, 10:00 in Yekaterinburg
    moscow, ural = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Yekaterinburg")
    assert next_payday(15, seven_utc, moscow) == datetime(2026, 11, 15, 6, tzinfo=UTC)
    assert next_payday(15, seven_utc, ural) == datetime(2026, 12, 15, 4, tzinfo=UTC)
    # A moment that is the payday itself is over.
    payday = datetime(2026, 11, 15, 6, tzinfo=UTC)
    assert next_payday(15, payday, moscow) == datetime(2026, 12, 15, 6, tzinfo=UTC)


def test_f080_summer_time_moves_no_payday() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    winter = next_payday(29, datetime(2026, 3, 1, tzinfo=UTC), berlin)  # the day on which the clocks go forward
    assert (winter, winter.astimezone(berlin).hour) == (datetime(2026, 3, 29, 7, tzinfo=UTC), 9)


@given(MINOR, st.integers(0, 10**6), st.integers(0, 10**6))
def test_f080_a_balance_is_paid_for_when_it_and_what_comes_are_below_the_threshold(
    balance: int, on_its_way: int, threshold: int
) -> None:
    terms = Terms(AutopayTrigger.BALANCE_BELOW, rub(30_000), rub(threshold))
    due = amount_due(terms, situation(balance, on_its_way=on_its_way), TELE2)
    assert due == (rub(30_000) if balance + on_its_way < threshold else None)


@given(MINOR, st.integers(0, 10**6), st.integers(1, 10**6), st.integers(5_000, 10**6), st.booleans())
def test_f080_before_a_fee_what_is_missing_is_paid_within_all_limits(
    balance: int, on_its_way: int, charge: int, most: int, whole: bool
) -> None:
    profile = LETAI if whole else TELE2
    most = most // 100 * 100 if whole else most
    terms = Terms(AutopayTrigger.BEFORE_SUBSCRIPTION_FEE, rub(most))
    due = amount_due(terms, situation(balance, on_its_way=on_its_way, charge=Charge(charge, NOW + LEAD)), profile)
    missing = charge - balance - on_its_way
    if missing <= 0:
        assert due is None
        return
    assert due is not None
    assert rub(int(profile.payments.min_amount * 100)) <= due <= rub(most)
    assert due.minor >= missing or due == rub(most)
    assert not (whole and due.minor % 100)


def test_f080_a_fee_is_paid_for_from_a_day_before_it() -> None:
    terms = Terms(AutopayTrigger.BEFORE_SUBSCRIPTION_FEE, rub(50_000))
    second = timedelta(seconds=1)
    assert amount_due(terms, situation(charge=Charge(30_000, NOW + LEAD)), TELE2) == rub(30_000)
    assert amount_due(terms, situation(charge=Charge(30_000, NOW + LEAD + second)), TELE2) is None
    assert amount_due(terms, situation(), TELE2) is None


def test_f080_what_is_reserved_pays_no_fee_and_a_credit_does() -> None:
    terms = Terms(AutopayTrigger.BEFORE_SUBSCRIPTION_FEE, rub(50_000))
    charge = Charge(30_000, NOW)
    assert amount_due(terms, situation(30_000, charge=charge), TELE2) is None
    assert amount_due(terms, situation(30_000, charge=charge, reserved=10_000), TELE2) == rub(10_000)
    assert amount_due(terms, situation(0, charge=charge, credit=30_000), TELE2) is None
    no_floor = Situation(Funds(-10_000, 0, 0, None), 0, charge, NOW)
    assert amount_due(terms, no_floor, TELE2) is None


@given(st.integers(1, 10**7), st.integers(0, 10**7), st.integers(-1, 1), st.sampled_from(["0", "1.5", "3"]))
def test_f080_the_limit_for_a_month_takes_the_last_kopeck_and_not_one_more(
    amount: int, spent: int, more: int, percent: str
) -> None:
    profile = with_payments("tele2", operator_fee_percent=percent_of(percent))
    total = amount + fee(rub(amount), profile).minor
    terms = Terms(AutopayTrigger.SCHEDULE, rub(amount), monthly_cap=rub(spent + total), day_of_month=1)
    assert within_cap(terms, rub(amount), spent + more, profile) == (more <= 0)
    assert within_cap(Terms(AutopayTrigger.SCHEDULE, rub(amount)), rub(amount), spent, profile)


def percent_of(text: str) -> object:
    return type(TELE2.payments.operator_fee_percent)(text)


def test_f080_the_day_of_a_fee_is_the_operators() -> None:
    at = datetime(2026, 11, 30, 21, 30, tzinfo=UTC)
    assert charge_name(Charge(1, at), ZoneInfo("Europe/Moscow")) == "2026-12-01"
    assert charge_name(Charge(1, at), ZoneInfo("UTC")) == "2026-11-30"


def test_f080_failures_are_answered_by_longer_pauses_and_then_by_none() -> None:
    pauses = [pause_after(failures) for failures in range(1, MOST_FAILURES + 1)]
    assert pauses == [timedelta(hours=6), timedelta(hours=24), None]


def typed(trigger: AutopayTrigger, **told: object) -> Typed:
    given = {"amount": ("300", "RUB"), "threshold": None, "monthly_cap": None, "day_of_month": None, **told}
    return Typed(trigger=trigger, **given)  # type: ignore[arg-type]


BELOW, SCHEDULE, FEE = (
    AutopayTrigger.BALANCE_BELOW,
    AutopayTrigger.SCHEDULE,
    AutopayTrigger.BEFORE_SUBSCRIPTION_FEE,
)


@pytest.mark.parametrize(
    ("given_terms", "field"),
    [
        (typed(BELOW), ("threshold",)),
        (typed(BELOW, threshold=("-0.01", "RUB")), ("threshold", "amount")),
        (typed(BELOW, threshold=("15000.01", "RUB")), ("threshold", "amount")),
        (typed(BELOW, threshold=("1e2", "RUB")), ("threshold", "amount")),
        (typed(BELOW, threshold=("100", "BYN")), ("threshold", "currency")),
        (typed(BELOW, threshold=("100", "RUB"), day_of_month=1), ("dayOfMonth",)),
        (typed(BELOW, threshold=("100", "RUB"), amount=("49.99", "RUB")), ("amount", "amount")),
        (typed(BELOW, threshold=("100", "RUB"), amount=("15000.01", "RUB")), ("amount", "amount")),
        (typed(BELOW, threshold=("100", "RUB"), monthly_cap=("299.99", "RUB")), ("monthlyCap", "amount")),
        (typed(SCHEDULE), ("dayOfMonth",)),
        (typed(SCHEDULE, day_of_month=0), ("dayOfMonth",)),
        (typed(SCHEDULE, day_of_month=32), ("dayOfMonth",)),
        (typed(SCHEDULE, day_of_month=1, threshold=("1", "RUB")), ("threshold",)),
        (typed(FEE, day_of_month=1), ("dayOfMonth",)),
        (typed(FEE, threshold=("1", "RUB")), ("threshold",)),
    ],
)
def test_f080_terms_that_make_no_sense_are_told_by_their_field(given_terms: Typed, field: tuple[str, ...]) -> None:
    refused = read_terms(given_terms, TELE2)
    assert not isinstance(refused, Terms)
    assert refused.field == field


@pytest.mark.parametrize(
    "given_terms",
    [
        typed(BELOW, threshold=("0", "RUB"), monthly_cap=("300", "RUB")),
        typed(BELOW, threshold=("15000", "RUB"), amount=("50", "RUB")),
        typed(SCHEDULE, day_of_month=31, amount=("15000", "RUB")),
        typed(FEE),
    ],
)
def test_f080_terms_up_to_the_limits_are_taken(given_terms: Typed) -> None:
    assert isinstance(read_terms(given_terms, TELE2), Terms)


def test_f080_a_trigger_that_the_operator_does_not_have_is_told_why() -> None:
    refused = read_terms(typed(SCHEDULE, day_of_month=1), PROFILES["beeline"])
    assert not isinstance(refused, Terms)
    assert (refused.code, refused.field) == ("FEATURE_DISABLED", ("trigger",))
    assert refused.message == "Automatic payments follow the balance, not the calendar"
