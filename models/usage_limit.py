"""Limits on what a line may use or spend, and what was told of them (F048)."""

from datetime import date, datetime

from tortoise import fields
from tortoise.models import Model

from domain.usage import UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod
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
