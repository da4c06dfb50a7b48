"""Packages of a line (F056): what is put into them, and which of them is used first. Pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from domain.usage import PackageSource, UsageUnit

NOTHING = Decimal(0)

# Of those that end at one moment: what is gone for ever goes before what is filled again.
_RANK = {
    source: rank
    for rank, source in enumerate(
        (
            PackageSource.GIFT,
            PackageSource.CARRY_OVER,
            PackageSource.BONUS,
            PackageSource.SERVICE,
            PackageSource.TARIFF,
            PackageSource.POOL,
        )
    )
}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is included of one unit, within `scope` where that is named; `carries_over`: what is left at the end of a
    period is there for one more.
    """

    unit: UsageUnit
    amount: Decimal = NOTHING
    unlimited: bool = False
    scope: str | None = None
    carries_over: bool = False


class Place(NamedTuple):
    """Where a package stands among those that a use may take from: the least is used first."""

    uses_up: bool
    is_others: bool
    never_ends: bool
    ends: float
    rank: int


@dataclass(frozen=True, slots=True)
class Package:
    """What is left of a package, until it ends or is filled again."""

    id: int
    source: PackageSource
    left: Decimal
    unlimited: bool = False
    scope: str | None = None
    resets_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """Where a use went: how much was taken from which package, what cost nothing, and what nothing covers.

    The three together are the use.
    """

    taken: Mapping[int, Decimal]
    free: Decimal
    beyond: Decimal


def allowances(
    included: Iterable[Mapping[str, Any]], configuration: Iterable[Mapping[str, Any]] = ()
) -> list[Allowance]:
    """What the catalogue's `included` holds, as a line has configured it: a list of {unit, value} (F104).

    A chosen value takes the place of the amount that is good everywhere, or is added where there is none.
    """
    found = [
        Allowance(
            unit=UsageUnit(each["unit"]),
            amount=Decimal(str(each.get("amount") or 0)),
            unlimited=bool(each.get("unlimited")),
            scope=each.get("scope"),
            carries_over=bool(each.get("carries_over")),
        )
        for each in included
    ]
    for chosen in configuration:
        unit, value = UsageUnit(chosen["unit"]), Decimal(str(chosen["value"]))
        general = [each for each in found if each.unit is unit and each.scope is None and not each.unlimited]
        if general:
            found[found.index(general[0])] = replace(general[0], amount=value)
        else:
            found.append(Allowance(unit, value))
    return [each for each in found if each.unlimited or each.amount > 0]


def place(source: PackageSource, resets_at: datetime | None, expires_at: datetime | None, *, unlimited: bool) -> Place:
    """What expires first is used first, one's own before the pool's; what is unlimited uses nothing up at all."""
    ends = [moment.timestamp() for moment in (resets_at, expires_at) if moment is not None]
    rank = _RANK[PackageSource(source)]
    return Place(not unlimited, source == PackageSource.POOL, not ends, min(ends, default=0.0), rank)


def usable(packages: Iterable[Package], scope: str | None) -> list[Package]:
    """The packages that are good for a use within `scope`, or for one that is within none; in the order of use."""
    good = [each for each in packages if each.scope is None or each.scope == scope]
    return sorted(good, key=lambda each: (_place(each), each.id))


def spend(packages: Sequence[Package], volume: Decimal) -> Spent:
    """Take a volume from packages, in their order. Raises ValueError for less than nothing."""
    if volume < 0:
        raise ValueError(f"{volume} cannot be used")
    if any(each.unlimited for each in packages):
        return Spent({}, volume, NOTHING)
    taken: dict[int, Decimal] = {}
    for each in packages:
        part = min(each.left, volume)
        if part > 0:
            taken[each.id] = part
            volume -= part
    return Spent(taken, NOTHING, volume)


def _place(package: Package) -> Place:
    return place(package.source, package.resets_at, package.expires_at, unlimited=package.unlimited)
