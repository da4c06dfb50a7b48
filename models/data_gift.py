"""Gigabytes that one number gave another one (F118), and the pool that a household shares (F156)."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.household import Household
from models.line import Line
from models.user import User


class DataGift(Model):
    """`bytes` given from one line to another; what is left of them lives in the receiver's package until then."""

    id: int = fields.BigIntField(primary_key=True)
    source: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="data_given")
    target: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="data_received")
    bytes: int = fields.BigIntField()
    given_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="data_gifts", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "data_gift"
        indexes = (("source_id", "at"), ("target_id", "at"))


class PoolShare(Model):
    """What a line may take of its household's pool in a period, in bytes; `cap` null: as much as there is.

    `used` is of the pool's period that ends at `counted_until`; of a later one nothing was used yet.
    """

    id: int = fields.BigIntField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="pool_shares"
    )
    line: fields.OneToOneRelation[Line] = fields.OneToOneField("models.Line", related_name="pool_share")
    cap: int | None = fields.BigIntField(null=True)
    used: int = fields.BigIntField(default=0)
    counted_until: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "pool_share"
        indexes = (("household_id",),)
