"""Sessions of fixed internet (F132)."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.line import Line


class InternetSession(Model):
    """One session of a line; `cost` in minor units, volumes in bytes. `ended_at` is null while it lasts."""

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="internet_sessions")
    started_at: datetime = fields.DatetimeField()
    ended_at: datetime | None = fields.DatetimeField(null=True)
    ip = fields.CharField(max_length=45, null=True)
    received: int = fields.BigIntField(default=0)
    sent: int = fields.BigIntField(default=0)
    cost: int = fields.BigIntField(default=0)

    class Meta:
        table = "internet_session"
        unique_together = (("line", "started_at"),)
