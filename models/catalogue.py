"""What an operator sells, and what each line has of it. Fees are in minor units of the operator's currency."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from domain.catalogue import FeePeriod, ServiceCategory
from domain.line import ServiceKind
from models.line import Line


class Tariff(Model):
    """A tariff plan; `included` is a list of {unit, amount, unlimited, scope} (F102)."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    code = fields.CharField(max_length=64)
    name = fields.CharField(max_length=200)
    kind = fields.CharEnumField(ServiceKind, max_length=24)
    fee: int = fields.BigIntField()
    fee_period = fields.CharEnumField(FeePeriod, max_length=8)
    connection_fee: int = fields.BigIntField(default=0)
    included: list[dict[str, Any]] = fields.JSONField(default=list)
    terms: str = fields.TextField(default="")
    family_shareable = fields.BooleanField(default=False)
    archived = fields.BooleanField(default=False)

    class Meta:
        table = "tariff"
        unique_together = (("operator", "code"),)


class Service(Model):
    """A service that can be switched on for a line (F111)."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    code = fields.CharField(max_length=64)
    name = fields.CharField(max_length=200)
    kind = fields.CharEnumField(ServiceKind, max_length=24)
    category = fields.CharEnumField(ServiceCategory, max_length=24)
    description: str = fields.TextField(default="")
    fee: int = fields.BigIntField()
    fee_period = fields.CharEnumField(FeePeriod, max_length=8)
    connection_fee: int = fields.BigIntField(default=0)
    terms: str = fields.TextField(default="")
    trial_days: int | None = fields.IntField(null=True)
    age_rating: int | None = fields.IntField(null=True)
    archived = fields.BooleanField(default=False)

    class Meta:
        table = "service"
        unique_together = (("operator", "code"),)


class TariffSubscription(Model):
    """The tariff of a line now (F101).

    `charge_day` is the day of the month on which its months begin, known from the first charge on: a month may be too
    short for it. `unpaid_since` while the account does not hold the fee: the line does not work then, and nothing falls
    due until it is paid.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.OneToOneRelation[Line] = fields.OneToOneField("models.Line", related_name="tariff_subscription")
    tariff: fields.ForeignKeyRelation[Tariff] = fields.ForeignKeyField(
        "models.Tariff", related_name="subscriptions", on_delete=fields.OnDelete.RESTRICT
    )
    since: datetime = fields.DatetimeField()
    next_charge_at: datetime | None = fields.DatetimeField(null=True)
    charge_day: int | None = fields.SmallIntField(null=True)
    unpaid_since: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "tariff_subscription"


class ServiceSubscription(Model):
    """A service connected to a line (F113); `charge_day` and `unpaid_since` as of a tariff, and it pauses alone."""

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="subscriptions")
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="subscriptions", on_delete=fields.OnDelete.RESTRICT
    )
    since: datetime = fields.DatetimeField()
    valid_until: datetime | None = fields.DatetimeField(null=True)
    trial_ends_at: datetime | None = fields.DatetimeField(null=True)
    next_charge_at: datetime | None = fields.DatetimeField(null=True)
    charge_day: int | None = fields.SmallIntField(null=True)
    unpaid_since: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "service_subscription"
        unique_together = (("line", "service"),)
