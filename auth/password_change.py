"""A new password: chosen by somebody who is signed in (F019), or by whoever holds the number (F016, F017)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, identifier, lockout, notices, passwords, recovery_channels
from auth.cabinet_end import NoEntry
from auth.challenge import Challenge, CodeAccepted, CodeRequest
from auth.lockout import Attempt
from auth.session import Viewer
from auth.sign_in import Caller, SignedIn, accepted_numbers, let_in
from domain import password as policy
from domain.challenge import ChallengeChannel
from domain.email import normalize_email
from domain.features import feature
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import (
    CodeRejected,
    CredentialsRejected,
    FeatureDisabled,
    InputRejected,
    LockedOut,
    PasswordRejected,
    RateLimited,
)
from domain.sign_in import LoginMethod, RecoveryChannel
from domain.wording import Wording
from models import audit
from models.audit import Actor, TheUser
from models.challenge import ChallengePurpose
from models.database import tx
from models.notify import notify


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The new password counts from now on; all other sessions of the user have ended."""


_CHANGED = Wording("The password of your account was changed.")

_BY_CODE = (RecoveryChannel.SMS, RecoveryChannel.EMAIL)
_BY_CONTACT = """
select user_id from contact where operator = $1 and kind = 'EMAIL' and value = $2 and verified_at is not null
order by verified_at desc limit 1
"""
_LOGINS = "select value from login where user_id = $1"
_STORED = """
select case when not password_burnt then password_hash end as password_hash, password_hash is null as unset,
  case when temporary_expires_at > now() then temporary_hmac end as temporary_hmac
from app_user where id = $1
"""
_STILL = """
select 1 from app_user u join session s on s.user_id = u.id and s.id = $4 and s.revoked_at is null
where u.id = $1 and (password_burnt or password_hash is not distinct from $2 or ($3 and password_hash is null))
for update of u, s
"""
_SET = """
update app_user set password_hash = $2, must_change_password = false, password_burnt = false,
  temporary_hmac = null, temporary_expires_at = null
where id = $1
"""
# Whoever knew the old password must not stay signed in with it.
_END_OTHERS = (
    "update session set revoked_at = now() where user_id = $1 and id <> $2 and revoked_at is null",
    "update refresh_token set revoked_at = now() where user_id = $1 and revoked_at is null"
    " and family is distinct from (select family from session where id = $2)",
)


async def change(
    profile: Profile, secret: bytes, viewer: Viewer, current: str, new: str, caller: Caller
) -> PasswordChanged | CredentialsRejected | PasswordRejected | LockedOut | RateLimited:
    """Change the viewer's password by naming the current or the temporary one; guesses count as at the door.

    A cabinet that has no password yet, after PUK1, gets its first one so, whatever `current` says.
    """
    if refused := rejected(new, profile, [viewer.login or ""]):
        return refused
    name = identifier.canonical(viewer.login or f"user:{viewer.user_id}", profile)

    async def admit(
        connection: BaseDBAsyncClient,
    ) -> tuple[Attempt | LockedOut | RateLimited, dict[str, Any], list[str]]:
        admitted = await lockout.admit(connection, profile, name, caller.address)
        [row] = await connection.execute_query_dict(_STORED, [viewer.user_id])
        logins = await connection.execute_query_dict(_LOGINS, [viewer.user_id])
        return admitted, row, [login["value"] for login in logins]

    admitted, stored, logins = await tx(admit)
    if not isinstance(admitted, Attempt):
        return admitted
    given = current[: passwords.LONGEST]
    temporary = passwords.is_temporary(stored["temporary_hmac"], secret, viewer.user_id, given)
    right = temporary or await passwords.verify(stored["password_hash"], given)
    if not stored["unset"] and not right:
        return CredentialsRejected(admitted.left, "The current password is wrong", ("currentPassword",))
    if refused := rejected(new, profile, logins):
        return refused
    new_hash = await passwords.make(new)

    async def replace(connection: BaseDBAsyncClient) -> PasswordChanged | CredentialsRejected:
        # Two changes at once, or a session that was ended meanwhile: the first has decided.
        still = [viewer.user_id, stored["password_hash"], stored["unset"], viewer.session_id]
        if not await connection.execute_query_dict(_STILL, still):
            return CredentialsRejected(message="The password was changed meanwhile", field=("currentPassword",))
        await put(connection, profile, viewer, viewer.session_id, new_hash, name)
        return PasswordChanged()

    return await tx(replace)


async def request_reset(
    profile: Profile, secret: bytes, typed: str, channel: RecoveryChannel, caller: Caller
) -> Challenge | RateLimited | InputRejected | FeatureDisabled:
    """Send a code to the number or the proven address of the cabinet; the same answer for everybody (I11, K005)."""
    flag = feature(profile, f"recovery.{channel.lower()}")
    if not flag.enabled or channel not in _BY_CODE:
        return FeatureDisabled(flag.key, flag.reason or "This way begins outside the cabinet; see `operator.ussdCodes`")
    by_email = channel is RecoveryChannel.EMAIL
    target = normalize_email(typed) if by_email else normalize(typed, profile)
    if target is None:
        accepted = "Give the e-mail address of the cabinet" if by_email else accepted_numbers(profile)
        return InputRejected(accepted, field=("identifier",))

    async def send(connection: BaseDBAsyncClient) -> Challenge | RateLimited:
        user_id = await _reached(connection, profile, target, by_email=by_email)
        # What its user has closed sends nothing, and looks and costs like a number that nobody has.
        if not await recovery_channels.leaves_open(connection, profile, user_id, channel):
            user_id = None
        wanted = CodeRequest(
            ChallengePurpose.RECOVER,
            target,
            user_id,
            caller.initiator,
            ChallengeChannel.EMAIL if by_email else ChallengeChannel.SMS,
            network=lockout.network_of(caller.address),
        )
        return await challenge.request(connection, profile, secret, wanted)

    return await tx(send)


async def _reached(connection: BaseDBAsyncClient, profile: Profile, target: str, *, by_email: bool) -> int | None:
    """Whose number or proven address `target` is."""
    if by_email:
        rows = await connection.execute_query_dict(_BY_CONTACT, [profile.operator.id, target])
        return rows[0]["user_id"] if rows else None
    known = await identifier.find(connection, profile, target)
    return known.user_id if known and known.msisdn == target else None


async def reset(
    profile: Profile, secret: bytes, challenge_id: UUID, code: str, new: str, caller: Caller
) -> SignedIn | CodeRejected | PasswordRejected | NoEntry:
    """Set a new password by the code that was sent, and sign in with it; everybody else is signed out.

    A password that is not taken costs no try of the code.
    """
    if refused := rejected(new, profile, []):
        return refused
    new_hash = await passwords.make(new)

    async def replace(connection: BaseDBAsyncClient) -> SignedIn | CodeRejected | NoEntry:
        outcome = await challenge.confirm(connection, profile, secret, ChallengePurpose.RECOVER, challenge_id, code)
        if not isinstance(outcome, CodeAccepted):
            return outcome
        if outcome.user_id is None:
            return challenge.used_up()
        logins = await connection.execute_query_dict(_LOGINS, [outcome.user_id])
        user = TheUser(profile.operator.id, outcome.user_id)
        await put(connection, profile, user, 0, new_hash, *(login["value"] for login in logins))
        # An address proves less than the SIM: only what reached it counts as a fresh proof.
        method = LoginMethod.SMS_CODE if outcome.is_by_sim else LoginMethod.EMAIL_LINK
        return await let_in(connection, profile, outcome.user_id, method, caller)

    return await tx(replace)


def rejected(new: str, profile: Profile, personal: list[str]) -> PasswordRejected | None:
    """What the policy holds against a new password; None when it is taken."""
    found = policy.problems(new, profile, personal=personal)
    if not found:
        return None
    messages = ". ".join(policy.message(problem, profile) for problem in found)
    return PasswordRejected(found[0].code, messages)


async def put(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, session_id: int, new_hash: str, *names: str
) -> None:
    """Make a permanent password the user's; all sessions but one end, and the locks of the user's `names`."""
    await connection.execute_query(_SET, [actor.user_id, new_hash])
    for statement in _END_OTHERS:
        await connection.execute_query(statement, [actor.user_id, session_id])
    await notify(connection, f"session:{actor.user_id}")
    await lockout.forget(connection, profile, *names)
    await audit.record(connection, actor, "PASSWORD_CHANGED")
    await notices.security(connection, profile, actor.user_id, _CHANGED)
