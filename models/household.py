"""Households and their members (SPEC 4.2, 4.5)."""

from datetime import date, datetime
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from domain.access import HouseholdRole
from models.user import User


class MembershipStatus(StrEnum):
    """Whether a membership gives rights."""

    ACTIVE = "ACTIVE"
    LEFT = "LEFT"
    REMOVED = "REMOVED"


class Household(Model):
    """A family that shares numbers and accounts; exactly one active OWNER while it lives (I1)."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    ref = fields.CharField(max_length=64, null=True)
    name = fields.CharField(max_length=100)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    # Whether adults may invite VIEWERs, as SPEC 4.4 lets the owner allow.
    adults_invite = fields.BooleanField(db_default=False)
    # From when on the owner may dissolve it with others in it: they were told, and had time to leave.
    dissolves_at: datetime | None = fields.DatetimeField(null=True)
    dissolved_at: datetime | None = fields.DatetimeField(null=True)
    # Since when it has no owner who could decide, though the membership stays (E28); `owner_absence_told`: the operator
    # said so, who alone takes it back, and not a rule.
    owner_absent_since: datetime | None = fields.DatetimeField(null=True)
    owner_absence_told = fields.BooleanField(db_default=False)
    # When the successor claimed it, and who of the operator's people has seen the papers (F049).
    claimed_at: datetime | None = fields.DatetimeField(null=True)
    claim_confirmed_by = fields.CharField(max_length=100, null=True)

    class Meta:
        table = "household"
        unique_together = (("operator", "ref"),)


class Membership(Model):
    """A user's place in a household; whoever comes back has the same row again."""

    id: int = fields.BigIntField(primary_key=True)
    household: fields.ForeignKeyRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="memberships"
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="memberships")
    role = fields.CharEnumField(HouseholdRole, max_length=16)
    status = fields.CharEnumField(MembershipStatus, max_length=16, default=MembershipStatus.ACTIVE)
    birth_date: date | None = fields.DateField(null=True)
    joined_at: datetime = fields.DatetimeField(auto_now_add=True)
    # Whom the owner nominated, to claim the household when there is no owner any more (F049); one at most.
    is_successor = fields.BooleanField(db_default=False)
    ended_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "membership"
        unique_together = (("household", "user"),)
