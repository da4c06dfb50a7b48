"""The pools of households (F156): what is in them, and who takes how much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.usage import UsageUnit
from loaders.scope import ReadScope
from models.pool import POOLED, TAKERS
from models.reader import Statement


class _Pool(NamedTuple):
    household_id: int
    total: Decimal
    left: Decimal
    resets_at: datetime | None


class _Share(NamedTuple):
    household_id: int
    line_id: int
    cap: Decimal | None
    used: Decimal
    counted_until: datetime | None


@dataclass(frozen=True, slots=True)
class PoolShare:
    """What a line may take in the pool's period, and what it took, in bytes; `cap` None: as much as there is."""

    line_id: int
    cap: Decimal | None
    used: Decimal


@dataclass(frozen=True, slots=True)
class DataPool:
    """What a household's family tariffs hold together, in bytes."""

    total: Decimal
    left: Decimal
    resets_at: datetime | None
    shares: tuple[PoolShare, ...]
    unit: UsageUnit = UsageUnit.BYTE


_POOLS = Statement(
    f"""
select p.household_id, trim_scale(sum(p.total)), trim_scale(sum(p.remaining)), min(p.resets_at)
from ({POOLED}) p where p.household_id = any($1::bigint[]) group by p.household_id
""",
    _Pool,
)
_SHARES = Statement(
    f"""
select s.household_id, s.line_id, s.cap::numeric, s.used::numeric, s.counted_until
from pool_share s join ({TAKERS}) t on t.line_id = s.line_id and t.household_id = s.household_id
where s.household_id = any($1::bigint[]) order by s.id
""",
    _Share,
)


async def pool_by_household_id(scope: ReadScope, household_ids: Sequence[int]) -> Mapping[int, DataPool | None]:
    pools = await scope.reads.fetch(_POOLS, household_ids)
    shares = await scope.reads.fetch(_SHARES, household_ids) if pools else []
    return {
        pool.household_id: DataPool(
            total=pool.total,
            left=pool.left,
            resets_at=pool.resets_at,
            shares=tuple(_share(pool, each) for each in shares if each.household_id == pool.household_id),
        )
        for pool in pools
    }


def _share(pool: _Pool, share: _Share) -> PoolShare:
    used = share.used if share.counted_until == pool.resets_at else Decimal(0)
    return PoolShare(share.line_id, share.cap, used)
