"""What people changed on lines for money: each once, and who did it (F107, F116, N7)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from domain.catalogue import ServiceAction, TariffAction
from models.catalogue import Service, Tariff
from models.line import Line
from models.user import User


class LineChange(Model):
    """A change that somebody named by `key`; the same key again finds it. `asked` is a digest of what it asked for.

    `quote` is the quote whose exact price it was done at: a quote is good for one change. `result` is the id of what
    the change made, as the feature that made it reads it.
    """

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="line_changes")
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="changes")
    key = fields.CharField(max_length=128)
    asked = fields.CharField(max_length=64)
    quote: UUID | None = fields.UUIDField(null=True, unique=True)
    result: int | None = fields.BigIntField(null=True)
    at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "line_change"
        unique_together = (("user", "key"),)


class TariffEvent(Model):
    """What happened to the tariff of a line (F107); `charge` in minor units. `actor` is null where the worker did it.

    `configuration` is what holds from then on, as of a subscription. Rows are only ever added.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="tariff_events", on_delete=fields.OnDelete.RESTRICT
    )
    action = fields.CharEnumField(TariffAction, max_length=16)
    before: fields.ForeignKeyNullableRelation[Tariff] = fields.ForeignKeyField(
        "models.Tariff", related_name="events_before", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    tariff: fields.ForeignKeyRelation[Tariff] = fields.ForeignKeyField(
        "models.Tariff", related_name="events", on_delete=fields.OnDelete.RESTRICT
    )
    configuration: list[dict[str, Any]] = fields.JSONField(default=list)
    charge: int = fields.BigIntField(default=0)
    actor: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="tariff_events", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    # The role in which the actor did it, and the employee who acted as them, if one did (E60).
    actor_role = fields.CharField(max_length=16, null=True)
    staff = fields.CharField(max_length=64, null=True)
    at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "tariff_event"
        indexes = (("line_id", "id"),)


class TariffRest(Model):
    """What was left of the tariff that an event put an end to, while it is paid for: it can be had back (F108).

    `configuration`, `options_fee`, `charge_day`, `since` and `months_from` as of its subscription. `packages` is a list
    of the rows of its counters, as they were.
    """

    id: int = fields.BigIntField(primary_key=True)
    event: fields.OneToOneRelation[TariffEvent] = fields.OneToOneField(
        "models.TariffEvent", related_name="rest", on_delete=fields.OnDelete.RESTRICT
    )
    paid_until: datetime = fields.DatetimeField()
    configuration: list[dict[str, Any]] = fields.JSONField()
    options_fee: int = fields.BigIntField()
    charge_day: int | None = fields.SmallIntField(null=True)
    since: datetime = fields.DatetimeField()
    months_from: datetime | None = fields.DatetimeField(null=True)
    packages: list[dict[str, Any]] = fields.JSONField()

    class Meta:
        table = "tariff_rest"


class ServiceEvent(Model):
    """What happened to a service of a line (F116); columns as of a tariff's event. Rows are only ever added."""

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="service_events", on_delete=fields.OnDelete.RESTRICT
    )
    action = fields.CharEnumField(ServiceAction, max_length=16)
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="events", on_delete=fields.OnDelete.RESTRICT
    )
    charge: int = fields.BigIntField(default=0)
    actor: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="service_events", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    actor_role = fields.CharField(max_length=16, null=True)
    staff = fields.CharField(max_length=64, null=True)
    at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "service_event"
        indexes = (("line_id", "id"),)
