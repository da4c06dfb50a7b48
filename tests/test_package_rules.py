"""Packages: what is put into them, and which is used first (F056). Pure rules."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import Allowance, read_allowances
from domain.line import ServiceKind
from domain.package import Package, spend, usable
from domain.spending import shares
from domain.tariff import Chosen, put_together
from domain.usage import PackageSource, UsageUnit
from services.package_fill import full

NOW = datetime(2026, 11, 22, tzinfo=UTC)

volumes = st.decimals(min_value=0, max_value=10**15, places=3)
moments = st.none() | st.integers(min_value=0, max_value=60).map(lambda day: NOW + timedelta(days=day))


@st.composite
def packages(draw: st.DrawFn) -> list[Package]:
    return [
        Package(
            id=index,
            source=draw(st.sampled_from(PackageSource)),
            left=draw(volumes),
            unlimited=draw(st.sampled_from([False, False, False, True])),
            scope=draw(st.sampled_from([None, None, "BiP", "family"])),
            resets_at=draw(moments),
            expires_at=draw(moments),
        )
        for index in range(draw(st.integers(min_value=0, max_value=6)))
    ]


def ends(package: Package) -> tuple[bool, datetime]:
    """One's own before the pool's, and then by when it is over."""
    moments = [moment for moment in (package.resets_at, package.expires_at) if moment is not None]
    return package.source is PackageSource.POOL, min(moments, default=datetime.max.replace(tzinfo=UTC))


@given(packages(), volumes, st.sampled_from([None, "BiP", "elsewhere"]))
def test_f056_nothing_is_lost_and_no_package_goes_below_nothing(
    held: list[Package], volume: Decimal, scope: str | None
) -> None:
    good = usable(held, scope)
    spent = spend(good, volume)
    assert sum(spent.taken.values()) + spent.free + spent.beyond == volume
    assert spent.free >= 0
    assert spent.beyond >= 0
    by_id = {each.id: each for each in held}
    for key, part in spent.taken.items():
        assert 0 < part <= by_id[key].left
        assert by_id[key].scope in (None, scope)
    if spent.taken:
        # Before the last one that was touched, everything that ends earlier is empty.
        last = max(ends(by_id[key]) for key in spent.taken)
        assert all(spent.taken.get(each.id, 0) == each.left for each in good if ends(each) < last)
    if any(each.unlimited for each in good):
        assert (spent.taken, spent.free) == ({}, volume)
    elif spent.beyond:
        assert sum(each.left for each in good) + spent.beyond == volume


def test_f056_of_those_that_end_together_what_is_gone_for_ever_goes_first() -> None:
    until = NOW + timedelta(days=3)
    held = [
        Package(index, source, Decimal(1), resets_at=until if source is PackageSource.TARIFF else None,
                expires_at=None if source is PackageSource.TARIFF else until)
        for index, source in enumerate(reversed(PackageSource))
    ]  # fmt: skip
    assert [each.source for each in usable(held, None)] == [
        PackageSource.GIFT, PackageSource.CARRY_OVER, PackageSource.BONUS, PackageSource.SERVICE, PackageSource.TARIFF,
        PackageSource.POOL,
    ]  # fmt: skip
    never = Package(9, PackageSource.BONUS, Decimal(1))
    *_, last_of_own, pool = usable([never, *held], None)
    assert (last_of_own, pool.source) == (never, PackageSource.POOL)


def test_less_than_nothing_is_not_used() -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        spend([], Decimal(-1))


def test_f104_a_configuration_takes_the_place_of_what_is_good_everywhere() -> None:
    included = read_allowances([
        {"unit": "MINUTE", "amount": "0", "unlimited": True, "scope": "family"},
        {"unit": "MINUTE", "amount": "300", "unlimited": False, "scope": None, "carries_over": True},
        {"unit": "SMS", "amount": "0", "unlimited": False, "scope": None},
    ])  # fmt: skip
    family, minutes = Allowance(UsageUnit.MINUTE, Decimal(0), True, "family"), Allowance(UsageUnit.MINUTE, Decimal(300))
    assert included == (family, minutes, Allowance(UsageUnit.SMS, Decimal(0)))
    chosen = (Chosen(UsageUnit.MINUTE, Decimal(500)), Chosen(UsageUnit.BYTE, Decimal(1024)))
    configured = put_together(included, chosen)
    assert configured == (
        Allowance(UsageUnit.MINUTE, Decimal(500)), Allowance(UsageUnit.BYTE, Decimal(1024)), family, included[2]
    )  # fmt: skip
    # Of what there is nothing no package is made.
    packages = full("tariff", "Own", ServiceKind.MOBILE, configured)
    assert [(each["code"], each["name"], each["total"]) for each in packages] == [
        ("tariff:0", "Own", "500"), ("tariff:1", "Own", "1024"), ("tariff:2", "Own: family", "0")
    ]  # fmt: skip
    # On a fixed line a scope says how fast it is, and all use is within it.
    assert [each["scope"] for each in full("t", "Own", ServiceKind.INTERNET, [family])] == [None]


@given(st.lists(st.integers(min_value=0, max_value=10**15), max_size=10))
def test_f058_shares_are_one_together_and_in_order(amounts: list[int]) -> None:
    parts = shares(amounts)
    assert sum(parts) == (1 if sum(amounts) else 0)
    for one, part in zip(amounts, parts, strict=True):
        assert abs(part - Decimal(one) / (sum(amounts) or 1)) < Decimal("0.0001")
    assert [part for _, part in sorted(zip(amounts, parts, strict=True))] == sorted(parts)
