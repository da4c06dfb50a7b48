"""Refunds (E43): what somebody asked to have back, what the operator decided, and what the bank made of it."""

from datetime import datetime
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.models import Model

from domain.refund import RefundStatus
from models.payment import Payment


class Refund(Model):
    """One refund; a payment has at most one that is not at its end.

    `asked_amount` is null where all was asked for. `amount` leaves the account and `fee` the operator, in minor units
    of the payment's currency, from when it is approved. `key` is our name of it at the provider.
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="refunds", on_delete=fields.OnDelete.RESTRICT
    )
    status = fields.CharEnumField(RefundStatus, max_length=16)
    reason = fields.CharField(max_length=500)
    asked_amount: int | None = fields.BigIntField(null=True)
    amount: int = fields.BigIntField(default=0)
    fee: int = fields.BigIntField(default=0)
    key: UUID = fields.UUIDField(default=uuid4, unique=True)
    provider_id = fields.CharField(max_length=128, null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    decided_at: datetime | None = fields.DatetimeField(null=True)
    decided_by = fields.CharField(max_length=80, null=True)
    answer = fields.CharField(max_length=500, null=True)  # what the operator says to who asked
    ended_at: datetime | None = fields.DatetimeField(null=True)
    # When somebody is to ask the provider again; null once there is nothing left to ask.
    check_at: datetime | None = fields.DatetimeField(null=True)
    checks: int = fields.IntField(default=0)

    class Meta:
        table = "refund"
        indexes = (("payment_id", "id"),)
