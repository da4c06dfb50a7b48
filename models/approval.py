"""What a child asked its household's owner for: exactly this, at exactly this price, within a day (F053)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from domain.access import Scope
from models.household import Household
from models.line import Line
from models.user import User


class ApprovalStatus(StrEnum):
    """What became of a question; past its time a PENDING one has expired."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class ApprovalRequest(Model):
    """A question of a child's to the owner. `subject` is what to do, as the feature that asks wrote it down, and
    `price` its price in minor units at that moment; the question holds for both and for nothing else.

    `quote` is what that price is made of (`domain/quote.py`), with `what` it is of as a quote's token names it.
    """

    id: int = fields.BigIntField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="approvals"
    )
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", related_name="approvals")
    requested_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="approvals_asked"
    )
    scope = fields.CharEnumField(Scope, max_length=16)
    action = fields.CharField(max_length=48)
    title = fields.CharField(max_length=200)
    subject: dict[str, Any] = fields.JSONField()
    # The same question twice is one question while it is open.
    subject_key = fields.CharField(max_length=128)
    price: int | None = fields.BigIntField(null=True)
    quote: dict[str, Any] | None = fields.JSONField(null=True)
    status = fields.CharEnumField(ApprovalStatus, max_length=16)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    resolved_at: datetime | None = fields.DatetimeField(null=True)
    resolved_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="approvals_resolved", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    comment = fields.CharField(max_length=500, null=True)

    class Meta:
        table = "approval_request"
        indexes = (("household_id", "id"), ("line_id", "id"))
