"""The sessions of a user: seen, ended from afar, and kept going by a remembered device (F023, F027)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.cabinet_end import NoEntry
from auth.session import ENDS_AT, HOLD_USER, Entry, Viewer, new_token, open_session, token_hash
from domain.access import AccessLevel
from domain.channel import Channel
from domain.features import feature
from domain.profile import Profile
from domain.refusals import CredentialsRejected, FeatureDisabled, NotFound
from domain.sign_in import LoginMethod
from models import audit
from models.database import tx
from models.notify import notify
from models.reader import Reader, Statement


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its user sees it."""

    id: int
    current: bool
    channel: Channel
    device: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    access_level: AccessLevel


@dataclass(frozen=True, slots=True)
class Remembered:
    """A device that may come back: its new token, told this once, and the session that came of it."""

    refresh_token: str
    token: str


def _session(
    session_id: int,
    current: bool,
    channel: str,
    device: str | None,
    created_at: datetime,
    last_seen_at: datetime,
    expires_at: datetime,
    access_level: str,
) -> Session:
    return Session(
        id=session_id,
        current=current,
        channel=Channel(channel),
        device=device,
        created_at=created_at,
        last_seen_at=last_seen_at,
        expires_at=expires_at,
        access_level=AccessLevel(access_level),
    )


_SESSIONS = Statement(
    f"""
select s.id, s.id = $2, s.channel, s.device, s.created_at, s.last_seen_at,
  {ENDS_AT}, s.access_level
from session s
where s.user_id = $1 and s.revoked_at is null
  and now() < {ENDS_AT}
order by s.id = $2 desc, s.last_seen_at desc, s.id
""",
    _session,
)

# A remembered device comes to an end with the session that it opened.
_REVOKE = """
with ended as (
  update session set revoked_at = now()
  where user_id = $2 and revoked_at is null
    and (id = $1 or family = (select family from session where id = $1 and user_id = $2))
  returning family
)
update refresh_token set revoked_at = now()
where family in (select family from ended where family is not null) and revoked_at is null
"""
_IS_MINE = "select 1 from session where id = $1 and user_id = $2 and revoked_at is null"

_REMEMBER = """
insert into refresh_token (user_id, operator, family, token_hash, device, created_at, expires_at)
values ($1, $2, $3, $4, $5, now(), now() + make_interval(days => $6))
"""
_USE = """
update refresh_token set used_at = now()
where token_hash = $1 and operator = $2 and used_at is null and revoked_at is null and expires_at > now()
returning user_id, family
"""
_HOLD_USER = """
select 1 from app_user where id = (select user_id from refresh_token where token_hash = $1 and operator = $2)
for no key update
"""
_REUSED = "select user_id, family from refresh_token where token_hash = $1 and operator = $2 and used_at is not null"
_END_FAMILY = (
    "update refresh_token set revoked_at = now() where family = $1 and revoked_at is null",
    "update session set revoked_at = now() where family = $1 and revoked_at is null",
)


async def sessions(reads: Reader, profile: Profile, viewer: Viewer) -> list[Session]:
    """The live sessions of the viewer: this one first, then the last used."""
    idle = float(profile.session.idle_timeout_seconds)
    return await reads.fetch(_SESSIONS, viewer.user_id, viewer.session_id, idle)


async def revoke(viewer: Viewer, session_id: int | None) -> NotFound | None:
    """End one of the viewer's sessions: the next request of any worker is refused (F027)."""

    async def end(connection: BaseDBAsyncClient) -> NotFound | None:
        await connection.execute_query(HOLD_USER, [viewer.user_id])
        if session_id is None or not await connection.execute_query_dict(_IS_MINE, [session_id, viewer.user_id]):
            return NotFound("There is no such session", ("sessionId",))
        await connection.execute_query(_REVOKE, [session_id, viewer.user_id])
        await audit.record(connection, viewer, "SESSION_REVOKED")
        await notify(connection, f"session:{viewer.user_id}")
        return None

    return await tx(end)


def not_remembered(profile: Profile) -> FeatureDisabled | None:
    """Why devices are not remembered here; None when they are."""
    flag = feature(profile, "auth.remember_device")
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")


async def remember(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int, family: UUID, device: str | None
) -> str:
    """A new token for a remembered device, in the caller's transaction; told this once."""
    token = new_token()
    days = profile.session.app_refresh_days
    await connection.execute_query(
        _REMEMBER, [user_id, profile.operator.id, family, token_hash(token), device[:200] if device else None, days]
    )
    return token


async def refresh(profile: Profile, token: str, device: str | None) -> Remembered | NoEntry | FeatureDisabled:
    """A session for a remembered device, and the token for the next time.

    Each token works once. One that comes again was stolen, or its answer was lost: nobody can tell, so all that
    came of it ends, and the device signs in anew.
    """
    if refused := not_remembered(profile):
        return refused
    operator = profile.operator.id

    async def use(connection: BaseDBAsyncClient) -> Remembered | NoEntry:
        # A change of the password waits for us, or we for it: what it ends must not come to life here.
        await connection.execute_query(_HOLD_USER, [token_hash(token), operator])
        used = await connection.execute_query_dict(_USE, [token_hash(token), operator])
        if not used:
            await _end_reused(connection, operator, token)
            return CredentialsRejected(message="The device is not remembered any more; sign in again")
        user_id, family = used[0]["user_id"], used[0]["family"]
        entry = Entry(LoginMethod.PASSWORD, device, channel=Channel.APP, family=family)
        opened = await open_session(connection, profile, user_id, entry)
        if not isinstance(opened, str):
            return opened
        return Remembered(refresh_token=await remember(connection, profile, user_id, family, device), token=opened)

    return await tx(use)


async def _end_reused(connection: BaseDBAsyncClient, operator: str, token: str) -> None:
    for row in await connection.execute_query_dict(_REUSED, [token_hash(token), operator]):
        for statement in _END_FAMILY:
            await connection.execute_query(statement, [row["family"]])
        await audit.record(connection, audit.TheUser(operator, row["user_id"]), "DEVICE_TOKEN_REUSED")
        await notify(connection, f"session:{row['user_id']}")


def new_family() -> UUID:
    """What all tokens of one remembered device have in common."""
    return uuid4()
