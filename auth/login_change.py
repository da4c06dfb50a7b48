"""A login of one's own choosing (F020): it names the cabinet at the door, and the one before it does not any more."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, notices, own_password
from auth.own_password import Proof
from auth.session import Viewer
from auth.sign_in import Caller
from domain.features import feature
from domain.login import ACCEPTED, normalize_login
from domain.profile import Profile
from domain.profile_access import StepUpAction
from domain.refusals import (
    CredentialsRejected,
    FeatureDisabled,
    InputRejected,
    LockedOut,
    LoginTaken,
    RateLimited,
    StepUpRequired,
)
from domain.wording import Wording
from models import audit, counter
from models.database import tx

_DAY = 86_400
# Whether a login is taken is told to whoever may have it; nobody reads the list of all users from that.
MOST_TRIES_A_DAY = 10

_CHANGED = Wording("The login of your account was changed.")

_HAS_PASSWORD = "select password_hash is not null as has_password from app_user where id = $1"  # noqa: S105
_MINE = "select value from login where user_id = $1 and kind = 'CUSTOM_LOGIN'"
_GIVE_UP = "delete from login where user_id = $1 and kind = 'CUSTOM_LOGIN'"
_TAKE = """
insert into login (operator, user_id, kind, value) values ($1, $2, 'CUSTOM_LOGIN', $3)
on conflict (operator, kind, value) do nothing returning id
"""


@dataclass(frozen=True, slots=True)
class LoginChanged:
    """The login that counts from now on."""

    login: str


Refused = FeatureDisabled | InputRejected | StepUpRequired | CredentialsRejected | LockedOut | RateLimited | LoginTaken


class _Taken(Exception):
    """Somebody else has it: what was given up for it is kept."""


async def change(profile: Profile, viewer: Viewer, login: str, password: str, caller: Caller) -> LoginChanged | Refused:
    """Choose a login, by the password, and by a fresh code where the operator asks for one for contacts.

    A cabinet without a password takes any; there the fresh code is the proof.
    """
    flag = feature(profile, "auth.change_login")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator", ("login",))
    wanted = normalize_login(login)
    if wanted is None:
        return InputRejected(ACCEPTED, ("login",))
    if StepUpAction.CHANGE_CONTACT in profile.access.step_up_for and not viewer.stepped_up:
        return StepUpRequired()
    proof = await _prove(profile, viewer, password, caller)
    if not isinstance(proof, Proof):
        return proof

    async def replace(connection: BaseDBAsyncClient) -> LoginChanged | CredentialsRejected:
        if not await own_password.still_holds(connection, viewer, proof):
            return CredentialsRejected(message="The password was changed meanwhile", field=("password",))
        if wanted in [row["value"] for row in await connection.execute_query_dict(_MINE, [viewer.user_id])]:
            return LoginChanged(wanted)
        await _take(connection, profile, viewer, wanted)
        await audit.record(connection, viewer, "LOGIN_CHANGED")
        await notices.security(connection, profile, viewer.user_id, _CHANGED)
        return LoginChanged(wanted)

    key = f"login:{viewer.user_id}"
    tries, until = await tx(lambda connection: counter.count(connection, key, _DAY, MOST_TRIES_A_DAY))
    if tries > MOST_TRIES_A_DAY:
        return RateLimited(until, "Too many logins were tried; try again tomorrow")
    try:
        return await tx(replace)
    except _Taken:
        return LoginTaken()


async def _prove(
    profile: Profile, viewer: Viewer, password: str, caller: Caller
) -> Proof | CredentialsRejected | LockedOut | RateLimited | StepUpRequired:
    [row] = await tx(lambda connection: connection.execute_query_dict(_HAS_PASSWORD, [viewer.user_id]))
    if row["has_password"]:
        return await own_password.prove(profile, viewer, password, caller)
    return Proof() if viewer.stepped_up else StepUpRequired()


async def _take(connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, wanted: str) -> None:
    """Raises `_Taken` when the name means somebody already: by a login, or by the number of a contract."""
    await connection.execute_query(_GIVE_UP, [viewer.user_id])
    if await identifier.find(connection, profile, wanted) is not None:
        raise _Taken
    if not await connection.execute_query_dict(_TAKE, [viewer.operator, viewer.user_id, wanted]):
        raise _Taken
