"""Links that let a household look after a line or a personal account, and the consent behind each (SPEC 4.2, 4.5)."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model

from domain.access import LinkKind
from domain.number_link import ConsentMethod, LinkStatus, SuspensionReason
from models.household import Household
from models.line import Line, PersonalAccount
from models.user import User


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
    # The same for an account that is linked by itself.
    account_slot: int | None = fields.BigIntField(null=True, unique=True)
    # Who asked for it, by whose name the holder knows it; null where an import brought it.
    requester: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="links_asked_for", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    suspended_reason = fields.CharEnumField(SuspensionReason, max_length=24, null=True)
    requested_at: datetime = fields.DatetimeField(auto_now_add=True)
    confirmed_at: datetime | None = fields.DatetimeField(null=True)
    # Until then it gives neither AUTOPAY nor DETAILS: a code typed in the requester's session made it (E15).
    settles_at: datetime | None = fields.DatetimeField(null=True)
    reverify_by: datetime | None = fields.DatetimeField(null=True)
    ended_at: datetime | None = fields.DatetimeField(null=True)
    # How often the number's user has undone a block by somebody of the household (E63).
    blocks_undone: int = fields.SmallIntField(db_default=0)

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
    # What the holder can name to support or a court.
    receipt_id: UUID = fields.UUIDField(unique=True, db_default=SqlDefault("gen_random_uuid()"))
    # Whose cabinet it was given in, where it was given in the holder's own.
    given_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="consents_given", null=True, on_delete=fields.OnDelete.SET_NULL
    )
    challenge_id: UUID | None = fields.UUIDField(null=True)
    address = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "consent"


IS_MINE = """
nl.contract_epoch = c.epoch and (
  l.user_id = {user}
  or (coalesce(l.kind, '') <> 'MOBILE' and l.user_id is null and exists (
    select from app_user u where u.id = {user} and u.person_id = c.holder_id))
  or (l.user_id is null and exists (
    select from consent k where k.link_id = nl.id and k.given_by_id = {user} and k.method = 'CONTRACT_HOLDER'))
  or exists (
    select from membership o join household h on h.id = o.household_id and h.dissolved_at is null
    join membership cm on cm.household_id = o.household_id and cm.role = 'CHILD' and cm.status = 'ACTIVE'
    where o.user_id = {user} and o.role = 'OWNER' and o.status = 'ACTIVE' and cm.user_id = l.user_id))
"""
"""Whether a link `nl` to a line `l` or an account, of a contract `c`, is to what a user holds (SPEC 4.4).

Their own, what they answered for in place of a SIM that nobody has a cabinet of, and a child's for who owns its
household now. What has passed to another contract is its new holder's, and the old links are not.
"""
