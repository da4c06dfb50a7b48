"""A cabinet of one's own, by e-mail (F010, F011): it comes into being when the link is opened in time."""

from dataclasses import dataclass
from urllib.parse import urlencode

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import passwords
from auth.cabinet_end import NoEntry
from auth.new_cabinet import LoginLost, make_user
from auth.password_change import rejected
from auth.session import new_token, token_hash
from auth.sign_in import Caller, SignedIn, let_in
from domain.email import normalize_email
from domain.features import feature
from domain.language import Language
from domain.profile import Profile
from domain.refusals import (
    FeatureDisabled,
    InputRejected,
    PasswordRejected,
    RateLimited,
    RegistrationLinkRejected,
)
from domain.sign_in import LoginMethod
from domain.wording import Counted, Wording, language_of
from models import audit, counter, outbox
from models.database import tx

_HOUR = 3600

_SUBJECT = Wording("{operator}: registration")
# The link comes after the text.
_LETTER = Wording(
    "Hello!\n\n"
    "This address was given to register with {operator}. If it was not you, just ignore this e-mail: without the link "
    "nothing happens.\n\n"
    "To open your account, follow the link. It works for {time}:"
)
_TIME = Counted("{hours} hour", "{hours} hours", by="hours")
_TAKEN_LETTER = Wording(
    "Hello!\n\n"
    "This address was given to register with {operator}, but you have an account already. If you forgot its password, "
    "set a new one on the sign-in page.\n\n"
    "If it was not you, just ignore this e-mail: nothing has changed in your account."
)

_TAKEN = """
select u.language from login l join app_user u on u.id = l.user_id
where l.operator = $1 and l.kind = 'EMAIL' and l.value = $2
"""
_ASK = """
insert into registration (operator, email, password_hash, token_hash, created_at, expires_at)
values ($1, $2, $3, $4, now(), now() + make_interval(hours => $5))
"""
_STORED = "select password_hash from registration where token_hash = $1 and operator = $2 and confirmed_at is null"
# One request wins the row, and the row wins the address.
_CONFIRM = """
update registration r set confirmed_at = now()
where r.token_hash = $1 and r.operator = $2 and r.confirmed_at is null and r.expires_at > now()
  and not exists (select from login l where l.operator = r.operator and l.kind = 'EMAIL' and l.value = r.email)
returning r.id, r.email, r.password_hash
"""
_LOGIN = """
insert into login (operator, user_id, kind, value) values ($1, $2, 'EMAIL', $3)
on conflict (operator, kind, value) do nothing returning id
"""
_CONTACT = "insert into contact (operator, user_id, kind, value, verified_at) values ($1, $2, 'EMAIL', $3, now())"


@dataclass(frozen=True, slots=True)
class LinkOnItsWay:
    """Whatever the address, the answer is this; the mail tells the rest to whoever reads it."""


async def register(
    profile: Profile, site: str, email: str, password: str, *, accept_terms: bool
) -> LinkOnItsWay | FeatureDisabled | InputRejected | PasswordRejected | RateLimited:
    """Ask for a cabinet: a link goes to the address, and works for `auth.registration_link_ttl_hours`.

    An address that has a cabinet gets a mail that says so; the answer here is the same (I11).
    """
    if refused := disabled(profile, LoginMethod.EMAIL_LINK):
        return refused
    if not site:
        return FeatureDisabled("auth.self_registration", "The operator has not said where its front end is")
    address = normalize_email(email)
    if address is None:
        return InputRejected("Give an e-mail address such as anna@example.org", ("email",))
    if not accept_terms:
        return InputRejected("The terms have to be accepted", ("acceptTerms",))
    if weak := rejected(password, profile, [address]):
        return PasswordRejected(weak.code, weak.message, ("password",))
    password_hash = await passwords.make(password)
    token, operator = new_token(), profile.operator.id
    hours = profile.auth.registration_link_ttl_hours

    async def ask(connection: BaseDBAsyncClient) -> LinkOnItsWay | RateLimited:
        most = profile.auth.otp.max_sms_per_number_per_hour
        count, ends_at = await counter.count(connection, f"email:{operator}:{address}", _HOUR, most, shared=True)
        if count > most:
            return RateLimited(ends_at, "Too many requests for this address")
        taken = await connection.execute_query_dict(_TAKEN, [operator, address])
        await connection.execute_query(_ASK, [operator, address, password_hash, token_hash(token), hours])
        language = language_of(profile, taken[0]["language"] if taken else None)
        body = _mail(profile, address, language, None if taken else f"{site}/confirm?{urlencode({'token': token})}")
        await outbox.enqueue(connection, operator, "email", body, ttl_seconds=hours * float(_HOUR))
        return LinkOnItsWay()

    return await tx(ask)


async def confirm(
    profile: Profile, token: str, password: str, caller: Caller
) -> SignedIn | NoEntry | RegistrationLinkRejected | FeatureDisabled:
    """Open the link: the cabinet is made, and its user signed in. After its time one registers again (E62).

    The password is named once more: whoever opens a link that a stranger asked for must not open a cabinet that
    the stranger has the password of.
    """
    if refused := disabled(profile, LoginMethod.EMAIL_LINK):
        return refused

    async def find(connection: BaseDBAsyncClient) -> str | None:
        rows = await connection.execute_query_dict(_STORED, [token_hash(token), profile.operator.id])
        return rows[0]["password_hash"] if rows else None

    if not await passwords.verify(await tx(find), password[: passwords.LONGEST]):
        return RegistrationLinkRejected()

    async def make(connection: BaseDBAsyncClient) -> SignedIn | NoEntry | RegistrationLinkRejected:
        found = await connection.execute_query_dict(_CONFIRM, [token_hash(token), profile.operator.id])
        if not found:
            return RegistrationLinkRejected()
        user_id = await _make_cabinet(connection, profile, found[0])
        await audit.record(
            connection, audit.TheUser(profile.operator.id, user_id), "REGISTERED", method=LoginMethod.EMAIL_LINK
        )
        return await let_in(connection, profile, user_id, LoginMethod.EMAIL_LINK, caller)

    try:
        return await tx(make)
    except LoginLost:
        return RegistrationLinkRejected()


async def _make_cabinet(connection: BaseDBAsyncClient, profile: Profile, asked: dict[str, str]) -> int:
    operator, email = profile.operator.id, asked["email"]
    user_id = await make_user(connection, profile, email.partition("@")[0], asked["password_hash"])
    if not await connection.execute_query_dict(_LOGIN, [operator, user_id, email]):
        raise LoginLost
    await connection.execute_query(_CONTACT, [operator, user_id, email])
    return user_id


def disabled(profile: Profile, method: LoginMethod) -> FeatureDisabled | None:
    """Why nobody registers this way; None when one can."""
    flag = feature(profile, "auth.self_registration")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")
    if method not in profile.auth.registration_methods:
        way = "e-mail" if method is LoginMethod.EMAIL_LINK else "a code by SMS"
        return FeatureDisabled(flag.key, f"This operator does not register by {way}")
    return None


def _mail(profile: Profile, address: str, language: Language, link: str | None) -> dict[str, str]:
    """A letter to an address, with the link, or with the news that there is a cabinet already."""
    operator, hours = profile.operator.name, profile.auth.registration_link_ttl_hours
    subject = _SUBJECT.text(language, operator=operator)
    if link is None:
        return {"to": address, "subject": subject, "text": _TAKEN_LETTER.text(language, operator=operator)}
    text = _LETTER.text(language, operator=operator, time=_TIME.text(language, hours=hours))
    return {"to": address, "subject": subject, "text": text, "link": link}
