"""Temporary passwords by USSD and by SMS to a short number (F005, F006), and by the form (F007).

The SIM that asks is the proof: the gateway tells its number, and the password goes back to it.
"""

import secrets
import string
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, lockout, lost_sim, passwords, recovery_channels
from auth.identifier import Identified
from auth.sign_in import accepted_numbers, disabled
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import FeatureDisabled, InputRejected, RateLimited
from domain.sign_in import LoginMethod, RecoveryChannel
from domain.wording import Wording, language_of
from models import audit, counter, outbox
from models.database import tx

_HOUR = 3600
_LENGTH = 10
# Letters and digits that are not taken for one another when they are read from a telephone.
_SMALL = "abcdefghijkmnpqrstuvwxyz"
_CAPITAL = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "23456789"

# The way back in that a SIM takes by asking; the form's is an SMS that it has not asked for.
_BY_SIM = {
    LoginMethod.USSD_PASSWORD: RecoveryChannel.USSD,
    LoginMethod.INBOUND_SMS_PASSWORD: RecoveryChannel.INBOUND_SMS,
}

_SHORT = Wording("{operator}: temporary password {password}, {minutes} min. Tell it to nobody.")

_SET = """
update app_user set temporary_hmac = $2, temporary_expires_at = now() + make_interval(mins => $3) where id = $1
"""


@dataclass(frozen=True, slots=True)
class PasswordOnItsWay:
    """Whatever the number, the answer is this; a password comes where there is somebody to send it to."""


def invent() -> str:
    """A password that every policy takes: both cases and a digit, nothing special."""
    rest = [secrets.choice(_SMALL + _CAPITAL + _DIGITS) for _ in range(_LENGTH - 3)]
    characters = [secrets.choice(_SMALL), secrets.choice(_CAPITAL), secrets.choice(_DIGITS), *rest]
    secrets.SystemRandom().shuffle(characters)
    assert set(characters) <= set(string.ascii_letters + string.digits)
    return "".join(characters)


async def by_form(
    profile: Profile, secret: bytes, typed: str
) -> PasswordOnItsWay | RateLimited | InputRejected | FeatureDisabled:
    """Asked for in a form: the same answer for every number (F007, I11)."""
    if refused := disabled(profile, LoginMethod.USSD_PASSWORD):
        return refused
    msisdn = normalize(typed, profile)
    if msisdn is None:
        return InputRejected(accepted_numbers(profile), field=("identifier",))
    return await send_to(profile, secret, msisdn, LoginMethod.USSD_PASSWORD, by_sim=False)


async def by_ussd(
    profile: Profile, secret: bytes, msisdn: str, code: str
) -> PasswordOnItsWay | RateLimited | FeatureDisabled:
    """A code was dialled on the telephone of `msisdn` (`auth.ussd_password_code`)."""
    refused = disabled(profile, LoginMethod.USSD_PASSWORD)
    if refused or code != profile.auth.ussd_password_code:
        return refused or FeatureDisabled("auth.ussd_password", "This code is not known here")
    return await send_to(profile, secret, msisdn, LoginMethod.USSD_PASSWORD, by_sim=True)


async def by_inbound_sms(
    profile: Profile, secret: bytes, msisdn: str, to: str
) -> PasswordOnItsWay | RateLimited | FeatureDisabled:
    """An SMS with any text, or none, came from `msisdn` to the short number (`auth.inbound_sms_number`)."""
    refused = disabled(profile, LoginMethod.INBOUND_SMS_PASSWORD)
    if refused or to != profile.auth.inbound_sms_number:
        return refused or FeatureDisabled("auth.inbound_sms_password", "This number is not known here")
    return await send_to(profile, secret, msisdn, LoginMethod.INBOUND_SMS_PASSWORD, by_sim=True)


async def send_to(
    profile: Profile, secret: bytes, msisdn: str, method: LoginMethod, *, by_sim: bool
) -> PasswordOnItsWay | RateLimited:
    """Give the user of a number a temporary password, by SMS to that number.

    It works for `auth.temporary_password_ttl_minutes`, beside the permanent one: whoever asks for somebody else's
    number takes nothing from them. After signing in with it a permanent one has to be set where
    `auth.temporary_password_must_change` says so. When the SIM itself asked, a lock of its password ends.
    """
    password = invent()
    operator = profile.operator.id

    async def issue(connection: BaseDBAsyncClient) -> PasswordOnItsWay | RateLimited:
        # Whoever has the SIM is not kept waiting by strangers who fill in forms.
        key, most = f"sms:{'sim:' if by_sim else ''}{operator}:{msisdn}", profile.auth.otp.max_sms_per_number_per_hour
        count, ends_at = await counter.count(connection, key, _HOUR, most, shared=True)
        if count > most:
            return RateLimited(ends_at)
        found = await identifier.find(connection, profile, msisdn)
        known = None if await lost_sim.is_lost(connection, operator, msisdn) else found
        if by_sim:
            await lockout.forget(connection, profile, msisdn)
        # What leads back in by a way that its user has closed is not given out (F018).
        way = _BY_SIM[method] if by_sim else RecoveryChannel.SMS
        open_ = await recovery_channels.leaves_open(connection, profile, known.user_id if known else None, way)
        if known is not None and known.msisdn == msisdn and open_:
            await _give(connection, profile, known, passwords.keyed(secret, known.user_id, password), method)
        else:
            await _give_nobody(connection, profile, msisdn)
        minutes = profile.auth.temporary_password_ttl_minutes
        language = language_of(profile, known.language if known else None)
        text = _SHORT.text(language, operator=profile.operator.name, password=password, minutes=minutes)
        body = {"to": msisdn, "text": text}
        kind = "sms" if known is not None and known.msisdn == msisdn and open_ else "void"
        await outbox.enqueue(connection, operator, kind, body, ttl_seconds=minutes * 60.0)
        return PasswordOnItsWay()

    return await tx(issue)


async def _give(
    connection: BaseDBAsyncClient, profile: Profile, known: Identified, hashed: bytes, method: LoginMethod
) -> None:
    minutes = profile.auth.temporary_password_ttl_minutes
    await connection.execute_query(_SET, [known.user_id, hashed, minutes])
    user = audit.TheUser(profile.operator.id, known.user_id)
    await audit.record(connection, user, "TEMPORARY_PASSWORD_SENT", method=method)


async def _give_nobody(connection: BaseDBAsyncClient, profile: Profile, msisdn: str) -> None:
    """As much work as to give it to somebody: how long the form takes must not say whether there is anybody (I11)."""
    await connection.execute_query(_SET, [0, None, 0])
    await counter.count(connection, f"nobody:temporary:{profile.operator.id}:{msisdn}", _HOUR)
