"""What the owner of a household lets a child's line do (F048)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import orjson
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from domain.access import Scope
from domain.catalogue import ServiceCategory
from domain.child_policy import Policy, QuietHours
from models.line import Line
from models.user import User


class ChildPolicy(Model):
    """The policy of one line; it holds while the line's user is a child.

    Quiet hours: `[["22:00", "07:00", [5, 6]], …]`, with the weekdays on which they begin.
    """

    id: int = fields.BigIntField(primary_key=True)
    line: fields.OneToOneRelation[Line] = fields.OneToOneField("models.Line", related_name="child_policy")
    blocked_categories: list[str] = ArrayField(element_type="text", default=list)
    max_age_rating: int | None = fields.SmallIntField(null=True)
    quiet_hours: list[Any] = fields.JSONField(default=list)
    approval_needed_for: list[str] = ArrayField(element_type="text", default=list)
    can_top_up_self = fields.BooleanField(default=True)
    always_allowed_numbers: list[str] = ArrayField(element_type="text", default=list)
    set_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="policies_set", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    set_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "child_policy"


# Who owns the household of the child that uses a line, and what they said of it. A child of two households answers to
# the one joined first. The day of majority is for the rules to see.
CHILDREN = """
select distinct on (l.id) l.id as line_id, l.operator, l.user_id as child_id, c.birth_date, h.id as household_id,
  o.user_id as owner_id, p.blocked_categories, p.max_age_rating, p.quiet_hours, p.approval_needed_for,
  p.can_top_up_self, p.always_allowed_numbers, p.set_at
from line l
join membership c on c.user_id = l.user_id and c.role = 'CHILD' and c.status = 'ACTIVE'
join household h on h.id = c.household_id and h.dissolved_at is null
join membership o on o.household_id = h.id and o.role = 'OWNER' and o.status = 'ACTIVE'
left join child_policy p on p.line_id = l.id
where l.id = any($1::bigint[])
order by l.id, c.joined_at, c.id
"""


@dataclass(frozen=True, slots=True)
class Child:
    """The child that uses a line, whom it answers to, and what the line may do; `set_at` is None until that is said."""

    line_id: int
    operator: str
    child_id: int
    birth_date: date | None
    household_id: int
    owner_id: int
    policy: Policy
    set_at: datetime | None


async def child_of(connection: BaseDBAsyncClient, line_id: int) -> Child | None:
    """Who uses the line, in the caller's transaction; None where that is no child."""
    rows = await connection.execute_query_dict(CHILDREN, [[line_id]])
    # Readers have a codec for jsonb; here it comes as text.
    return child({**rows[0], "quiet_hours": orjson.loads(rows[0]["quiet_hours"] or "[]")}) if rows else None


def child(row: Mapping[str, Any]) -> Child:
    """A row of `CHILDREN`, its quiet hours read from JSON."""
    return Child(
        line_id=row["line_id"],
        operator=row["operator"],
        child_id=row["child_id"],
        birth_date=row["birth_date"],
        household_id=row["household_id"],
        owner_id=row["owner_id"],
        policy=_policy(row) if row["set_at"] is not None else Policy(),
        set_at=row["set_at"],
    )


def stored_hours(hours: tuple[QuietHours, ...]) -> str:
    """Quiet hours as the table has them."""
    told = [[each.start.strftime("%H:%M"), each.end.strftime("%H:%M"), each.weekdays] for each in hours]
    return orjson.dumps(told).decode()


def _policy(row: Mapping[str, Any]) -> Policy:
    hours = (
        QuietHours(time.fromisoformat(start), time.fromisoformat(end), tuple(weekdays))
        for start, end, weekdays in row["quiet_hours"] or ()
    )
    return Policy(
        blocked_categories=tuple(ServiceCategory(each) for each in row["blocked_categories"]),
        max_age_rating=row["max_age_rating"],
        quiet_hours=tuple(hours),
        approval_needed_for=tuple(Scope(each) for each in row["approval_needed_for"]),
        can_top_up_self=row["can_top_up_self"],
        always_allowed_numbers=tuple(row["always_allowed_numbers"]),
    )
