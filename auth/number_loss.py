"""A number that belongs to somebody else now opens nothing of its old user's (E24, E25)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices
from domain.profile import Profile
from domain.sign_in import LoginIdentifier
from domain.wording import Wording
from models import audit
from models.audit import TheUser
from models.notify import notify

_LOST = Wording("Number {number} belongs to somebody else now and does not open your account any more.")

_LOGINS = "delete from login where operator = $1 and kind = 'MSISDN' and value = $2 returning user_id"
_CONTACTS = "delete from contact where operator = $1 and kind = 'PHONE' and value = $2 returning user_id"
# Which of them came by the number is not kept: whoever has another way in takes it again.
_END = (
    "update session set revoked_at = now() where user_id = $1 and revoked_at is null",
    "update refresh_token set revoked_at = now() where user_id = $1 and revoked_at is null",
    "update challenge set expires_at = now() where user_id = $1 and expires_at > now() and consumed_at is null",
    # Sent to the number, or allowed to it.
    "update app_user set temporary_hmac = null, temporary_expires_at = null, network_auto_login = null where id = $1",
)
# What is left: another login, a proven address, a social account, or a password to a contract that goes on.
_OPEN = """
select exists (select from login where user_id = $1)
  or exists (select from contact where user_id = $1 and verified_at is not null)
  or exists (select from social_account where user_id = $1)
  or (u.password_hash is not null and $2 and exists (
    select from contract c where c.holder_id = u.person_id and c.status <> 'TERMINATED')) as has_way
from app_user u where u.id = $1 for no key update of u
"""
_FREEZE = "update app_user set frozen_at = now() where id = $1 and frozen_at is null"

_BY_CONTRACT = frozenset({LoginIdentifier.ACCOUNT_NUMBER, LoginIdentifier.CONTRACT_NUMBER})


async def detach(connection: BaseDBAsyncClient, profile: Profile, msisdn: str, user_id: int | None) -> None:
    """Take the number from whoever signs in or comes back by it, and from `user_id`, who used it, in the caller's
    transaction. A cabinet without another way in is frozen until the office opens it.
    """
    operator = profile.operator.id
    gone = [
        row["user_id"]
        for statement in (_LOGINS, _CONTACTS)
        for row in await connection.execute_query_dict(statement, [operator, msisdn])
    ]
    by_contract = not _BY_CONTRACT.isdisjoint(profile.auth.identifiers)
    for each in sorted({*gone, *([user_id] if user_id is not None else [])}):
        [user] = await connection.execute_query_dict(_OPEN, [each, by_contract])
        for statement in _END:
            await connection.execute_query(statement, [each])
        if not user["has_way"]:
            await connection.execute_query(_FREEZE, [each])
        action = "NUMBER_LOST" if user["has_way"] else "CABINET_FROZEN"
        await audit.record(connection, TheUser(operator, each), action, number=msisdn[-4:])
        await notify(connection, f"session:{each}")
        await notices.by_email(connection, profile, each, _LOST, number=f"***{msisdn[-4:]}")
