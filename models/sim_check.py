"""What the SIM registry was asked about a line, and when (N3)."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.line import Line


class SimCheck(Model):
    """One row for each line that the registry was asked about; a table of its own, since it is written all the time.

    `known_since`: since when the number is known to be its holder's. `answered_at`: up to when its SIM is known.
    `changed_at`: when a new SIM was last acted on, so that the same news is not acted on twice.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.OneToOneRelation[Line] = fields.OneToOneField("models.Line", related_name="sim_check")
    known_since: datetime = fields.DatetimeField()
    asked_at: datetime | None = fields.DatetimeField(null=True)
    answered_at: datetime | None = fields.DatetimeField(null=True)
    changed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "sim_check"
