"""What the owner of a household lets a child's line do (F048)."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from models.line import Line
from models.user import User


class ChildPolicy(Model):
    """The policy of one line; it holds while the line's user is a child. Quiet hours: `[["22:00", "07:00"], …]`."""

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
