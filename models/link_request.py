"""What somebody asks of a number's holder: to be linked to it (F040, F161).

There is a row for every request, of unknown numbers too, so that all are answered alike (I11).
"""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from domain.access import LinkKind
from domain.number_link import LinkStatus
from models.household import Household
from models.line import Line, PersonalAccount
from models.number_link import NumberLink
from models.user import User


class LinkRequest(Model):
    """A question to the holder of `target`; PENDING until it is answered or its code has expired.

    Without a `line` or an `account` nobody was asked. `text` is what the holder read, its code blacked out.
    `sim_epoch` and `contract_epoch` are those of the moment: another SIM or contract answers nothing (E13, E24).
    """

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    requester: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="link_requests")
    # The household that the number is to be linked to; null: one is made with the requester's first link.
    household: fields.ForeignKeyNullableRelation[Household] = fields.ForeignKeyField(
        "models.Household", related_name="link_requests", null=True
    )
    initiator = fields.CharField(max_length=64)
    target = fields.CharField(max_length=64)
    line: fields.ForeignKeyNullableRelation[Line] = fields.ForeignKeyField(
        "models.Line", related_name="link_requests", null=True
    )
    # Whether an account of a service without a SIM is asked for, in place of a number (F042).
    is_account = fields.BooleanField(db_default=False)
    account: fields.ForeignKeyNullableRelation[PersonalAccount] = fields.ForeignKeyField(
        "models.PersonalAccount", related_name="link_requests", null=True
    )
    kind = fields.CharEnumField(LinkKind, max_length=16)
    # Whether the household is to look after the number in place of the one that does (E1).
    moves = fields.BooleanField(db_default=False)
    scopes: list[str] = ArrayField(element_type="text")
    text: str = fields.TextField()
    sim_epoch: int | None = fields.IntField(null=True)
    contract_epoch: int | None = fields.IntField(null=True)
    status = fields.CharEnumField(LinkStatus, max_length=16)
    challenge_id: UUID | None = fields.UUIDField(null=True)
    link: fields.ForeignKeyNullableRelation[NumberLink] = fields.ForeignKeyField(
        "models.NumberLink", related_name="requests", null=True
    )
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()
    resolved_at: datetime | None = fields.DatetimeField(null=True)
    # When the right code came though the number is another household's: its user may then be asked to move (E1).
    proven_at: datetime | None = fields.DatetimeField(null=True)
    # When the number's user called it an abuse: this requester's questions do not reach them any more.
    reported_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "link_request"
        indexes = (("requester_id", "id"), ("line_id", "id"))


WHO_ANSWERS = """
left join lateral (
  select o.user_id from membership c
  join household h on h.id = c.household_id and h.dissolved_at is null
  join membership o on o.household_id = c.household_id and o.role = 'OWNER' and o.status = 'ACTIVE'
  where c.user_id = l.user_id and c.role = 'CHILD' and c.status = 'ACTIVE'
    and coalesce(c.birth_date > {consents_if_born_by}, true)
  order by c.id limit 1
) guardian on true
left join app_user signer on l.user_id is null and signer.person_id = ct.holder_id and signer.closed_at is null
"""
"""Who answers for a line `l` of a contract `ct`: coalesce(guardian.user_id, l.user_id, signer.id).

Its user; for a child too young to consent the owner of its household; for a SIM that nobody has a cabinet of, such as
that of a tablet, who signed the contract (E40).
"""
