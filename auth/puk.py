"""First sign-in with the code on the starter kit (F008, E61)."""

from typing import NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import lockout, passwords
from auth.cabinet_end import NoEntry
from auth.lockout import Attempt
from auth.sign_in import Caller, SignedIn, disabled, let_in
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import CredentialsRejected, FeatureDisabled, LockedOut, MethodDisabled, RateLimited
from domain.sign_in import LoginMethod
from models.database import tx

# A PUK has eight digits; what is longer is not worth a hash.
_LONGEST = 16

_LINE = """
select u.id, l.puk1_hash, u.last_signed_in_at is null and u.password_hash is null as unused
from line l join app_user u on u.id = l.user_id where l.operator = $1 and l.msisdn = $2
"""


class _Kit(NamedTuple):
    user_id: int
    puk1_hash: str | None
    unused: bool


async def with_puk1(
    profile: Profile, typed: str, puk1: str, caller: Caller
) -> SignedIn | NoEntry | LockedOut | RateLimited | MethodDisabled | FeatureDisabled:
    """Enter a cabinet that nobody has entered yet, by number and PUK1; a password has to be set at once.

    Only whoever knows the PUK learns that it does not work any more: everybody else is told that something is wrong.
    """
    if refused := disabled(profile, LoginMethod.PUK1):
        return refused
    msisdn = normalize(typed, profile) or ""
    name = f"puk1:{msisdn}"

    async def admit(connection: BaseDBAsyncClient) -> tuple[Attempt | LockedOut | RateLimited, _Kit | None]:
        admitted = await lockout.admit(connection, profile, name, caller.address)
        rows = await connection.execute_query_dict(_LINE, [profile.operator.id, msisdn])
        kit = _Kit(rows[0]["id"], rows[0]["puk1_hash"], rows[0]["unused"]) if rows else None
        return admitted, kit

    admitted, kit = await tx(admit)
    right = await passwords.verify(kit.puk1_hash if kit else None, puk1[:_LONGEST])
    if not isinstance(admitted, Attempt):
        return admitted
    if kit is None or not right:
        return CredentialsRejected(admitted.left, "The number or the PUK1 is wrong")
    user_id = kit.user_id

    async def enter(connection: BaseDBAsyncClient) -> SignedIn | NoEntry | MethodDisabled:
        # Asked again under the row's lock: of two at once, one is the first.
        first = await connection.execute_query_dict(
            "update app_user set must_change_password = true"
            " where id = $1 and last_signed_in_at is null and password_hash is null returning id",
            [user_id],
        )
        if not first:
            return MethodDisabled("PUK1 works for the first sign-in only; ask for a password instead")
        await lockout.forget(connection, profile, name)
        return await let_in(connection, profile, user_id, LoginMethod.PUK1, caller)

    return await tx(enter)
