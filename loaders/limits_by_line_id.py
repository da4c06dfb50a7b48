"""The limits of lines (F048), with what was used of each in the period that runs where its operator is (E57)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from domain.access import HouseholdRole
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
    """A limit; `limit` and `used` as people read them, money in whole units of its currency.

    Whoever set it had that role then; without a name, their cabinet is gone.
    """

    id: int
    line_id: int
    unit: UsageUnit
    per: LimitPeriod
    limit: Decimal
    used: Decimal
    on_reach: LimitAction
    set_at: datetime
    set_by_id: int | None
    set_by_name: str | None
    set_by_role: HouseholdRole | None


class _Limit(NamedTuple):
    row: LimitRow
    setter: str | None
    role: str | None


def _read(*columns: Any) -> _Limit:
    *row, setter, role = columns
    return _Limit(LimitRow(*row), setter, role)


# The role of whoever set a limit is what the log has of that moment.
_LIMITS = Statement(
    f"""
select g.*, u.display_name, (
  select e.actor_role from audit_event e
  where e.line_id = g.line_id and e.user_id = g.set_by_id and e.at = g.set_at order by e.id limit 1)
from ({LIMITS_OF_LINES}) g left join app_user u on u.id = g.set_by_id order by g.line_id, g.id
""",
    _read,
)
_USED = Statement(USED, _Used)


async def limits_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, list[UsageLimit]]:
    rows = await scope.reads.fetch(_LIMITS, line_ids, str(scope.profile.operator.zone))
    known = [
        (each, each.row.days(scope.today(profile)))
        for each in rows
        if (profile := scope.profile_of(each.row.operator)) is not None
    ]
    days = [(each.row, counted) for each, counted in known]
    used = {each.limit_id: each.used for each in await scope.reads.fetch(_USED, *keys(days))} if days else {}
    return grouped((_limit(each, used[each.row.id]) for each, _ in known), lambda limit: limit.line_id)


def _limit(found: _Limit, used: Decimal) -> UsageLimit:
    row, unit = found.row, UsageUnit(found.row.unit)
    return UsageLimit(
        id=row.id,
        line_id=row.line_id,
        unit=unit,
        per=LimitPeriod(row.per),
        limit=shown(row.amount, unit),
        used=shown(used, unit),
        on_reach=LimitAction(row.on_reach),
        set_at=row.set_at,
        set_by_id=row.set_by_id,
        set_by_name=found.setter,
        set_by_role=HouseholdRole(found.role) if found.role else None,
    )
