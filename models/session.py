"""Sessions (F024, F029): opaque tokens, stored as hashes, counted idle by the clock of the database."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from domain.access import AccessLevel
from models.user import User


class Session(Model):
    """One signed-in client. The token itself is never stored."""

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="sessions")
    operator = fields.CharField(max_length=32)
    token_hash = fields.CharField(max_length=64, unique=True)
    access_level = fields.CharEnumField(AccessLevel, max_length=8, default=AccessLevel.FULL)
    device = fields.CharField(max_length=200, null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    last_seen_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    revoked_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "session"
