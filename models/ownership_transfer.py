"""Handing a household over: asked for by its owner, accepted by the new one, done after a while (F052, E29)."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.household import Household, Membership


class OwnershipTransfer(Model):
    """A transfer; open until it is `done_at` or `cancelled_at`, and one at a time is for a household (E29).

    `effective_at` is known once the new owner has accepted; until then either side may take it back.
    """

    id: int = fields.BigIntField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="transfers"
    )
    from_member: fields.ForeignKeyRelation[Membership] = fields.ForeignKeyField(
        "models.Membership", related_name="transfers_from"
    )
    to_member: fields.ForeignKeyRelation[Membership] = fields.ForeignKeyField(
        "models.Membership", related_name="transfers_to"
    )
    requested_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    accepted_at: datetime | None = fields.DatetimeField(null=True)
    effective_at: datetime | None = fields.DatetimeField(null=True)
    cancelled_at: datetime | None = fields.DatetimeField(null=True)
    done_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "ownership_transfer"
