"""Households, their members, and the links that let a household look after a line (SPEC 4.2, 4.5)."""

from datetime import date, datetime
from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from domain.access import HouseholdRole, LinkKind
from domain.number_link import ConsentMethod
from models.line import Line, PersonalAccount
from models.user import User


class MembershipStatus(StrEnum):
    """Whether a membership gives rights."""

    ACTIVE = "ACTIVE"
    LEFT = "LEFT"
    REMOVED = "REMOVED"


class LinkStatus(StrEnum):
    """Where a link stands; the last three never return (SPEC 4.5)."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"


class Household(Model):
    """A family that shares numbers and accounts; exactly one active OWNER while it lives (I1)."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    ref = fields.CharField(max_length=64, null=True)
    name = fields.CharField(max_length=100)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    dissolved_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "household"
        unique_together = (("operator", "ref"),)


class Membership(Model):
    """A user's place in a household."""

    id: int = fields.BigIntField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="memberships"
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="memberships")
    role = fields.CharEnumField(HouseholdRole, max_length=16)
    status = fields.CharEnumField(MembershipStatus, max_length=16, default=MembershipStatus.ACTIVE)
    birth_date: date | None = fields.DateField(null=True)
    joined_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "membership"
        unique_together = (("household", "user"),)


class NumberLink(Model):
    """The grant: a household may use some scopes of a line or a personal account.

    `primary_slot` holds the line's id while the link is PRIMARY and ACTIVE or SUSPENDED, else NULL; a plain
    unique index on it lets one household only be primary (I3, E20).
    """

    id: int = fields.BigIntField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField("models.Household", related_name="links")
    line: fields.ForeignKeyNullableRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="links", null=True
    )
    account: fields.ForeignKeyNullableRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="links", null=True
    )
    kind = fields.CharEnumField(LinkKind, max_length=16)
    status = fields.CharEnumField(LinkStatus, max_length=16)
    scopes: list[str] = ArrayField(element_type="text", default=list)
    label = fields.CharField(max_length=64, null=True)
    sim_epoch: int = fields.IntField(default=1)
    contract_epoch: int = fields.IntField(default=1)
    primary_slot: int | None = fields.BigIntField(null=True, unique=True)
    requested_at: datetime = fields.DatetimeField(auto_now_add=True)
    confirmed_at: datetime | None = fields.DatetimeField(null=True)
    reverify_by: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "number_link"


class Consent(Model):
    """What the number's holder agreed to, word for word; rows are only ever added (I6)."""

    id: int = fields.BigIntField(primary_key=True)
    link: fields.ForeignKeyRelation[NumberLink] = fields.ForeignKeyField("models.NumberLink", related_name="consents")
    method = fields.CharEnumField(ConsentMethod, max_length=16)
    text: str = fields.TextField()
    scopes: list[str] = ArrayField(element_type="text", default=list)
    given_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "consent"
