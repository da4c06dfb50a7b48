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


# The speed of lines, in megabits a second: of the tariff, or of a service that raises it while the line has it.
SPEEDS = """
select l.id, greatest(t.speed_mbps, (
  select max(s.speed_mbps) from service_subscription ss join service s on s.id = ss.service_id
  where ss.line_id = l.id and ss.ended_at is null and ss.unpaid_since is null
    and (ss.valid_until is null or ss.valid_until > now()))) as mbps
from line l left join tariff_subscription ts on ts.line_id = l.id left join tariff t on t.id = ts.tariff_id
where l.id = any($1::bigint[])
"""
