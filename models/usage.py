"""Counters of use: what a package still holds (F056), what was used on each day, and by which events."""

from datetime import date, datetime
from decimal import Decimal

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model

from domain.usage import ChargeType, PackageSource, UsageUnit
from models.line import Line


class PackageCounter(Model):
    """What is left of one package of a line; `total` and `remaining` are in the package's unit.

    `code` begins with what it came from: `tariff:0`, `service:12:0`, `gift:7`, `carry:tariff:0`; those that a file
    brought have its own. With a `scope` it is good for use within that only.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="packages")
    code = fields.CharField(max_length=64)
    name = fields.CharField(max_length=200)
    unit = fields.CharEnumField(UsageUnit, max_length=8)
    source = fields.CharEnumField(PackageSource, max_length=16)
    total: Decimal = fields.DecimalField(max_digits=24, decimal_places=3)
    remaining: Decimal = fields.DecimalField(max_digits=24, decimal_places=3)
    unlimited = fields.BooleanField(default=False)
    resets_at: datetime | None = fields.DatetimeField(null=True)
    # When it is gone, used or not: a gift, a package that is bought once, what was carried over from a period.
    expires_at: datetime | None = fields.DatetimeField(null=True)
    scope = fields.CharField(max_length=200, null=True)
    as_of: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "package_counter"
        unique_together = (("line", "code"),)


class UsageDay(Model):
    """What a line used on one day of the operator's calendar, by type and unit; `sum` is minor units of money.

    `overage` is the part of `volume` that no package covered.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="usage_days")
    day: date = fields.DateField()
    type = fields.CharEnumField(ChargeType, max_length=24)
    unit = fields.CharEnumField(UsageUnit, max_length=8)
    volume: Decimal = fields.DecimalField(max_digits=24, decimal_places=3)
    sum: int = fields.BigIntField(default=0)
    overage: Decimal = fields.DecimalField(max_digits=24, decimal_places=3, db_default=0)

    class Meta:
        table = "usage_day"
        unique_together = (("line", "day", "type", "unit"),)


class UsageEvent(Model):
    """That something was used, as the network told: `key` is its name of it, and nothing is counted twice.

    Rows go when what they name is too old to be counted (`services/usage_intake.py`).
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="usage_events")
    key = fields.CharField(max_length=64)
    at: datetime = fields.DatetimeField()
    type = fields.CharEnumField(ChargeType, max_length=24)
    unit = fields.CharEnumField(UsageUnit, max_length=8)
    volume: Decimal = fields.DecimalField(max_digits=24, decimal_places=3)

    class Meta:
        table = "usage_event"
        unique_together = (("line", "key"),)
        indexes = (("at",),)


_SPENT = """
insert into usage_day (line_id, day, type, unit, volume, sum) values ($1, $2, $3, 'MONEY', $4::bigint, $4::bigint)
on conflict (line_id, day, type, unit) do update
  set volume = usage_day.volume + excluded.volume, sum = usage_day.sum + excluded.sum
"""


async def spent(connection: BaseDBAsyncClient, line_id: int, day: date, kind: ChargeType, minor: int) -> None:
    """Count what a line was charged on a day of the operator's calendar, in the transaction of the charge."""
    await connection.execute_query(_SPENT, [line_id, day, kind, minor])
