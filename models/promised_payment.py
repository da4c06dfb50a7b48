"""Promised payments (F081): what an account was given on trust, and when it has to come back."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from domain.money import CurrencyCode
from models.line import Line, PersonalAccount
from models.user import User


class PromisedPayment(Model):
    """One of them; an account has at most one that is not repaid.

    What is still owed is the ledger's to say. `taker` and `key` are unique together for ever. Amounts are in minor
    units; `fee` is owed on top of `amount`. The debt is the account's, and not the taker's (E31).
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    account: fields.ForeignKeyRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="promised_payments", on_delete=fields.OnDelete.RESTRICT
    )
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="promised_payments", on_delete=fields.OnDelete.RESTRICT
    )
    taker: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="promised_payments", on_delete=fields.OnDelete.RESTRICT
    )
    key = fields.CharField(max_length=96)
    asked = fields.CharField(max_length=64)  # the id of the offer: the same key with another is a conflict
    currency = fields.CharEnumField(CurrencyCode, max_length=3)
    amount: int = fields.BigIntField()
    fee: int = fields.BigIntField()
    taken_at: datetime = fields.DatetimeField(auto_now_add=True)
    due_at: datetime = fields.DatetimeField()
    repayments: int = fields.IntField(default=0)
    repaid_at: datetime | None = fields.DatetimeField(null=True)
    # When somebody is to collect it; null once there is nothing left to collect.
    look_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "promised_payment"
        unique_together = (("taker", "key"),)


# An account as the rules of `domain/promised_payment.py` want to know it, for the service under lock and for the
# loader alike. Charges are what the operator took for its services, a fee of an earlier promise not among them.
FACTS = """
select a.id, a.operator, a.status in ('TERMINATED', 'PORTED_OUT') or c.status = 'TERMINATED' as has_ended,
  coalesce((
    select -sum(e.amount) from ledger_account l
    join ledger_entry e on e.account_id = l.id
    join ledger_transfer t on t.id = e.transfer_id
    where l.account_id = a.id and l.kind = 'PERSONAL' and t.kind = 'FEE' and t.at > now() - interval '3 months'
  ), 0)::bigint as charged,
  p.currency, p.amount, p.fee, p.due_at
from personal_account a
join contract c on c.id = a.contract_id
left join promised_payment p on p.account_id = a.id and p.repaid_at is null
where a.id = any($1::bigint[])
"""
