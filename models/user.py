"""People and their cabinets: a person may have no cabinet, a cabinet belongs to at most one person (SPEC 4.2)."""

from datetime import date, datetime

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from domain.access import AccessLevel
from domain.language import Language
from domain.sign_in import ContactKind, LoginIdentifier, SocialProvider


class Person(Model):
    """A human being known to an operator, with or without a cabinet."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    ref = fields.CharField(max_length=64)  # the operator's own identifier, the key of an import
    name = fields.CharField(max_length=200)
    birth_date: date | None = fields.DateField(null=True)

    class Meta:
        table = "person"
        unique_together = (("operator", "ref"),)


class User(Model):
    """A cabinet identity: who signs in."""

    id: int = fields.BigIntField(primary_key=True)
    operator = fields.CharField(max_length=32)
    person: fields.OneToOneRelation[Person] = fields.OneToOneField(
        "models.Person", related_name="user", on_delete=fields.OnDelete.RESTRICT
    )
    display_name = fields.CharField(max_length=200)
    language = fields.CharEnumField(Language, max_length=2)
    password_hash = fields.CharField(max_length=200, null=True)
    must_change_password = fields.BooleanField(default=False)
    # A temporary password works beside the permanent one until then, so that asking for one takes nothing away.
    # It is random, so a keyed hash of it is enough.
    temporary_hmac: bytes | None = fields.BinaryField(null=True)
    temporary_expires_at: datetime | None = fields.DatetimeField(null=True)
    # After too many wrong passwords some operators want a new temporary one before the old counts again (F014).
    password_burnt = fields.BooleanField(default=False)
    recovery_channels: list[str] = ArrayField(element_type="text", default=list)
    network_auto_login = fields.CharEnumField(AccessLevel, max_length=8, null=True)
    # A closed cabinet has no way in any more; what happened in it stays on record (F034).
    closed_at: datetime | None = fields.DatetimeField(null=True)
    # A cabinet whose only way in was a number that somebody else has now: the office opens it again (E25).
    frozen_at: datetime | None = fields.DatetimeField(null=True)
    last_signed_in_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "app_user"  # `user` is a reserved word


class Login(Model):
    """One identifier a user may sign in with, unique within the operator."""

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="logins")
    operator = fields.CharField(max_length=32)
    kind = fields.CharEnumField(LoginIdentifier, max_length=16)
    value = fields.CharField(max_length=254)

    class Meta:
        table = "login"
        unique_together = (("operator", "kind", "value"),)


def number_of(user_id: str) -> str:
    """The SQL of a user's own number: the first that they sign in with, null for whoever has none.

    `user_id` is SQL too: a parameter, or a column with the name of its table.
    """
    return f"(select value from login where user_id = {user_id} and kind = 'MSISDN' order by id limit 1)"


class Contact(Model):
    """An e-mail address or a telephone number of a user, for recovery once it is verified (F031, K005)."""

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="contacts")
    operator = fields.CharField(max_length=32)
    kind = fields.CharEnumField(ContactKind, max_length=8)
    value = fields.CharField(max_length=254)
    verified_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "contact"
        unique_together = (("user", "kind", "value"),)


class SocialAccount(Model):
    """A social network's account that its user may sign in with (F021); `subject` is the network's own id."""

    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User", related_name="social_accounts")
    operator = fields.CharField(max_length=32)
    provider = fields.CharEnumField(SocialProvider, max_length=16)
    subject = fields.CharField(max_length=255)
    title = fields.CharField(max_length=200)
    linked_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "social_account"
        unique_together = (("operator", "provider", "subject"),)
