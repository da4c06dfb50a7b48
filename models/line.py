"""Contracts, personal accounts and lines (SPEC 4.2): what an operator serves and bills."""

from datetime import date, datetime

from tortoise import fields
from tortoise.models import Model

from domain.line import BlockReason, ContractKind, ContractStatus, LineStatus, ServiceKind
from models.user import Person, User


class Contract(Model):
    """An agreement with its holder; `epoch` grows when the number passes to another contract (I7, E24, E26)."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    number = fields.CharField(max_length=64)
    holder: fields.ForeignKeyRelation[Person] = fields.ForeignKeyField(
        "models.Person", related_name="contracts", on_delete=fields.OnDelete.RESTRICT
    )
    kind = fields.CharEnumField(ContractKind, max_length=16)
    status = fields.CharEnumField(ContractStatus, max_length=16)
    epoch: int = fields.IntField(default=1)
    signed_on: date | None = fields.DateField(null=True)
    terminated_on: date | None = fields.DateField(null=True)

    class Meta:
        table = "contract"
        unique_together = (("operator", "number"),)


class PersonalAccount(Model):
    """A personal account (лицевой счёт): what is paid for one or more lines (F046, TMF666 BillingAccount)."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    number = fields.CharField(max_length=64)
    kind = fields.CharEnumField(ServiceKind, max_length=24)
    contract: fields.ForeignKeyRelation[Contract] = fields.ForeignKeyField(
        "models.Contract", related_name="accounts", on_delete=fields.OnDelete.RESTRICT
    )
    status = fields.CharEnumField(LineStatus, max_length=24, default=LineStatus.ACTIVE)
    cash_payments_banned = fields.BooleanField(default=False)

    class Meta:
        table = "personal_account"
        unique_together = (("operator", "number"),)


class Line(Model):
    """One mobile number, or one service point of a fixed service; `user` is who holds the SIM."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    account: fields.ForeignKeyRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="lines", on_delete=fields.OnDelete.RESTRICT
    )
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="lines", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    kind = fields.CharEnumField(ServiceKind, max_length=24)
    msisdn = fields.CharField(max_length=15, null=True)
    service_point = fields.CharField(max_length=64, null=True)
    label = fields.CharField(max_length=64, null=True)
    # Where it is used: what is not sold everywhere is offered only where that is known (F102).
    locality = fields.CharField(max_length=200, null=True)
    status = fields.CharEnumField(LineStatus, max_length=24, default=LineStatus.ACTIVE)
    # The code on the starter kit, which opens a cabinet that nobody has entered yet (F008).
    puk1_hash = fields.CharField(max_length=200, null=True)
    sim_epoch: int = fields.IntField(default=1)
    # When the operator's registry last saw another SIM, which stops some changes for a while (E13).
    sim_changed_at: datetime | None = fields.DatetimeField(null=True)
    # Since when the number belongs to its contract, where it had another one before: it is not linked at once (N3).
    reissued_at: datetime | None = fields.DatetimeField(null=True)
    # False: nobody may ask to be linked to it (E16).
    link_requests_allowed = fields.BooleanField(db_default=True)
    block_reason = fields.CharEnumField(BlockReason, max_length=16, null=True)
    blocked_at: datetime | None = fields.DatetimeField(null=True)
    blocked_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="lines_blocked", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    # When a block ends by itself; null: somebody has to end it.
    blocked_until: datetime | None = fields.DatetimeField(null=True)
    activated_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "line"
        unique_together = (("operator", "msisdn"), ("operator", "service_point"))
