"""Credentials from the office and from the installer (F012): a password that is printed, not sent."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, lockout, passwords
from auth.temporary_password import invent
from domain.profile import Profile
from models import audit
from models.database import tx

_SET = """
update app_user set password_hash = $2, must_change_password = false, password_burnt = false,
  temporary_hmac = null, temporary_expires_at = null
where id = $1
"""
_END_SESSIONS = (
    "update session set revoked_at = now() where user_id = $1 and revoked_at is null",
    "update refresh_token set revoked_at = now() where user_id = $1 and revoked_at is null",
)


async def issue(profile: Profile, login: str) -> str | None:
    """A new permanent password for whom `login` names, ending all their sessions; None when it names nobody."""
    password = invent()
    password_hash = await passwords.make(password)

    async def replace(connection: BaseDBAsyncClient) -> bool:
        known = await identifier.find(connection, profile, login)
        if known is None:
            return False
        await connection.execute_query(_SET, [known.user_id, password_hash])
        for statement in _END_SESSIONS:
            await connection.execute_query(statement, [known.user_id])
        await lockout.forget(connection, profile, identifier.canonical(login, profile), known.msisdn or "")
        await audit.record(connection, profile.operator.id, known.user_id, "PASSWORD_FROM_OFFICE")
        return True

    return password if await tx(replace) else None
