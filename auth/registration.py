"""A cabinet of one's own, by e-mail (F010, F011): it comes into being when the link is opened in time."""

from dataclasses import dataclass
from urllib.parse import urlencode

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import passwords
from auth.cabinet_end import NoEntry
from auth.password_change import rejected
from auth.session import new_token, token_hash
from auth.sign_in import Caller, SignedIn, let_in
from domain.email import normalize_email
from domain.features import feature
from domain.profile import Profile
from domain.refusals import (
    FeatureDisabled,
    InputRejected,
    PasswordRejected,
    RateLimited,
    RegistrationLinkRejected,
)
from domain.sign_in import LoginMethod
from models import audit, counter, outbox
from models.database import tx

_HOUR = 3600

_TAKEN = "select 1 from login where operator = $1 and kind = 'EMAIL' and value = $2"
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
_PERSON = "insert into person (operator, ref, name) values ($1, $2, $3) returning id"
_USER = """
insert into app_user
  (operator, person_id, display_name, language, password_hash, must_change_password, created_at)
values ($1, $2, $3, $4, $5, false, now()) returning id
"""
_LOGIN = """
insert into login (operator, user_id, kind, value) values ($1, $2, 'EMAIL', $3)
on conflict (operator, kind, value) do nothing returning id
"""
_CONTACT = "insert into contact (operator, user_id, kind, value, verified_at) values ($1, $2, 'EMAIL', $3, now())"


@dataclass(frozen=True, slots=True)
class LinkOnItsWay:
    """Whatever the address, the answer is this; the mail tells the rest to whoever reads it."""


class _AddressTaken(Exception):
    """Somebody else confirmed the same address at the same moment."""


async def register(
    profile: Profile, site: str, email: str, password: str, *, accept_terms: bool
) -> LinkOnItsWay | FeatureDisabled | InputRejected | PasswordRejected | RateLimited:
    """Ask for a cabinet: a link goes to the address, and works for `auth.registration_link_ttl_hours`.

    An address that has a cabinet gets a mail that says so; the answer here is the same (I11).
    """
    if refused := _disabled(profile):
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
        count, ends_at = await counter.count(connection, f"email:{operator}:{address}", _HOUR)
        if count > profile.auth.otp.max_sms_per_number_per_hour:
            return RateLimited(ends_at, "Too many requests for this address")
        taken = bool(await connection.execute_query_dict(_TAKEN, [operator, address]))
        await connection.execute_query(_ASK, [operator, address, password_hash, token_hash(token), hours])
        body = _mail(profile, address, None if taken else f"{site}/confirm?{urlencode({'token': token})}")
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
    if refused := _disabled(profile):
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
    except _AddressTaken:
        return RegistrationLinkRejected()


async def _make_cabinet(connection: BaseDBAsyncClient, profile: Profile, asked: dict[str, str]) -> int:
    operator, email = profile.operator.id, asked["email"]
    name = email.partition("@")[0]
    [person] = await connection.execute_query_dict(_PERSON, [operator, f"registration:{asked['id']}", name])
    language = profile.operator.languages[0]
    [user] = await connection.execute_query_dict(
        _USER, [operator, person["id"], name, language, asked["password_hash"]]
    )
    user_id: int = user["id"]
    if not await connection.execute_query_dict(_LOGIN, [operator, user_id, email]):
        raise _AddressTaken
    await connection.execute_query(_CONTACT, [operator, user_id, email])
    return user_id


def _disabled(profile: Profile) -> FeatureDisabled | None:
    flag = feature(profile, "auth.self_registration")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")
    if LoginMethod.EMAIL_LINK not in profile.auth.registration_methods:
        return FeatureDisabled(flag.key, "This operator does not register by e-mail; see `operator.loginMethods`")
    return None


def _mail(profile: Profile, address: str, link: str | None) -> dict[str, str]:
    subject = f"{profile.operator.name}: регистрация"
    if link is None:
        return {
            "to": address,
            "subject": subject,
            "text": "У вас уже есть личный кабинет. Если забыли пароль, восстановите его.",
        }
    text = f"Чтобы открыть личный кабинет, перейдите по ссылке за {profile.auth.registration_link_ttl_hours} ч."
    return {"to": address, "subject": subject, "text": text, "link": link}
