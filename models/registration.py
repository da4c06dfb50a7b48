"""Registrations that wait for their confirmation (F010, F011)."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model


class Registration(Model):
    """A cabinet that somebody asked for; it comes into being when the link is opened, or the code given, in time (E62).

    One by SMS has the number and, where the operator wants one, an address that is yet to be proven.
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    email = fields.CharField(max_length=254, null=True)
    msisdn = fields.CharField(max_length=15, null=True)
    password_hash = fields.CharField(max_length=200)
    token_hash = fields.CharField(max_length=64, unique=True, null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    confirmed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "registration"
