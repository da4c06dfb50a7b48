"""The record of money: double entry in integer minor units (DESIGN 3, I17).

Constraints and triggers are written by hand in the migrations: entries of a transfer sum to zero in each
currency at commit, entries and transfers are only ever added, a balance changes with entries and in no other way,
and an account never falls below its floor (decision 0008).
"""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

# Under these names because the first migration finds them here.
from domain.ledger import LedgerAccountKind as LedgerAccountKind
from domain.ledger import TransferKind as TransferKind
from domain.money import CurrencyCode
from models.line import PersonalAccount


class LedgerAccount(Model):
    """An account of the ledger.

    `balance` is the sum of its entries where the account is of a personal account, and null where it is the
    operator's own: many transfers at once enter those, and a row that all of them changed would let one through at
    a time. `floor` is how low balance less reserved may fall (null: no floor); `provider` is empty but for CLEARING.
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    kind = fields.CharEnumField(LedgerAccountKind, max_length=16)
    account: fields.ForeignKeyNullableRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="ledger", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    provider = fields.CharField(max_length=32, default="")
    currency = fields.CharEnumField(CurrencyCode, max_length=3)
    balance: int | None = fields.BigIntField(null=True)
    reserved: int = fields.BigIntField(default=0)
    credit_limit: int = fields.BigIntField(default=0)
    floor: int | None = fields.BigIntField(null=True)

    class Meta:
        table = "ledger_account"


class LedgerTransfer(Model):
    """A movement of money; `key` is unique for ever, so one cause has one effect."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    kind = fields.CharEnumField(TransferKind, max_length=16)
    key = fields.CharField(max_length=160, unique=True)
    at: datetime = fields.DatetimeField()

    class Meta:
        table = "ledger_transfer"


class LedgerEntry(Model):
    """One side of a transfer, in minor units: positive adds to the account."""

    id: int = fields.BigIntField(primary_key=True)
    transfer: fields.ForeignKeyRelation[LedgerTransfer] = fields.ForeignKeyField(
        "models.LedgerTransfer", related_name="entries", on_delete=fields.OnDelete.RESTRICT
    )
    account: fields.ForeignKeyRelation[LedgerAccount] = fields.ForeignKeyField(
        "models.LedgerAccount", related_name="entries", on_delete=fields.OnDelete.RESTRICT
    )
    amount: int = fields.BigIntField()

    class Meta:
        table = "ledger_entry"


class BalanceSnapshot(Model):
    """The last balance that billing told for an account, so that a page renders when billing does not (N9)."""

    id: int = fields.BigIntField(primary_key=True)
    account: fields.OneToOneRelation[PersonalAccount] = fields.OneToOneField(
        "models.PersonalAccount", related_name="snapshot"
    )
    currency = fields.CharEnumField(CurrencyCode, max_length=3)
    available: int = fields.BigIntField()
    credit: int | None = fields.BigIntField(null=True)
    reserved: int = fields.BigIntField(default=0)
    next_charge: int | None = fields.BigIntField(null=True)
    next_charge_at: datetime | None = fields.DatetimeField(null=True)
    as_of: datetime = fields.DatetimeField()

    class Meta:
        table = "balance_snapshot"
