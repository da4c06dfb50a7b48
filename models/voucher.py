"""Vouchers (F159): money on paper, known by an HMAC of the code that is printed on it."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from domain.money import CurrencyCode
from models.payment import Payment


class Voucher(Model):
    """One voucher, in minor units of `currency`; `payment` is what it was redeemed by, once."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    code_hmac: bytes = fields.BinaryField()
    currency = fields.CharEnumField(CurrencyCode, max_length=3)
    amount: int = fields.BigIntField()
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    redeemed_at: datetime | None = fields.DatetimeField(null=True)
    payment: fields.OneToOneNullableRelation[Payment] = fields.OneToOneField(
        "models.Payment", related_name="voucher", null=True, on_delete=fields.OnDelete.RESTRICT
    )

    class Meta:
        table = "voucher"
