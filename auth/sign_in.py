"""The ways in: identifier and password (F001, F003), one-time code by SMS (F002)."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, identifier, lockout, notices, passwords
from auth.cabinet_end import NoEntry
from auth.challenge import Challenge, CodeAccepted, CodeRequest
from auth.lockout import Attempt
from auth.new_cabinet import LoginLost, free_line, open_for_line
from auth.session import Entry, open_session
from auth.sessions import new_family, remember
from domain.challenge import ChallengeChannel
from domain.features import feature
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import (
    ChannelUnavailable,
    CodeRejected,
    CredentialsRejected,
    FeatureDisabled,
    InputRejected,
    LockedOut,
    RateLimited,
)
from domain.sign_in import LoginMethod
from domain.wording import Wording
from models import audit, counter
from models.challenge import ChallengePurpose
from models.database import tx


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the door, as far as that can be told: for limits, and for what the session remembers.

    `channels` are those that this server can send codes by.
    """

    address: str | None
    device: str | None
    initiator: str
    remember: bool = False
    channels: frozenset[ChallengeChannel] = frozenset(ChallengeChannel)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session was opened; the tokens are told this once. `refresh_token` is for a remembered device (F023)."""

    token: str
    user_id: int
    refresh_token: str | None = None


class _Known(NamedTuple):
    user_id: int
    password_hash: str | None
    temporary_hmac: bytes | None


@dataclass(frozen=True, slots=True)
class PasswordProven:
    """Somebody knows the password of a cabinet; `takes` says whether it still is, where something depends on it."""

    known: _Known
    identifier: str
    temporary: bool


# A password that a lock has burnt is none any more, nor is a temporary one after its time.
_USABLE = """
select case when not password_burnt then password_hash end as password_hash,
  case when temporary_expires_at > now() then temporary_hmac end as temporary_hmac
from app_user where id = $1
"""
# Asked again while nobody can change it: a password that was replaced since it was compared lets nobody in.
_STILL = """
select 1 from app_user
where id = $1 and (
  (password_hash = $2 and not password_burnt) or (temporary_hmac = $3 and temporary_expires_at > now()))
for no key update
"""
_MUST_CHANGE = "update app_user set must_change_password = must_change_password or $2 where id = $1"
_BURN = "update app_user set password_burnt = password_burnt or $2 where id = $1"
_DAY = 86_400

_LOCKED = Wording("Signing in by password is locked: too many wrong passwords.")


async def with_password(
    profile: Profile, secret: bytes, typed: str, password: str, caller: Caller
) -> SignedIn | NoEntry | LockedOut | RateLimited | FeatureDisabled:
    """Sign in by an identifier of the operator's and a password, permanent or temporary (F001, F003, F009, F014).

    An unknown identifier, a wrong password and a cabinet without one answer alike and take as long. The guess is
    counted, and committed, before it is compared.
    """
    if refused := disabled(profile, LoginMethod.PASSWORD):
        return refused
    proven = await prove(profile, secret, typed, password, caller.address)
    if not isinstance(proven, PasswordProven):
        return proven
    must_change = proven.temporary and profile.auth.temporary_password_must_change
    return await tx(lambda connection: _enter(connection, profile, proven, caller, must_change=must_change))


async def prove(
    profile: Profile, secret: bytes, typed: str, password: str, address: str | None
) -> PasswordProven | CredentialsRejected | LockedOut | RateLimited:
    """Compare a password with that of the cabinet that `typed` names; guesses count wherever they are made (F014)."""
    name = identifier.canonical(typed, profile)

    async def admit(
        connection: BaseDBAsyncClient,
    ) -> tuple[Attempt | LockedOut | RateLimited, _Known | None]:
        admitted = await lockout.admit(connection, profile, name, address)
        return admitted, await _known_password(connection, profile, typed)

    admitted, known = await tx(admit)
    fits = 0 < len(password) <= passwords.LONGEST
    given = password[: passwords.LONGEST]
    stored, user_id = (known.temporary_hmac, known.user_id) if known else (None, 0)
    temporary = passwords.is_temporary(stored, secret, user_id, given)
    right = await passwords.verify(known.password_hash if known else None, given) or temporary
    if not isinstance(admitted, Attempt):
        return admitted
    if known is not None and right and fits:
        return PasswordProven(known, name, temporary)
    return await tx(lambda connection: _refuse(connection, profile, known, admitted))


async def takes(connection: BaseDBAsyncClient, profile: Profile, proven: PasswordProven) -> bool:
    """Hold the user's row, and say whether what was proven is true of it still; then its guesses are forgotten."""
    still = [proven.known.user_id, proven.known.password_hash, proven.known.temporary_hmac]
    if not await connection.execute_query_dict(_STILL, still):
        return False
    await lockout.forget(connection, profile, proven.identifier)
    return True


async def request_code(
    profile: Profile,
    secret: bytes,
    typed: str,
    caller: Caller,
    channel: ChallengeChannel = ChallengeChannel.SMS,
) -> Challenge | RateLimited | InputRejected | FeatureDisabled | ChannelUnavailable:
    """Send a sign-in code; the answer does not depend on whether the number is known (F002, I11).

    A number that nobody has a cabinet of yet gets a code too, where the operator registers so (F010): whoever gives it
    opens the cabinet.
    """
    if refused := disabled(profile, LoginMethod.SMS_CODE):
        return refused
    msisdn = normalize(typed, profile)
    if msisdn is None:
        return InputRejected(accepted_numbers(profile), field=("identifier",))
    if channel is not ChallengeChannel.SMS and channel not in caller.channels & {*profile.auth.otp.fallback_channels}:
        return ChannelUnavailable()

    async def send(connection: BaseDBAsyncClient) -> Challenge | RateLimited:
        known = await identifier.find(connection, profile, msisdn)
        user_id = known.user_id if known and known.msisdn == msisdn else None
        line_id = await free_line(connection, profile, msisdn)
        address = await identifier.proven_address(connection, user_id) if channel is ChallengeChannel.EMAIL else None
        wanted = CodeRequest(
            ChallengePurpose.SIGN_IN,
            msisdn,
            user_id,
            caller.initiator,
            channel,
            address=address,
            subject=line_id,
            network=lockout.network_of(caller.address),
        )
        return await challenge.request(connection, profile, secret, wanted)

    return await tx(send)


async def with_code(
    profile: Profile, secret: bytes, challenge_id: UUID, code: str, caller: Caller
) -> SignedIn | CodeRejected | NoEntry | FeatureDisabled:
    """Sign in with a code that was asked for before (F002)."""
    if refused := disabled(profile, LoginMethod.SMS_CODE):
        return refused

    async def confirm(connection: BaseDBAsyncClient) -> SignedIn | CodeRejected | NoEntry:
        outcome = await challenge.confirm(connection, profile, secret, ChallengePurpose.SIGN_IN, challenge_id, code)
        if not isinstance(outcome, CodeAccepted):
            return outcome
        user_id = outcome.user_id
        # Asked again: the line may have another number by now. Only the SIM opens a cabinet of its own.
        if user_id is None and outcome.is_by_sim:
            line_id = await free_line(connection, profile, outcome.target)
            user_id = await open_for_line(connection, profile, line_id) if line_id is not None else None
        if user_id is None:  # the number got its cabinet, or its end, while the code was on its way
            return challenge.used_up()
        # An address proves less than the SIM: only what reached it counts as a fresh proof.
        method = LoginMethod.SMS_CODE if outcome.is_by_sim else LoginMethod.EMAIL_LINK
        return await let_in(connection, profile, user_id, method, caller)

    try:
        return await tx(confirm)
    except LoginLost:
        return challenge.used_up()


async def let_in(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int, method: LoginMethod, caller: Caller
) -> SignedIn | NoEntry:
    """Open a session for somebody who has proven who they are, and remember the device where that was asked for."""
    family = new_family() if caller.remember else None
    token = await open_session(connection, profile, user_id, Entry(method, caller.device, family=family))
    if not isinstance(token, str):
        return token
    if family is None:
        return SignedIn(token, user_id)
    return SignedIn(token, user_id, await remember(connection, profile, user_id, family, caller.device))


def disabled(profile: Profile, method: LoginMethod) -> FeatureDisabled | None:
    """Why the operator has no such way in; None when it has."""
    flag = feature(profile, f"auth.{method.lower()}")
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")


def accepted_numbers(profile: Profile) -> str:
    """What a telephone number has to look like, for a person."""
    code, length = profile.operator.msisdn_country_code, profile.operator.msisdn_national_length
    return f"Give a number as +{code} and {length} digits, or the {length} digits alone"


async def _known_password(connection: BaseDBAsyncClient, profile: Profile, typed: str) -> _Known | None:
    found = await identifier.find(connection, profile, typed)
    # An unknown identifier asks the same question of nobody, so that it costs the same.
    rows = await connection.execute_query_dict(_USABLE, [found.user_id if found else 0])
    if found is None or not rows:
        return None
    return _Known(found.user_id, rows[0]["password_hash"], rows[0]["temporary_hmac"])


async def _enter(
    connection: BaseDBAsyncClient, profile: Profile, proven: PasswordProven, caller: Caller, *, must_change: bool
) -> SignedIn | NoEntry:
    if not await takes(connection, profile, proven):
        return CredentialsRejected()
    user_id = proven.known.user_id
    await connection.execute_query(_MUST_CHANGE, [user_id, must_change])
    return await let_in(connection, profile, user_id, LoginMethod.PASSWORD, caller)


async def _refuse(
    connection: BaseDBAsyncClient, profile: Profile, known: _Known | None, attempt: Attempt
) -> CredentialsRejected | LockedOut:
    """Tell the user of a wrong password, and lock it when it was the last one allowed.

    Where there is nobody to tell, as much is written for nothing: a commit that has work to do takes longer.
    """
    operator = profile.operator.id
    user = audit.TheUser(operator, known.user_id if known else 0)
    if attempt.left > 0:
        if known is not None:
            await audit.record(connection, user, "SIGN_IN_FAILED", method=LoginMethod.PASSWORD)
        else:
            await counter.count(connection, f"nobody:{operator}:{attempt.identifier}", _DAY)
        return CredentialsRejected(attempt.left)
    until = await lockout.lock(connection, profile, attempt.identifier)
    if known is not None:
        await connection.execute_query(_BURN, [known.user_id, profile.auth.lockout.require_new_temporary_password])
        await audit.record(connection, user, "PASSWORD_LOCKED", until=until.isoformat())
    else:
        for what in ("locked", "told"):
            await counter.count(connection, f"nobody:{what}:{operator}:{attempt.identifier}", _DAY)
    await notices.security(connection, profile, user.user_id, _LOCKED)
    return LockedOut(until)
