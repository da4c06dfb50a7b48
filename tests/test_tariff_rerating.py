"""Rating use under another tariff (F105): by property, against a plain loop."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import Allowance, FeePeriod
from domain.rerating import Package, Priced, Use, included, monthly_fee, rate, shelf
from domain.tariff import Option
from domain.usage import UsageUnit

UNITS = [UsageUnit.MINUTE, UsageUnit.BYTE, UsageUnit.SMS]
amounts = st.integers(0, 1_000).map(Decimal)
units = st.sampled_from(UNITS)
months = st.lists(st.dictionaries(units, amounts), min_size=1, max_size=3)
packages = st.lists(st.builds(Package, units, st.integers(1, 300).map(Decimal), st.integers(0, 500)), max_size=6)
allowances = st.builds(Allowance, units, amounts, st.booleans(), st.sampled_from([None, "messengers"]))
options = st.lists(
    st.builds(
        Option,
        units,
        st.lists(amounts, min_size=1, max_size=4, unique=True).map(sorted).map(tuple),
        st.integers(0, 400),
    ),
    max_size=2,
    unique_by=lambda option: option.unit,
)
tariffs = st.builds(Priced, st.integers(0, 5_000), st.lists(allowances, max_size=4).map(tuple), options.map(tuple))


@given(tariffs, months, packages, units, st.integers(1, 500))
def test_f105_more_use_is_never_cheaper(
    tariff: Priced, used: list[Use], sold: list[Package], unit: UsageUnit, more: int
) -> None:
    less = rate(tariff, used, shelf(sold))
    grown = rate(tariff, [{**month, unit: month.get(unit, Decimal(0)) + more} for month in used], shelf(sold))
    assert less.missing <= grown.missing
    if grown.missing == less.missing:
        assert less.monthly <= grown.monthly


@given(tariffs, months, packages)
def test_f105_a_plain_loop_over_every_choice_comes_to_the_same(
    tariff: Priced, used: list[Use], sold: list[Package]
) -> None:
    """Every unit by itself, every value of its option, every package that there is: bought one after the other."""
    total, missing = tariff.fee * len(used), frozenset[UsageUnit]()
    for unit in UNITS:
        option = next((each for each in tariff.options if each.unit is unit), None)
        choices = [(included(tariff.included, unit), 0)]
        if option is not None:
            choices = [(value, step * option.price_per_step) for step, value in enumerate(option.values)]
        costs = []
        for holds, extra in choices:
            cost: int | None = 0
            for month in used:
                need, cheapest = month.get(unit, Decimal(0)), None
                for package in [each for each in sold if each.unit is unit]:
                    has, paid = holds, 0
                    while has is not None and has < need:
                        has, paid = has + package.amount, paid + package.price
                    cheapest = paid if cheapest is None or paid < cheapest else cheapest
                if holds is None or holds >= need:
                    cheapest = 0
                cost = None if cost is None or cheapest is None else cost + cheapest + extra
            costs.append(cost)
        possible = [cost for cost in costs if cost is not None]
        if possible:
            total += min(possible)
        else:
            missing |= {unit}
    rated = rate(tariff, used, shelf(sold))
    assert (rated.monthly, rated.missing) == (-(-total // len(used)), missing)


def test_f105_what_is_for_some_use_only_counts_where_there_is_nothing_for_all() -> None:
    some = Allowance(UsageUnit.BYTE, Decimal(0), True, "мессенджеры")
    assert included([some, Allowance(UsageUnit.BYTE, Decimal(10))], UsageUnit.BYTE) == 10
    assert included([some], UsageUnit.BYTE) is None
    assert included([some], UsageUnit.SMS) == 0


def test_f105_fees_of_a_month() -> None:
    assert [monthly_fee(10, every) for every in FeePeriod] == [300, 10, None, None]
    with pytest.raises(ValueError, match="nothing to rate"):
        rate(Priced(1, ()), [], {})
