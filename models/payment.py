"""Payments and the means that make them (F064–F080): the intent is written before the bank is asked (DESIGN 2)."""

from datetime import datetime
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.models import Model

from domain.money import CurrencyCode
from domain.payment import CardScheme, ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from domain.refusals import ErrorCode
from models.line import Line, PersonalAccount
from models.user import User


class PaymentMethod(Model):
    """A means of payment that a user keeps (F079): the provider's name for it, and what is printed on it.

    There is no column for a card's number or code, and never will be. A removed one stays on record for the payments
    that it made.
    """

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="payment_methods")
    operator = fields.CharField(max_length=32)
    provider = fields.CharField(max_length=32)
    reference = fields.CharField(max_length=128)
    kind = fields.CharEnumField(PaymentMethodKind, max_length=16)
    scheme = fields.CharEnumField(CardScheme, max_length=12, null=True)
    last_four = fields.CharField(max_length=4, null=True)
    expires_year: int | None = fields.SmallIntField(null=True)
    expires_month: int | None = fields.SmallIntField(null=True)
    issuer_country = fields.CharField(max_length=2, null=True)
    fingerprint = fields.CharField(max_length=128, null=True)
    shared = fields.BooleanField(default=False)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    removed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "payment_method"


class Payment(Model):
    """One payment. `payer` and `key` are unique together for ever, so a repeated submit finds the first.

    `provider_key` is our name of it at the provider. `token` is the provider's too, for one payment: it is forgotten
    when the payment ends. Amounts are in minor units; `fee` comes on top of `amount`.
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    payer: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="payments", on_delete=fields.OnDelete.RESTRICT
    )
    key = fields.CharField(max_length=96)
    asked = fields.CharField(max_length=64)  # a digest of the parameters: the same key with others is a conflict
    kind = fields.CharEnumField(PaymentKind, max_length=16)
    status = fields.CharEnumField(PaymentStatus, max_length=24)
    account: fields.ForeignKeyRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="payments", on_delete=fields.OnDelete.RESTRICT
    )
    line: fields.ForeignKeyNullableRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="payments", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    named = fields.CharField(max_length=64)  # what the payer typed or chose, masked for receipts
    currency = fields.CharEnumField(CurrencyCode, max_length=3)
    amount: int = fields.BigIntField()
    fee: int = fields.BigIntField(default=0)
    refunded: int = fields.BigIntField(default=0)
    method_kind = fields.CharEnumField(PaymentMethodKind, max_length=16)
    method: fields.ForeignKeyNullableRelation[PaymentMethod] = fields.ForeignKeyField(
        "models.PaymentMethod", related_name="payments", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    token = fields.CharField(max_length=512, null=True)
    save_method = fields.BooleanField(default=False)
    # Whether the bank is to set the money aside only, until the card it came from was looked at.
    hold = fields.BooleanField(db_default=False)
    fingerprint = fields.CharField(max_length=128, null=True)
    provider = fields.CharField(max_length=32)
    provider_key: UUID = fields.UUIDField(default=uuid4, unique=True)
    provider_id = fields.CharField(max_length=128, null=True)
    confirmation = fields.CharEnumField(ConfirmationKind, max_length=16)
    challenge_id: UUID | None = fields.UUIDField(null=True)
    redirect_url = fields.CharField(max_length=2048, null=True)
    return_url = fields.CharField(max_length=2048, null=True)
    confirm_by: datetime | None = fields.DatetimeField(null=True)
    receipt_email = fields.CharField(max_length=254, null=True)
    failure = fields.CharEnumField(ErrorCode, max_length=48, null=True)
    failure_detail = fields.CharField(max_length=48, null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    completed_at: datetime | None = fields.DatetimeField(null=True)
    # When somebody is to ask the provider again; null once there is nothing left to ask.
    check_at: datetime | None = fields.DatetimeField(null=True)
    checks: int = fields.IntField(default=0)

    class Meta:
        table = "payment"
        unique_together = (("payer", "key"),)
        indexes = (("payer_id", "id"), ("account_id", "id"), ("operator", "fingerprint", "created_at"))


class PaymentNotification(Model):
    """A notification of a provider's that had its effect, written with the effect."""

    id = fields.CharField(max_length=160, primary_key=True)
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField("models.Payment", related_name="notifications")
    at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "payment_notification"
