"""The ways in: phone and password (F001), one-time code by SMS (F002)."""

from dataclasses import dataclass
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, passwords
from auth.challenge import Challenge, CodeAccepted
from auth.session import open_session
from domain.features import feature
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import CodeRejected, CredentialsRejected, FeatureDisabled, InputRejected, RateLimited
from domain.sign_in import LoginIdentifier, LoginMethod
from models.challenge import ChallengePurpose
from models.database import tx

_USER_BY_LOGIN = """
select u.id, u.password_hash from login l join app_user u on u.id = l.user_id
where l.operator = $1 and l.kind = $2 and l.value = $3
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session was opened; `token` is told this once."""

    token: str


async def with_password(
    profile: Profile, identifier: str, password: str, device: str | None
) -> SignedIn | CredentialsRejected | FeatureDisabled:
    """Sign in by phone number and password (F001, F004).

    An unknown number, a wrong password and a cabinet without a password answer alike and take as long.
    """
    if refused := _disabled(profile, LoginMethod.PASSWORD):
        return refused
    msisdn = normalize(identifier, profile)
    fits = msisdn is not None and 0 < len(password) <= passwords.LONGEST

    async def find(connection: BaseDBAsyncClient) -> tuple[int, str | None] | None:
        rows = await connection.execute_query_dict(
            _USER_BY_LOGIN, [profile.operator.id, LoginIdentifier.MSISDN, msisdn]
        )
        return (rows[0]["id"], rows[0]["password_hash"]) if rows else None

    found = await tx(find) if fits else None
    right = await passwords.verify(found[1] if found else None, password[: passwords.LONGEST])
    if not right or found is None:
        return CredentialsRejected()
    user_id = found[0]
    return SignedIn(await tx(lambda connection: open_session(connection, profile, user_id, device)))


async def request_code(
    profile: Profile, secret: bytes, identifier: str, initiator: str
) -> Challenge | RateLimited | InputRejected | FeatureDisabled:
    """Send a sign-in code by SMS; the answer does not depend on whether the number is known (F002, I11).

    `initiator` stands for whoever asks, as far as that can be told before anybody is signed in.
    """
    if refused := _disabled(profile, LoginMethod.SMS_CODE):
        return refused
    msisdn = normalize(identifier, profile)
    if msisdn is None:
        return InputRejected(_accepted_numbers(profile), field=("identifier",))

    async def send(connection: BaseDBAsyncClient) -> Challenge | RateLimited:
        rows = await connection.execute_query_dict(
            _USER_BY_LOGIN, [profile.operator.id, LoginIdentifier.MSISDN, msisdn]
        )
        user_id = rows[0]["id"] if rows else None
        return await challenge.request(
            connection, profile, secret, ChallengePurpose.SIGN_IN, msisdn, user_id, initiator
        )

    return await tx(send)


async def with_code(
    profile: Profile, secret: bytes, challenge_id: UUID, code: str, device: str | None
) -> SignedIn | CodeRejected | FeatureDisabled:
    """Sign in with a code that was asked for before (F002)."""
    if refused := _disabled(profile, LoginMethod.SMS_CODE):
        return refused

    async def confirm(connection: BaseDBAsyncClient) -> SignedIn | CodeRejected:
        outcome = await challenge.confirm(connection, profile, secret, ChallengePurpose.SIGN_IN, challenge_id, code)
        if not isinstance(outcome, CodeAccepted):
            return outcome
        return SignedIn(await open_session(connection, profile, outcome.user_id, device))

    return await tx(confirm)


def _disabled(profile: Profile, method: LoginMethod) -> FeatureDisabled | None:
    flag = feature(profile, f"auth.{method.lower()}")
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")


def _accepted_numbers(profile: Profile) -> str:
    code, length = profile.operator.msisdn_country_code, profile.operator.msisdn_national_length
    return f"Give a number as +{code} and {length} digits, or the {length} digits alone"
