"""One-time codes: one row is one code, stored as an HMAC (SPEC 4.7, I10)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.user import User


class ChallengePurpose(StrEnum):
    """What a code is for."""

    SIGN_IN = "SIGN_IN"
    REGISTER = "REGISTER"
    RECOVER = "RECOVER"
    STEP_UP = "STEP_UP"
    CHANGE_CONTACT = "CHANGE_CONTACT"
    PAYMENT = "PAYMENT"
    LINK_NUMBER = "LINK_NUMBER"
    TRANSFER_OWNERSHIP = "TRANSFER_OWNERSHIP"


class Challenge(Model):
    """A code for `target`, asked for by `initiator`.

    Without `user` and `subject` it is nobody's, which no answer ever shows; `sent` is false when it only looks like
    one, because the number's code is somebody else's at the moment.
    """

    id: UUID = fields.UUIDField(primary_key=True)
    operator = fields.CharField(max_length=32)
    purpose = fields.CharEnumField(ChallengePurpose, max_length=24)
    channel = fields.CharField(max_length=16)
    target = fields.CharField(max_length=254)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="challenges", null=True
    )
    # What the code is for beside its user, by purpose: the id of a registration, or of a line without a cabinet.
    subject: int | None = fields.BigIntField(null=True)
    initiator = fields.CharField(max_length=64)
    # Two letters that the message and the form both show, so that nobody types the code of an older message (E8).
    tag = fields.CharField(max_length=2, db_default="")
    sent = fields.BooleanField(default=True)
    code_hmac: bytes = fields.BinaryField()
    attempts: int = fields.IntField(default=0)
    max_attempts: int = fields.IntField()
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    consumed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "challenge"
        indexes = (("operator", "target", "created_at"),)
