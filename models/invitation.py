"""Invitations to a household: bound to whom they were sent to, whoever they are forwarded to (E33)."""

from datetime import date, datetime
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from domain.access import HouseholdRole
from models.household import Household
from models.user import User


class InvitationStatus(StrEnum):
    """What became of an invitation; past its time a PENDING one has expired."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"


class Invitation(Model):
    """An invitation by a household to the holder of a number or an e-mail address.

    `target_hmac` and `token_hash` tell whether somebody is whom it is for, and whether a link is ours; neither can be
    turned back into a number or a token.
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="invitations"
    )
    invited_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="invitations_sent")
    role = fields.CharEnumField(HouseholdRole, max_length=16)
    birth_date: date | None = fields.DateField(null=True)
    target_hmac: bytes = fields.BinaryField()
    target_masked = fields.CharField(max_length=254)
    token_hash: bytes = fields.BinaryField()
    status = fields.CharEnumField(InvitationStatus, max_length=16)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    resolved_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "invitation"
