"""Packages of a line (F056): what is put into them, and which of them is used first. Pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from domain.usage import PackageSource

NOTHING = Decimal(0)
_NEVER = datetime.max.replace(tzinfo=UTC)

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


class Place(NamedTuple):
    """Where a package stands among those that a use may take from: the least is used first."""

    uses_up: bool
    is_others: bool
    never_ends: bool
    ends: datetime
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


def place(source: PackageSource, resets_at: datetime | None, expires_at: datetime | None, *, unlimited: bool) -> Place:
    """What expires first is used first, one's own before the pool's; what is unlimited uses nothing up at all."""
    ends = resets_at if expires_at is None or (resets_at is not None and resets_at < expires_at) else expires_at
    return Place(not unlimited, source == PackageSource.POOL, ends is None, ends or _NEVER, _RANK[source])


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
