"""Messages that leave after commit: written inside the caller's transaction, delivered by the worker."""

from datetime import datetime
from typing import Any

import orjson
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model

from domain.challenge import DeliveryStatus


class OutboxMessage(Model):
    """One effect on the world outside. `dedup` makes a repeated enqueue harmless."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    kind = fields.CharField(max_length=32)
    body: dict[str, Any] = fields.JSONField()
    dedup = fields.CharField(max_length=128, null=True, unique=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    run_at: datetime = fields.DatetimeField(auto_now_add=True)
    locked_until: datetime | None = fields.DatetimeField(null=True)
    attempts: int = fields.IntField(default=0)
    # What the gateway calls the message, and what it said of its delivery (N10).
    gateway_id = fields.CharField(max_length=128, null=True)
    delivery = fields.CharEnumField(DeliveryStatus, max_length=12, default=DeliveryStatus.QUEUED)
    expires_at: datetime | None = fields.DatetimeField(null=True)
    done_at: datetime | None = fields.DatetimeField(null=True)
    last_error: str | None = fields.TextField(null=True)

    class Meta:
        table = "outbox"


_ENQUEUE = """
insert into outbox (operator, kind, body, dedup, created_at, run_at, attempts, expires_at)
values ($1, $2, $3::jsonb, $4, now(), now() + make_interval(secs => $6), 0, now() + make_interval(secs => $5))
on conflict (dedup) do nothing
"""


async def enqueue(
    connection: BaseDBAsyncClient,
    operator: str,
    kind: str,
    body: dict[str, Any],
    *,
    dedup: str | None = None,
    ttl_seconds: float | None = None,
    delay_seconds: float = 0.0,
) -> None:
    """Add a message to the caller's transaction and wake the worker when it commits.

    After `ttl_seconds` it is worth nothing: it is emptied instead of sent. Before `delay_seconds` it does not leave.
    """
    told = [operator, kind, orjson.dumps(body).decode(), dedup, ttl_seconds, delay_seconds]
    await connection.execute_query(_ENQUEUE, told)
    await connection.execute_query("select pg_notify('outbox', '')")
