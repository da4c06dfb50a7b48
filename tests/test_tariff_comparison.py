"""Comparing tariffs (F103): pure rules."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import Allowance, FeePeriod, TariffOption
from domain.language import Language
from domain.money import CurrencyCode, Money
from domain.tariff_comparison import ComparisonRow, compare
from domain.usage import UsageUnit

PRICE, NOTHING = Money(100, CurrencyCode.RUB), Money(0, CurrencyCode.RUB)


@dataclass(frozen=True)
class Told:
    """A tariff of a test."""

    fee: Money = PRICE
    fee_period: FeePeriod = FeePeriod.MONTH
    connection_fee: Money = NOTHING
    included: tuple[Allowance, ...] = ()
    configurable: tuple[TariffOption, ...] = ()
    speed_mbps: int | None = None
    family_shareable: bool = False


def rubles(amount: int) -> Money:
    return Money(amount * 100, CurrencyCode.RUB)


def rows(*tariffs: Told, language: Language = Language.EN) -> dict[str, ComparisonRow]:
    return {row.key: row for row in compare(tariffs, language)}


def test_f103_fees_by_the_day_are_compared_as_thirty_of_them() -> None:
    found = rows(Told(fee=rubles(8), fee_period=FeePeriod.DAY), Told(fee=rubles(200)), Told(fee=rubles(250)))
    assert found["FEE"].values == ("8.00 RUB a day", "200.00 RUB a month", "250.00 RUB a month")
    assert found["FEE_OF_30_DAYS"].values == ("240.00 RUB", "200.00 RUB", "250.00 RUB")
    assert found["FEE"].best_index == found["FEE_OF_30_DAYS"].best_index == 1


def test_f103_a_day_that_costs_as_much_as_a_month_is_not_better() -> None:
    found = rows(Told(fee=rubles(1), fee_period=FeePeriod.DAY), Told(fee=rubles(30)))
    assert (found["FEE"].differs, found["FEE"].best_index) == (True, None)


def test_f103_of_what_is_alike_nothing_is_best() -> None:
    [row] = compare([Told(), Told()], Language.EN)
    assert (row.key, row.differs, row.best_index) == ("FEE", False, None)


def test_f103_what_counts_somewhere_only_is_a_row_of_its_own() -> None:
    family = Allowance(UsageUnit.MINUTE, Decimal(0), True, "family")
    everywhere = Allowance(UsageUnit.MINUTE, Decimal(100), False, None)
    found = rows(Told(included=(everywhere, family)), Told(included=(everywhere,)))
    assert (found["INCLUDED_MINUTE"].values, found["INCLUDED_MINUTE"].best_index) == (("100", "100"), None)
    assert found["INCLUDED_MINUTE:family"] == ComparisonRow(
        "INCLUDED_MINUTE:family", "Minutes: family", ("unlimited", "–"), True, 0
    )


@pytest.mark.parametrize(
    ("unit", "amount", "shown"),
    [
        (UsageUnit.BYTE, 2**30, "1 GB"),
        (UsageUnit.BYTE, 3 * 2**29, "1.5 GB"),
        (UsageUnit.BYTE, 500 * 2**20, "500 MB"),
        (UsageUnit.BYTE, 100 * 2**30, "100 GB"),
        (UsageUnit.MONEY, 15_750, "157.5"),
        (UsageUnit.SMS, 100, "100"),
    ],
)
def test_f103_amounts_are_written_as_people_read_them(unit: UsageUnit, amount: int, shown: str) -> None:
    found = rows(Told(included=(Allowance(unit, Decimal(amount), False, None),)), Told())
    assert found[f"INCLUDED_{unit}"].values == (shown, "–")


def test_f103_a_choice_counts_up_to_its_end() -> None:
    option = TariffOption(UsageUnit.BYTE, (Decimal(2**30), Decimal(2**31)), rubles(50))
    own = Allowance(UsageUnit.BYTE, Decimal(2**30), False, None)
    wide = own._replace(amount=Decimal(3 * 2**30))
    found = rows(Told(included=(own,), configurable=(option,)), Told(included=(wide,)))
    assert (found["UP_TO_BYTE"].label, found["UP_TO_BYTE"].values) == ("Internet, at most", ("2 GB", "3 GB"))
    assert found["UP_TO_BYTE"].best_index == 1


@pytest.mark.parametrize("language", Language)
def test_f103_every_language_has_its_words(language: Language) -> None:
    full = Told(
        connection_fee=rubles(5),
        included=tuple(Allowance(unit, Decimal(2**20), False, None) for unit in UsageUnit),
        configurable=(TariffOption(UsageUnit.BYTE, (Decimal(2**20), Decimal(2**31)), rubles(50)),),
        speed_mbps=100,
        family_shareable=True,
    )
    bare = Told(fee=rubles(0), fee_period=FeePeriod.DAY)
    for row in compare([full, bare], language):
        assert row.label
        assert len(row.values) == 2
        assert all(row.values)


def test_f103_what_reads_the_same_has_no_best() -> None:
    def bytes_of(amount: int) -> Told:
        return Told(included=(Allowance(UsageUnit.BYTE, Decimal(amount), False, None),))

    row = rows(bytes_of(1), bytes_of(2))["INCLUDED_BYTE"]
    assert (row.differs, row.best_index) == (False, None)


TOLD = st.builds(
    Told,
    fee=st.integers(0, 100).map(rubles),
    fee_period=st.sampled_from([FeePeriod.DAY, FeePeriod.MONTH]),
    connection_fee=st.integers(0, 3).map(rubles),
    included=st.dictionaries(st.sampled_from(UsageUnit), st.integers(1, 5), max_size=3).map(
        lambda amounts: tuple(Allowance(unit, Decimal(n), n == 5, None) for unit, n in amounts.items())
    ),
    speed_mbps=st.none() | st.integers(1, 3),
    family_shareable=st.booleans(),
)


@given(st.lists(TOLD, min_size=2, max_size=5))
def test_f103_the_best_is_the_same_in_whatever_order(tariffs: list[Told]) -> None:
    forwards, backwards = rows(*tariffs), rows(*tariffs[::-1])
    assert forwards.keys() == backwards.keys()
    for key, row in forwards.items():
        assert len(row.values) == len(tariffs)
        assert row.values == backwards[key].values[::-1]
        assert row.differs == (len(set(row.values)) > 1)
        if row.best_index is None:
            assert backwards[key].best_index is None
        else:
            best = backwards[key].best_index
            assert best is not None
            assert row.differs
            if key != "FEE":  # a fee by the day may cost what another costs by the month
                assert backwards[key].values[best] == row.values[row.best_index]
