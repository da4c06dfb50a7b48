"""Limits on what a line may use or spend, and what was told of them (F048)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from tortoise import fields
from tortoise.models import Model

from domain.usage import UsageUnit
from domain.usage_limit import Days, LimitAction, LimitPeriod, days_of
from models.line import Line
from models.user import User


class UsageLimit(Model):
    """A limit of a line, in whole units (`domain/usage.py`: money in minor ones); one per unit and period."""

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="usage_limits")
    unit = fields.CharEnumField(UsageUnit, max_length=16)
    per = fields.CharEnumField(LimitPeriod, max_length=16)
    amount: int = fields.BigIntField()
    on_reach = fields.CharEnumField(LimitAction, max_length=16)
    set_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="limits_set", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    set_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "usage_limit"
        unique_together = (("line", "unit", "per"),)


class LimitAlert(Model):
    """That people were told of a share of a limit in a period: once, whoever finds out (E35)."""

    id: int = fields.BigIntField(primary_key=True)
    limit: fields.ForeignKeyRelation[UsageLimit] = fields.ForeignKeyField("models.UsageLimit", related_name="alerts")
    period_start: date = fields.DateField()
    percent: int = fields.SmallIntField()
    told_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "limit_alert"
        unique_together = (("limit", "period_start", "percent"),)


# Each limit with the day of the month on which the billing period of its line begins.
_LIMITS = """
select g.id, g.line_id, g.unit, g.per, g.amount, g.on_reach, g.set_by_id, g.set_at, l.operator,
  coalesce(s.charge_day, extract(day from s.next_charge_at at time zone $2))::int as charge_day
from usage_limit g join line l on l.id = g.line_id left join tariff_subscription s on s.line_id = l.id
"""
LIMITS_OF_LINES = f"{_LIMITS} where g.line_id = any($1::bigint[]) order by g.line_id, g.id"
# Whoever spends comes in one after the other; telling people of a limit needs no lock.
LOCKED_LIMITS_OF_LINES = f"{LIMITS_OF_LINES} for no key update of g"
LIMITS_AFTER = f"{_LIMITS} where g.id > $1 and l.operator = $3 order by g.id limit $4"

# What was used of limits, each on its own days: money by what was charged, everything else by volume. What came into
# an account was not spent, whoever brought it (E36).
USED = """
select k.id, coalesce(sum(case when k.unit = 'MONEY' then u.sum else u.volume end), 0)::numeric as used
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::date[], $5::date[]) as k (id, line_id, unit, first, last)
left join usage_day u on u.line_id = k.line_id and u.day between k.first and k.last
  and case when k.unit = 'MONEY' then u.type not in ('TOP_UP', 'REFUND') else u.unit = k.unit end
group by k.id
"""


class LimitRow(NamedTuple):
    """A limit as the statements above give it; `charge_day` is where the billing period of its line begins."""

    id: int
    line_id: int
    unit: UsageUnit
    per: LimitPeriod
    amount: int
    on_reach: LimitAction
    set_by_id: int | None
    set_at: datetime
    operator: str
    charge_day: int | None

    def days(self, today: date) -> Days:
        """The days that it counts now."""
        return days_of(LimitPeriod(self.per), today, self.charge_day)


def keys(limits: Iterable[tuple[LimitRow, Days]]) -> tuple[list[Any], ...]:
    """Limits and their days as the five arrays that `USED` takes."""
    rows = [(each.id, each.line_id, str(each.unit), days.first, days.last) for each, days in limits]
    return tuple(map(list, zip(*rows, strict=True))) if rows else ([], [], [], [], [])
