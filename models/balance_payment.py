"""Payments from the balance of a number (F082): beside the payment stands which number pays."""

from tortoise import fields
from tortoise.models import Model

from models.line import Line, PersonalAccount
from models.payment import Payment


class BalancePayment(Model):
    """Where the money of a FROM_BALANCE payment comes from."""

    id: int = fields.BigIntField(primary_key=True)
    payment: fields.OneToOneRelation[Payment] = fields.OneToOneField("models.Payment", related_name="from_balance")
    account: fields.ForeignKeyRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="balance_payments", on_delete=fields.OnDelete.RESTRICT
    )
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="balance_payments", on_delete=fields.OnDelete.RESTRICT
    )

    class Meta:
        table = "balance_payment"
