"""Ringback tones: what callers hear instead of the tone, and read before it (F126–F128).

A tone is a service of the catalogue, with an artist: what is paid for it is paid as for every service.
"""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

import orjson
from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from domain.child_policy import QuietHours
from models.catalogue import Service
from models.line import Line


class RingbackRule(Model):
    """Which tone whom and when: without `for_numbers` everybody, without `hours` always.

    `hours` is one of a child policy's quiet hours. Where several fit, the more exact one is heard.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="ringback_rules")
    tone: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="ringback_rules", on_delete=fields.OnDelete.RESTRICT
    )
    for_numbers: list[str] = ArrayField(element_type="text", db_default=[])
    hours: list[Any] | None = fields.JSONField(null=True)
    set_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "ringback_rule"
        indexes = (("line_id", "id"),)


class StatusMessage(Model):
    """The text that callers read before the tone (F128)."""

    id: int = fields.BigIntField(primary_key=True)
    line: fields.OneToOneRelation[Line] = fields.OneToOneField("models.Line", related_name="status_message")
    text = fields.CharField(max_length=200)
    set_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "status_message"


def stored_hours(hours: QuietHours | None) -> str | None:
    """The hours of a rule as the table has them: `["22:00", "07:00", [5, 6]]`."""
    if hours is None:
        return None
    return orjson.dumps([f"{hours.start:%H:%M}", f"{hours.end:%H:%M}", hours.weekdays]).decode()


def hours_of(stored: Sequence[Any] | None) -> QuietHours | None:
    """The hours of a rule, its column read from JSON."""
    if stored is None:
        return None
    start, end, weekdays = stored
    return QuietHours(time.fromisoformat(start), time.fromisoformat(end), tuple(weekdays))
