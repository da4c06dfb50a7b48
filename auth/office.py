"""Credentials from the office and from the installer (F012): a password that is printed, not sent."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, password_change, passwords
from auth.temporary_password import invent
from domain.profile import Profile
from models.audit import TheUser
from models.database import tx

_NO_SESSION = 0
# Whoever stands in the office has shown who they are (E25).
_OPEN_AGAIN = "update app_user set frozen_at = null where id = $1"


async def issue(profile: Profile, login: str) -> str | None:
    """A new permanent password for whom `login` names, ending all their sessions; None when it names nobody."""
    password = invent()
    password_hash = await passwords.make(password)

    async def replace(connection: BaseDBAsyncClient) -> bool:
        known = await identifier.find(connection, profile, login)
        if known is None:
            return False
        names = (identifier.canonical(login, profile), known.msisdn or "")
        user = TheUser(profile.operator.id, known.user_id)
        await connection.execute_query(_OPEN_AGAIN, [known.user_id])
        await password_change.put(connection, profile, user, _NO_SESSION, password_hash, *names)
        return True

    return password if await tx(replace) else None
