"""What an operator sells, and what each line has of it. Fees are in minor units of the operator's currency."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from domain.catalogue import FeePeriod, ServiceCategory, ServiceRelationKind
from domain.line import ServiceKind
from models.line import Line
from models.user import User


class Tariff(Model):
    """One version of a tariff plan; `included` is a list of {unit, amount, unlimited, scope} (F102).

    `options` is a list of {unit, values, price_per_step}: how much of a unit may be chosen, as text and ascending, and
    what each step above the first of the values adds to the fee, in minor units (F104). Without `localities` it is
    sold everywhere. Lines keep the version that they took.
    """

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
    version: int = fields.IntField(db_default=1)
    options: list[dict[str, Any]] = fields.JSONField(db_default=[])
    localities: list[str] = ArrayField(element_type="text", db_default=[])
    # Of a fixed line.
    speed_mbps: int | None = fields.IntField(null=True)

    class Meta:
        table = "tariff"
        unique_together = (("operator", "code", "version"),)


class Service(Model):
    """A service that can be switched on for a line (F111).

    `included` as of a tariff: what it puts into the line's packages in each of its periods, or once for `valid_days`.
    """

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
    included: list[dict[str, Any]] = fields.JSONField(db_default=[])
    valid_days: int | None = fields.IntField(null=True)
    content_provider = fields.CharField(max_length=200, null=True)
    localities: list[str] = ArrayField(element_type="text", db_default=[])
    # Of a fixed line, while it is connected.
    speed_mbps: int | None = fields.IntField(null=True)
    # Of a ringback tone: whose it is, and where it can be heard (F126).
    artist = fields.CharField(max_length=200, null=True)
    preview_url = fields.CharField(max_length=500, null=True)

    class Meta:
        table = "service"
        unique_together = (("operator", "code"),)


class ServiceRelation(Model):
    """That a service does not go with another one, or needs it; one row for a pair, told from `service`'s side."""

    id: int = fields.BigIntField(primary_key=True)
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField("models.Service", related_name="relations")
    other: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField("models.Service", related_name="related_by")
    kind = fields.CharEnumField(ServiceRelationKind, max_length=16)

    class Meta:
        table = "service_relation"
        unique_together = (("service", "other", "kind"),)


class Bundle(Model):
    """Services of several kinds together at a discount, sold on request (F110)."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    code = fields.CharField(max_length=64)
    name = fields.CharField(max_length=200)
    kinds: list[str] = ArrayField(element_type="text")
    fee: int = fields.BigIntField()
    discount_percent: int = fields.SmallIntField()
    terms: str = fields.TextField(default="")
    archived = fields.BooleanField(default=False)

    class Meta:
        table = "bundle"
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
    # What was chosen of the tariff's options, a list of {unit, value}, and what that adds to its fee (F104).
    configuration: list[dict[str, Any]] = fields.JSONField(db_default=[])
    options_fee: int = fields.BigIntField(db_default=0)
    # The change that waits for the next period, if one does.
    pending_tariff: fields.ForeignKeyNullableRelation[Tariff] = fields.ForeignKeyField(
        "models.Tariff", related_name="awaited", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    pending_configuration: list[dict[str, Any]] | None = fields.JSONField(null=True)
    pending_options_fee: int | None = fields.BigIntField(null=True)
    pending_at: datetime | None = fields.DatetimeField(null=True)
    pending_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="tariff_changes_awaited", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    # Of that change: in which role it was asked for, which employee did it for them, and what was paid for it already.
    pending_role = fields.CharField(max_length=16, null=True)
    pending_staff = fields.CharField(max_length=64, null=True)
    pending_charge: int = fields.BigIntField(db_default=0)
    # How often a tariff began here since the first: a part of its fees' names, since two may begin on one day.
    changes: int = fields.IntField(db_default=0)
    # From when the months of its packages are counted, where that is not `since`: of tariffs that are paid by the day.
    months_from: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "tariff_subscription"


class ServiceSubscription(Model):
    """A service connected to a line (F113); `charge_day` and `unpaid_since` as of a tariff, and it pauses alone.

    One that was switched off keeps its row: `ended_at`, and up to when it is paid for, in `paid_until`.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="subscriptions")
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="subscriptions", on_delete=fields.OnDelete.RESTRICT
    )
    since: datetime = fields.DatetimeField()
    valid_until: datetime | None = fields.DatetimeField(null=True)
    trial_ends_at: datetime | None = fields.DatetimeField(null=True)
    # When something is to be told of its free days: that they are about to end, and then that they have.
    trial_step_at: datetime | None = fields.DatetimeField(null=True)
    next_charge_at: datetime | None = fields.DatetimeField(null=True)
    charge_day: int | None = fields.SmallIntField(null=True)
    unpaid_since: datetime | None = fields.DatetimeField(null=True)
    connected_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="services_connected", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    ended_at: datetime | None = fields.DatetimeField(null=True)
    paid_until: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "service_subscription"
        unique_together = (("line", "service"),)
