"""The pool of a household's gigabytes (F156)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.access import sees_pool
from domain.usage import UsageUnit
from loaders.households_by_user_id import Household
from loaders.visible import Line
from resolvers import confined, household
from resolvers.context import Context
from resolvers.household import Refused, key_of
from resolvers.usage_limit import key
from services import data_pool
from services.data_pool import ShareWanted


@dataclass(frozen=True, slots=True)
class PoolShare:
    """What a line may take in the pool's period, and what it took, in bytes."""

    line: Line
    cap: Decimal | None
    used: Decimal


@dataclass(frozen=True, slots=True)
class DataPool:
    """What is in the pool, in bytes, and the shares of the lines that the viewer sees."""

    total: Decimal
    left: Decimal
    resets_at: datetime | None
    shares: list[PoolShare]
    unit: UsageUnit


async def pool_of(context: Context, found: Household) -> DataPool | None:
    """The pool of a household of the viewer's; None for who does not see it, and where there is none."""
    pool = await context.loaders.pool_by_household_id.load(found.id) if sees_pool(found.my_role) else None
    if pool is None:
        return None
    lines = await context.loaders.line_by_id.load_many([each.line_id for each in pool.shares])
    shares = [
        PoolShare(line, each.cap, each.used)
        for line, each in zip(lines, pool.shares, strict=True)
        if isinstance(line, Line)
    ]
    return DataPool(pool.total, pool.left, pool.resets_at, shares, pool.unit)


async def set_share(context: Context, household_id: str, line_id: str, cap: str | None) -> Household | Refused:
    """Say how much a line may take; answers the household as it is afterwards."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    wanted = ShareWanted(key_of(household_id, "Household"), key(line_id, "Line"), cap)
    return await household.changed(context, await context.change(data_pool.set_share(context.profile, caller, wanted)))
