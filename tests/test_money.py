"""Money: whole minor units, exact both ways, never beyond its bounds."""

import operator
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    MAX_AMOUNT_TEXT,
    MAX_MINOR,
    CurrencyCode,
    CurrencyMismatch,
    Money,
    MoneyRejected,
    parse_amount,
)

RUB, BYN = CurrencyCode.RUB, CurrencyCode.BYN

minors = st.integers(-MAX_MINOR, MAX_MINOR)


@given(minors)
def test_amount_and_back_is_the_same_money(minor: int) -> None:
    money = Money(minor, RUB)

    assert Money.from_decimal(money.amount, RUB) == money
    assert money.amount.as_tuple().exponent == -2
    assert money.amount * 100 == minor


@given(minors)
def test_the_callers_decimal_context_changes_nothing(minor: int) -> None:
    with localcontext() as context:
        context.prec = 1
        assert Money.from_decimal(Money(minor, RUB).amount, RUB).minor == minor


@given(minors, minors)
def test_sums_and_order_are_those_of_the_minor_units(left: int, right: int) -> None:
    half_left, half_right = left // 2, right // 2

    assert Money(half_left, RUB) + Money(half_right, RUB) == Money(half_left + half_right, RUB)
    assert Money(half_left, RUB) - Money(half_right, RUB) == Money(half_left - half_right, RUB)
    assert (Money(left, RUB) < Money(right, RUB)) == (left < right)
    assert (Money(left, RUB) >= Money(right, RUB)) == (left >= right)


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge])
def test_e58_currencies_do_not_mix(operation: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(CurrencyMismatch, match="RUB and BYN"):
        operation(Money(1, RUB), Money(1, BYN))


def test_the_same_number_in_two_currencies_is_not_the_same_money() -> None:
    assert Money(100, RUB) != Money(100, BYN)


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("NaN", "not a number"),
        ("sNaN", "not a number"),
        ("Infinity", "not a number"),
        ("-Infinity", "not a number"),
        ("157.505", "more than 2 decimals"),
        ("1.500", "more than 2 decimals"),
        ("1E-400", "more than 2 decimals"),
        ("1E+400", "too large"),
        ("1E+999999", "too large"),
        ("10000000000000.01", "too large"),
        ("-10000000000000.01", "too large"),
        ("100000000000000", "too large"),
    ],
)
def test_amounts_that_are_refused(amount: str, reason: str) -> None:
    with pytest.raises(MoneyRejected, match=reason):
        Money.from_decimal(Decimal(amount), RUB)


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("0", 0),
        ("-0.00", 0),
        ("0E+999", 0),
        ("1E+3", 100_000),
        ("0.01", 1),
        ("-157.5", -15_750),
        ("10000000000000", MAX_MINOR),
        ("-10000000000000.00", -MAX_MINOR),
    ],
)
def test_amounts_that_are_taken(amount: str, minor: int) -> None:
    assert Money.from_decimal(Decimal(amount), RUB).minor == minor


@pytest.mark.parametrize("minor", [1.0, True, "1", Decimal(1), None])
def test_minor_units_are_whole_numbers_only(minor: Any) -> None:
    with pytest.raises(MoneyRejected, match="whole number"):
        Money(minor, RUB)


def test_a_sum_beyond_the_bounds_is_refused() -> None:
    with pytest.raises(MoneyRejected, match="too large"):
        Money(MAX_MINOR, RUB) + Money(1, RUB)


@pytest.mark.parametrize(
    ("minor", "text"), [(15_750, "157.50 RUB"), (5, "0.05 RUB"), (-5, "-0.05 RUB"), (0, "0.00 RUB")]
)
def test_money_reads_as_amount_and_currency(minor: int, text: str) -> None:
    assert str(Money(minor, RUB)) == text


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_a_typed_amount_is_read_exactly(amount: Decimal) -> None:
    assert parse_amount(f"{amount:f}") == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "--1",
        "1.",
        ".5",
        "1,5",
        "1e3",
        "1_000",
        "0x10",
        "NaN",
        "inf",
        "١٥٧",
        "１５７",
        "1.2.3",
    ],
)
def test_typed_amounts_that_are_refused(text: str) -> None:
    with pytest.raises(MoneyRejected, match=r"digits with a point"):
        parse_amount(text)


def test_a_typed_amount_has_at_most_20_characters() -> None:
    assert parse_amount("1" * MAX_AMOUNT_TEXT) == Decimal("1" * MAX_AMOUNT_TEXT)
    with pytest.raises(MoneyRejected, match="at most 20"):
        parse_amount("1" * (MAX_AMOUNT_TEXT + 1))


@given(st.text(max_size=30))
def test_any_text_is_either_an_amount_or_refused(text: str) -> None:
    try:
        amount = parse_amount(text)
    except MoneyRejected:
        return
    assert amount.is_finite()
    assert text.isascii()
