"""What happened to whom, for the people it concerns (F038, I16). Rows are only ever added."""

from datetime import datetime
from typing import Any

import orjson
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model

from models.user import User


class AuditEvent(Model):
    """One event of a user's cabinet: `details` never holds a code, a password or a token."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="audit_events")
    action = fields.CharField(max_length=48)
    details: dict[str, Any] = fields.JSONField(default=dict)
    at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "audit_event"
        indexes = (("user_id", "id"),)


_RECORD = "insert into audit_event (operator, user_id, action, details, at) values ($1, $2, $3, $4::jsonb, now())"


async def record(
    connection: BaseDBAsyncClient, operator: str, user_id: int, action: str, **details: str | int | None
) -> None:
    """Add an event, in the transaction of what it tells. `details` are for people: no secrets, no full numbers."""
    told = {key: value for key, value in details.items() if value is not None}
    await connection.execute_query(_RECORD, [operator, user_id, action, orjson.dumps(told).decode()])
