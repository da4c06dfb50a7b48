"""What operators take as payments, as pure rules (F066–F074): Hypothesis looks for what an example forgets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.line import LineStatus
from domain.money import Money
from domain.payment import CardScheme, PaymentMethodKind
from domain.payment_refusals import CardTooFrequent, PaymentRejected
from domain.payment_rules import (
    Card,
    Payee,
    check_card,
    check_interval,
    check_key,
    check_kind,
    check_payee,
    check_token,
    fee,
    read_amount,
)
from domain.profile import Profile, read_profiles
from domain.refusals import ErrorCode

PROFILES = read_profiles(Path(__file__).resolve().parent.parent / "operators")
LETAI = PROFILES["letai"]
profiles = st.sampled_from(list(PROFILES.values()))
minors = st.integers(-(10**8), 10**8)
NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)


def card(**changes: object) -> Card:
    """A Mir card of a Russian bank."""
    return replace(Card(PaymentMethodKind.CARD, CardScheme.MIR, "RU", 2039, 12), **changes)  # type: ignore[arg-type]


@given(profiles, minors)
def test_f066_f067_an_amount_is_taken_exactly_within_the_limits(profile: Profile, minor: int) -> None:
    rules = profile.payments
    told = Decimal(minor) / 100
    taken = isinstance(read_amount(f"{told:f}", profile.operator.currency, profile), Money)
    whole = minor % 100 == 0 or not rules.whole_units_only
    assert taken == (rules.min_amount <= told <= rules.max_amount and whole)


@given(profiles, st.text(max_size=60))
def test_f066_whatever_is_typed_is_answered(profile: Profile, text: str) -> None:
    read = read_amount(text, profile.operator.currency, profile)
    if isinstance(read, Money):
        assert read.minor > 0
    else:
        assert read.field == ("amount", "amount")


@given(profiles, st.integers(1, 10**7), st.decimals(0, 30, places=2))
def test_f074_the_fee_is_within_half_a_minor_unit(profile: Profile, minor: int, percent: Decimal) -> None:
    payments = profile.payments.model_copy(update={"operator_fee_percent": percent})
    charged = fee(Money(minor, profile.operator.currency), profile.model_copy(update={"payments": payments}))
    assert abs(charged.minor - Decimal(minor) * percent / 100) <= Decimal("0.5")
    assert charged.minor >= 0


@given(profiles, st.timedeltas(timedelta(), timedelta(days=2)))
def test_f068_a_card_rests_exactly_as_long_as_the_profile_says(profile: Profile, ago: timedelta) -> None:
    pause = timedelta(seconds=profile.payments.card_interval_seconds)
    refused = check_interval(NOW - ago, NOW, profile)
    assert (refused is not None) == (ago < pause)
    if isinstance(refused, CardTooFrequent):
        assert refused.next_allowed_at == NOW - ago + pause


def test_f068_a_card_that_never_paid_may() -> None:
    assert check_interval(None, NOW, LETAI) is None


@given(profiles, st.sampled_from([*CardScheme, None]), st.sampled_from(["RU", "BY", "DE", "CN", None]))
def test_f069_f070_schemes_and_countries_are_the_profiles(
    profile: Profile, scheme: CardScheme | None, country: str | None
) -> None:
    refused = check_card(card(scheme=scheme, issuer_country=country), (2031, 5), profile)
    at_home = not profile.payments.issuer_countries or country is None or country in profile.payments.issuer_countries
    assert (refused is None) == (scheme in profile.payments.card_schemes and at_home)
    if refused is not None and profile.payments.hide_restriction_reason:
        assert (refused.code, refused.field) == (ErrorCode.PAYMENT_RESTRICTED, None)


@given(st.integers(2029, 2033), st.integers(1, 12))
def test_a_card_is_good_until_the_end_of_its_month(year: int, month: int) -> None:
    refused = check_card(card(expires_year=year, expires_month=month), (2031, 5), LETAI)
    assert (refused is None) == ((year, month) >= (2031, 5))


@given(profiles, st.sampled_from(LineStatus), st.booleans(), st.booleans(), st.booleans())
def test_f071_f072_e44_who_may_be_paid_and_who_reads_why(
    profile: Profile, status: LineStatus, ended: bool, banned: bool, seen: bool
) -> None:
    refused = check_payee(Payee(1, status, ended, banned, seen), profile)
    gone = status in (LineStatus.TERMINATED, LineStatus.PORTED_OUT)
    gone = gone or (ended and status is not LineStatus.SUSPENDED_NONPAYMENT)
    assert (refused is not None) == (gone or (banned and profile.payments.refuse_when_cash_banned))
    if refused is not None and not seen:
        # Nothing in it tells one reason from another.
        assert refused == PaymentRejected(ErrorCode.PAYMENT_RESTRICTED, "This payment cannot be taken")


@given(profiles, st.sampled_from(PaymentMethodKind))
def test_f076_f078_only_what_the_profile_names_and_a_bank_moves(profile: Profile, kind: PaymentMethodKind) -> None:
    elsewhere = (PaymentMethodKind.MOBILE_BALANCE, PaymentMethodKind.VOUCHER, PaymentMethodKind.BONUS)
    taken = check_kind(kind, profile) is None
    assert taken == (kind in profile.payments.methods and kind not in elsewhere)


@given(st.text(max_size=80))
def test_e46_a_key_is_short_and_printable(key: str) -> None:
    good = 8 <= len(key) <= 64 and all("!" <= each <= "~" for each in key)
    assert (check_key(key) is None) == good


@pytest.mark.parametrize("token", ["", " ", "a b", "a\0b", "ключ", "t" * 513])
def test_a_token_is_a_word(token: str) -> None:
    assert check_token(token) is not None
    assert check_token("tok_mir_2204") is None


@pytest.mark.parametrize("number", ["4111111111111111", "4111-1111-1111-1111", "2204311234567890", "6011000990139424"])
def test_a_cards_number_is_no_token(number: str) -> None:
    refused = check_token(number)
    assert refused is not None
    assert (refused.field, number in refused.message) == (("token",), False)
    # One digit is another, or there is something else around it: then it is some word of a bank's.
    for other in (f"{number[:-1]}{(int(number[-1]) + 1) % 10}", f"tok_{number}", number[:12]):
        assert check_token(other) is None
