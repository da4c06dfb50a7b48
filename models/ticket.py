"""What a user asked the operator for, to be answered by people (F133, F110)."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from domain.ticket import TicketCategory, TicketStatus, TicketSubject
from models.line import Line
from models.user import User


class Ticket(Model):
    """A request; `details` is what the `subject` needs, such as {"mbps": 300} of a SPEED_INCREASE."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="tickets")
    line: fields.ForeignKeyNullableRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="tickets", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    category = fields.CharEnumField(TicketCategory, max_length=16)
    subject = fields.CharEnumField(TicketSubject, max_length=24)
    details: dict[str, Any] = fields.JSONField(default=dict)
    comment = fields.CharField(max_length=1000, null=True)
    status = fields.CharEnumField(TicketStatus, max_length=16)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    # By when the operator promises to answer.
    answer_due_at: datetime = fields.DatetimeField()
    closed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "ticket"
        indexes = (("user_id", "id"), ("line_id", "id"))


class TicketMessage(Model):
    """What is said in a ticket: by an employee, `staff` by name, or by its user. Rows are only ever added."""

    id: int = fields.BigIntField(primary_key=True)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name="messages", on_delete=fields.OnDelete.RESTRICT
    )
    staff = fields.CharField(max_length=80, null=True)
    text = fields.CharField(max_length=4000)
    at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "ticket_message"
        indexes = (("ticket_id", "id"),)
