"""Access to one line for somebody without a cabinet: to look at it or to pay for it, for a while (F054)."""

from datetime import datetime

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from models.line import Line
from models.user import User


class GuestGrant(Model):
    """A grant whose bearer holds a token, of which only the hash is here; `uses_left` null: as often as they like."""

    id: int = fields.BigIntField(primary_key=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="guest_grants")
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="guest_grants")
    scopes: list[str] = ArrayField(element_type="text")
    token_hash: bytes = fields.BinaryField()
    sim_epoch: int = fields.IntField()
    contract_epoch: int = fields.IntField()
    uses_left: int | None = fields.IntField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    revoked_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "guest_grant"
        indexes = (("line_id", "id"),)
