"""What happened to whom, for the people it concerns (F038, I16). Rows are only ever added."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model

from domain.access import HouseholdRole
from domain.staff import Staff
from models.household import Household
from models.line import Line
from models.user import User


class AuditEvent(Model):
    """One event, in the cabinet of `user`, who did it: `details` never holds a code, a password or a token."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="audit_events")
    action = fields.CharField(max_length=48)
    details: dict[str, Any] = fields.JSONField(default=dict)
    at: datetime = fields.DatetimeField(auto_now_add=True)
    # What it is about, for those whom it concerns beside the actor: the user of the line, the members of the
    # household, and whoever it was done to (I16).
    actor_role = fields.CharEnumField(HouseholdRole, max_length=16, null=True)
    line: fields.ForeignKeyNullableRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="audit_events", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    household: fields.ForeignKeyNullableRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="audit_events", null=True, on_delete=fields.OnDelete.RESTRICT
    )
    subject: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="audit_events_about", null=True, on_delete=fields.OnDelete.RESTRICT
    )

    class Meta:
        table = "audit_event"
        indexes = (("user_id", "id"),)


class Actor(Protocol):
    """Who does something, and in whose cabinet. A session's viewer is one: what staff do is told as theirs (E60)."""

    @property
    def operator(self) -> str: ...

    @property
    def user_id(self) -> int: ...

    @property
    def staff(self) -> Staff | None: ...


@dataclass(frozen=True, slots=True)
class TheUser:
    """The user of a cabinet, or whoever is at its door: for what happens outside a session."""

    operator: str
    user_id: int
    staff: Staff | None = None


# What every event of an employee tells, whatever else it does.
STAFF, STAFF_REASON, STAFF_TICKET = "staff", "staff_reason", "staff_ticket"

_RECORD = """
insert into audit_event (operator, user_id, action, details, at, line_id, household_id, subject_id, actor_role)
values ($1, $2, $3, $4::jsonb, now(), $5, $6, $7, $8)
"""


@dataclass(frozen=True, slots=True)
class About:
    """Whom an event concerns beside the actor: each of them reads it, with the actor's name and role (I16)."""

    line_id: int | None = None
    household_id: int | None = None
    subject_id: int | None = None
    role: HouseholdRole | None = None


_THE_ACTOR_ONLY = About()


async def record(
    connection: BaseDBAsyncClient,
    actor: Actor,
    action: str,
    about: About = _THE_ACTOR_ONLY,
    /,
    **details: str | int | None,
) -> None:
    """Add an event to the actor's cabinet, in the transaction of what it tells.

    `details` are for people: no secrets, no full numbers.
    """
    told = {key: value for key, value in details.items() if value is not None}
    if actor.staff is not None:
        told |= {STAFF: actor.staff.name, STAFF_REASON: actor.staff.reason, STAFF_TICKET: actor.staff.ticket}
    words = orjson.dumps(told).decode()
    concerned = (about.line_id, about.household_id, about.subject_id, about.role)
    await connection.execute_query(_RECORD, [actor.operator, actor.user_id, action, words, *concerned])
