"""Sessions (F024, F029): opaque tokens, stored as hashes, counted idle by the clock of the database."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from domain.access import AccessLevel
from domain.channel import Channel
from models.line import Line
from models.user import User


class Session(Model):
    """One signed-in client. The token itself is never stored."""

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="sessions")
    operator = fields.CharField(max_length=32)
    token_hash = fields.CharField(max_length=64, unique=True)
    access_level = fields.CharEnumField(AccessLevel, max_length=8, default=AccessLevel.FULL)
    channel = fields.CharEnumField(Channel, max_length=8, default=Channel.SITE)
    # A widget's session sees this line only and changes nothing (N13).
    line: fields.ForeignKeyNullableRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="widget_sessions", null=True
    )
    # The remembered device that the session came from; it ends with its family.
    family: UUID | None = fields.UUIDField(null=True)
    # The operator's employee who acts for the user, why, and for which ticket (E60): the user reads all three.
    staff = fields.CharField(max_length=100, null=True)
    staff_reason = fields.CharField(max_length=200, null=True)
    staff_ticket = fields.CharField(max_length=64, null=True)
    stepped_up_at: datetime | None = fields.DatetimeField(null=True)
    device = fields.CharField(max_length=200, null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    last_seen_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    revoked_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "session"


class RefreshToken(Model):
    """A remembered device's token (F023): used once, and followed by the next of its `family`.

    One that comes a second time was stolen or replayed: the whole family ends.
    """

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="refresh_tokens")
    operator = fields.CharField(max_length=32)
    family: UUID = fields.UUIDField()
    token_hash = fields.CharField(max_length=64, unique=True)
    device = fields.CharField(max_length=200, null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    used_at: datetime | None = fields.DatetimeField(null=True)
    revoked_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "refresh_token"
