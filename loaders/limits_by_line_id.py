"""The limits of lines (F048), with what was used of each in the period that runs where its operator is (E57)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.usage import UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod, shown
from loaders.batch import grouped
from loaders.scope import ReadScope
from models.reader import Statement
from models.usage_limit import LIMITS_OF_LINES, USED, LimitRow, keys


class _Used(NamedTuple):
    limit_id: int
    used: Decimal


@dataclass(frozen=True, slots=True)
class UsageLimit:
    """A limit; `limit` and `used` as people read them, money in whole units of its currency."""

    id: int
    line_id: int
    unit: UsageUnit
    per: LimitPeriod
    limit: Decimal
    used: Decimal
    on_reach: LimitAction
    set_at: datetime


_LIMITS = Statement(LIMITS_OF_LINES, LimitRow)
_USED = Statement(USED, _Used)


async def limits_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, list[UsageLimit]]:
    rows = await scope.reads.fetch(_LIMITS, line_ids, str(scope.profile.operator.zone))
    days = [
        (row, row.days(scope.today(profile))) for row in rows if (profile := scope.profile_of(row.operator)) is not None
    ]
    used = {each.limit_id: each.used for each in await scope.reads.fetch(_USED, *keys(days))} if days else {}
    return grouped((_limit(row, used[row.id]) for row, _ in days), lambda limit: limit.line_id)


def _limit(row: LimitRow, used: Decimal) -> UsageLimit:
    unit = UsageUnit(row.unit)
    return UsageLimit(
        id=row.id,
        line_id=row.line_id,
        unit=unit,
        per=LimitPeriod(row.per),
        limit=shown(row.amount, unit),
        used=shown(used, unit),
        on_reach=LimitAction(row.on_reach),
        set_at=row.set_at,
    )
