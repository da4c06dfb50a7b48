"""Pure rules of prices and of the tokens that hold them (N7, F115)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from auth import quote_token, signed_token
from auth.quote_token import Change
from domain.catalogue import FeePeriod
from domain.fees import PERIODIC
from domain.money import CurrencyCode, Money
from domain.quote import PriceLine, PriceQuote, priced
from domain.service_price import Kept, ServiceTerms, begins, extended, goes_on, paid_until

SECRET = b"a secret of the tests"
CHANGE = Change("beeline", 1, 2, "service:3")
MINSK = ZoneInfo("Europe/Minsk")


def byn(minor: int) -> Money:
    return Money(minor, CurrencyCode.BYN)


def quote_of(minor: int, every: FeePeriod = FeePeriod.MONTH, free_days: int = 0) -> PriceQuote:
    return priced([PriceLine("x", byn(minor), every, free_days)], CurrencyCode.BYN, date(2026, 1, 31))


@given(st.integers(0, 10**12), st.data())
def test_n7_a_token_of_which_any_character_is_changed_is_refused(minor: int, data: st.DataObject) -> None:
    token = quote_token.sign(SECRET, CHANGE, quote_of(minor)).token
    offered = quote_token.read(SECRET, CHANGE, token)
    assert offered is not None
    assert offered.price == quote_of(minor).price
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))
    assert quote_token.read(SECRET, CHANGE, token[:place] + other + token[place + 1 :]) is None
    shorter = token[: data.draw(st.integers(0, len(token) - 1))]
    assert quote_token.read(SECRET, CHANGE, shorter) is None


@given(st.text(max_size=300))
def test_n7_no_text_is_a_token(text: str) -> None:
    assert quote_token.read(SECRET, CHANGE, text) is None


def test_n7_a_token_is_of_one_change_one_secret_one_purpose_and_one_time() -> None:
    token = quote_token.sign(SECRET, CHANGE, quote_of(1)).token
    for other in (
        CHANGE._replace(operator="life"), CHANGE._replace(user_id=2), CHANGE._replace(line_id=3),
        CHANGE._replace(what="service:33"),
    ):  # fmt: skip
        assert quote_token.read(SECRET, other, token) is None
    assert quote_token.read(b"another secret", CHANGE, token) is None
    assert signed_token.read(SECRET, "another purpose", token) is None
    assert signed_token.read(SECRET, "p", signed_token.sign(SECRET, "p", [1, "ж"], 10)) == [1, "ж"]
    assert signed_token.read(SECRET, "p", signed_token.sign(SECRET, "p", [1], -1)) is None
    # Two quotes of the same price are two quotes.
    first, second = [quote_token.read(SECRET, CHANGE, quote_token.sign(SECRET, CHANGE, quote_of(1)).token)
                     for _ in range(2)]  # fmt: skip
    assert first is not None
    assert second is not None
    assert first.quote != second.quote


line_prices = st.builds(
    PriceLine,
    label=st.just("x"),
    amount=st.integers(0, 10**9).map(byn),
    period=st.sampled_from(FeePeriod),
    free_days=st.integers(0, 60),
    ends_after=st.none() | st.integers(1, 90),
)


@given(st.lists(line_prices, max_size=5), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_f115_the_sums_are_those_of_each_day_counted_by_itself(lines: list[PriceLine], today: date) -> None:
    quote = priced(lines, CurrencyCode.BYN, today)
    later = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
    last = (later.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    days = (later.replace(day=min(today.day, last.day)) - today).days
    due = first = 0
    for line in lines:
        paid = [n for n in range(days) if n >= line.free_days and (line.ends_after is None or n < line.ends_after)]
        match line.period:
            case FeePeriod.DAY:
                first += line.amount.minor * len(paid)
            case FeePeriod.MONTH | FeePeriod.ONCE:
                first += line.amount.minor if paid else 0
        if line.free_days == 0 and line.period is not FeePeriod.PER_USE:
            due += line.amount.minor
    assert (quote.due_now.minor, quote.first_month.minor) == (due, first)
    assert quote.due_now.minor <= quote.first_month.minor


terms = st.builds(
    ServiceTerms,
    name=st.just("x"),
    fee=st.integers(0, 10**6),
    every=st.sampled_from(FeePeriod),
    connection_fee=st.integers(0, 10**6),
    trial_days=st.none() | st.integers(1, 60),
    valid_days=st.none() | st.integers(1, 60),
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(terms, moments)
def test_f115_what_is_charged_at_once_is_what_the_quote_says(sold: ServiceTerms, now: datetime) -> None:
    new = begins(sold, CurrencyCode.BYN, now, MINSK, "connection")
    quote = priced(new.lines, CurrencyCode.BYN, now.astimezone(MINSK).date())
    assert new.price == quote.due_now.minor
    assert new.price == sold.connection_fee + (0 if sold.trial_days or sold.every is FeePeriod.PER_USE else sold.fee)
    if new.trial_ends_at is not None:
        assert sold.trial_days is not None
        assert timedelta(days=sold.trial_days - 1) < new.trial_ends_at - now <= timedelta(days=sold.trial_days)
    assert (new.valid_until is None) == (sold.valid_days is None)
    assert new.valid_until is None or new.valid_until > now


@given(terms, moments, st.timedeltas(timedelta(seconds=1), timedelta(days=40)), st.booleans())
def test_f112_what_is_paid_for_costs_nothing_until_then(
    sold: ServiceTerms, now: datetime, rest: timedelta, in_trial: bool
) -> None:
    until = now + rest
    back = goes_on(sold, Kept(until, None, until if in_trial else None), CurrencyCode.BYN, now, MINSK)
    quote = priced(back.lines, CurrencyCode.BYN, now.astimezone(MINSK).date())
    assert (back.price, quote.due_now.minor) == (0, 0)
    is_charged = sold.every in PERIODIC or (in_trial and sold.every is FeePeriod.ONCE)
    assert (back.next_charge_at is not None) == is_charged
    if back.next_charge_at is not None:
        assert until <= back.next_charge_at < until + timedelta(days=1)


def test_f119_days_that_are_left_are_added() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    again = now + timedelta(days=10)
    assert extended(now + timedelta(days=3), again, now) == again + timedelta(days=3)
    assert extended(now - timedelta(days=3), again, now) == again
    assert (extended(None, again, now), extended(again, None, now)) == (again, None)


def test_f112_up_to_when_something_is_paid_for() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    soon, late = now + timedelta(days=1), now + timedelta(days=2)
    assert paid_until(late, soon, now, unpaid=False) == soon
    assert paid_until(late, None, now, unpaid=False) == late
    assert paid_until(late, None, now, unpaid=True) is None
    assert paid_until(None, None, now, unpaid=False) is None
    assert paid_until(now, None, now, unpaid=False) is None
