"""The password once more, from somebody who is signed in, as proof for something that the session alone may not."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, lockout, passwords
from auth.lockout import Attempt
from auth.session import Viewer
from auth.sign_in import Caller
from domain.profile import Profile
from domain.refusals import CredentialsRejected, LockedOut, RateLimited
from models.database import tx

_STORED = "select case when not password_burnt then password_hash end as password_hash from app_user where id = $1"
_STILL = """
select 1 from app_user u join session s on s.user_id = u.id and s.id = $3 and s.revoked_at is null
where u.id = $1 and u.closed_at is null and ($2::text is null or u.password_hash = $2)
for update of u, s
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven: the password that was compared, or None where something else is the proof."""

    password_hash: str | None = None


async def prove(
    profile: Profile, viewer: Viewer, given: str, caller: Caller
) -> Proof | CredentialsRejected | LockedOut | RateLimited:
    """Compare the viewer's permanent password; guesses count as at the door."""
    name = identifier.canonical(viewer.login or f"user:{viewer.user_id}", profile)

    async def admit(connection: BaseDBAsyncClient) -> tuple[Attempt | LockedOut | RateLimited, str | None]:
        admitted = await lockout.admit(connection, profile, name, caller.address)
        [row] = await connection.execute_query_dict(_STORED, [viewer.user_id])
        return admitted, row["password_hash"]

    admitted, password_hash = await tx(admit)
    if not isinstance(admitted, Attempt):
        return admitted
    if not await passwords.verify(password_hash, given[: passwords.LONGEST]):
        return CredentialsRejected(admitted.left, "The password is wrong", ("password",))
    await tx(lambda connection: lockout.forget(connection, profile, name))
    return Proof(password_hash)


async def still_holds(connection: BaseDBAsyncClient, viewer: Viewer, proof: Proof) -> bool:
    """Take the user's row, and say whether what was proven is true of it and the session still lives.

    Of two that were proven at once, the first decides.
    """
    still = [viewer.user_id, proof.password_hash, viewer.session_id]
    return bool(await connection.execute_query_dict(_STILL, still))
