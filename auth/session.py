"""Sessions: opaque random tokens that PostgreSQL knows by their hash (F024, F025, F029)."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient

from auth import cabinet_end, notices
from auth.cabinet_end import NoEntry
from domain.access import NOBODY, AccessLevel, holds_keys
from domain.channel import Channel
from domain.language import Language
from domain.profile import Profile
from domain.recovery import open_channels
from domain.sign_in import LoginMethod, RecoveryChannel
from domain.staff import Staff
from domain.wording import Wording
from models import audit
from models.database import tx
from models.notify import notify
from models.reader import Reader, Statement

_TOKEN_BYTES = 32
_LONGEST_DEVICE = 200
# How long a proof by a fresh code holds (DESIGN 4).
_STEP_UP_MINUTES = 10
# Activity is written at most this often; a pause of idle_timeout is measured that exactly.
_TOUCH_SECONDS = 5

_NEW_SIM_USED = Wording(
    "Somebody signed in with the new SIM card of your number. If it was not you, block the number at once."
)
_NEW_DEVICE = Wording("A new device signed in to your account.")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is calling: a user of one operator, in one session."""

    user_id: int
    session_id: int
    operator: str
    access_level: AccessLevel
    display_name: str
    language: Language
    must_change_password: bool
    user_created_at: datetime
    login: str | None
    session_created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    device: str | None
    channel: Channel
    stepped_up: bool
    custom_login: str | None
    recovery_channels: tuple[RecoveryChannel, ...]
    staff: Staff | None

    @property
    def holds_keys(self) -> bool:
        """Whether this session may touch the ways into the cabinet."""
        return holds_keys(self.access_level, by_staff=self.staff is not None)

    @property
    def id(self) -> int:
        """The viewer is one for each user."""
        return self.user_id

    @property
    def initiator(self) -> str:
        """Who asks for a code: it counts in the session that asked for it only (I10)."""
        return f"session:{self.session_id}"


@dataclass(frozen=True, slots=True)
class Widget:
    """A home-screen widget: it looks at one line for its owner, and is no viewer, so nothing else is open to it (N13).

    To every field that asks whose something is, it is nobody.
    """

    session_id: int
    operator: str
    owner_id: int
    line_id: int
    user_id: ClassVar[int] = NOBODY
    access_level: ClassVar[AccessLevel] = AccessLevel.PARTIAL
    stepped_up: ClassVar[bool] = False

    @property
    def id(self) -> int:
        """The viewer is one for each user, whatever looks on their behalf."""
        return self.owner_id


class Expired:
    """The token was a session's once: the caller has to sign in again."""


class _SessionRow(NamedTuple):
    session_id: int
    user_id: int
    access_level: str
    display_name: str
    language: str
    must_change_password: bool
    user_created_at: datetime
    login: str | None
    session_created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    device: str | None
    channel: str
    stepped_up: bool
    live: bool
    custom_login: str | None
    recovery_channels: list[str]
    line_id: int | None
    staff: str | None
    staff_reason: str | None
    staff_ticket: str | None


# When a session ends unless something is asked before; a widget may be silent for as long as it lives. The clock is the
# database's: every worker agrees on who is idle. $2 is the operator, $3 its idle limit in seconds.
ENDS_AT = """
case when s.line_id is null then least(s.expires_at, s.last_seen_at + make_interval(secs => $3)) else s.expires_at end
"""
_FOUND = f"select s.*, {ENDS_AT} as ends_at from session s where s.operator = $2"
_VIEWER = f"""
select f.id, u.id, f.access_level, u.display_name, u.language, u.must_change_password, u.created_at,
  (select value from login l where l.user_id = u.id order by l.kind = 'MSISDN' desc, l.id limit 1),
  f.created_at, f.last_seen_at, f.ends_at, f.device, f.channel,
  coalesce(f.stepped_up_at > now() - interval '{_STEP_UP_MINUTES} minutes', false),
  f.revoked_at is null and now() < f.ends_at and u.closed_at is null,
  (select value from login l where l.user_id = u.id and l.kind = 'CUSTOM_LOGIN' order by l.id limit 1),
  u.recovery_channels, f.line_id, f.staff, f.staff_reason, f.staff_ticket
from found f join app_user u on u.id = f.user_id
"""

# Activity is noted by the same statement, when there is any to note: whoever else is writing the row has seen it
# too, so nobody waits.
_SESSION = Statement(
    f"""
with found as ({_FOUND} and s.token_hash = $1),
touched as (
  update session set last_seen_at = now() where id in (
    select s.id from session s join found f using (id)
    where f.revoked_at is null and now() < f.ends_at
      and f.last_seen_at < now() - interval '{_TOUCH_SECONDS} seconds'
    for update of s skip locked)
)
{_VIEWER}
""",
    _SessionRow,
)
_STILL = Statement(f"with found as ({_FOUND} and s.id = $1) {_VIEWER}", _SessionRow)

_ENDED = f"""
select asked.id
from unnest($1::bigint[], $2::float[]) as asked (id, idle) left join session s using (id)
where s.id is null or s.revoked_at is not null
  or now() >= {ENDS_AT.replace("$3", "asked.idle")}
"""

_OPEN = """
insert into session
  (user_id, operator, token_hash, access_level, device, channel, family, created_at, last_seen_at, expires_at,
   stepped_up_at)
values ($1, $2, $3, $4, $5, $6, $7, now(), now(), now() + make_interval(hours => $8), case when $9 then now() end)
"""

# Whoever is coming in at this moment has the user's row: they are waited for, and ended too.
HOLD_USER = "select 1 from app_user where id = $1 for no key update"

# A remembered device ends with the session that is signed out: nobody comes back with it.
_END_DEVICES = """
update refresh_token set revoked_at = now()
where user_id = $1 and revoked_at is null and ($3 or family = (select family from session where id = $2))
"""
_SIGNED_IN = "update app_user set last_signed_in_at = now() where id = $1"
# What whoever has the SIM comes in by.
_BY_SIM = frozenset(
    {LoginMethod.SMS_CODE, LoginMethod.NETWORK_AUTO, LoginMethod.USSD_PASSWORD, LoginMethod.INBOUND_SMS_PASSWORD}
)
_KNOWN_DEVICE = """
select coalesce(bool_or(device is not distinct from $2), false) as known, count(*) > 0 as signed_in_before
from session where user_id = $1 and staff is null and line_id is null
"""
# Whoever has a new SIM may have stolen the number, and so may whoever got a password by it since (E14).
_NEW_SIM = """
select s.at is not null and ($3 or exists (
  select from audit_event e where e.user_id = $1 and e.at > s.at
    and e.action in ('PASSWORD_CHANGED', 'TEMPORARY_PASSWORD_SENT'))) as by_new_sim
from (
  select max(l.sim_changed_at) as at from login g join line l on l.operator = g.operator and l.msisdn = g.value
  where g.user_id = $1 and g.kind = 'MSISDN' and l.sim_changed_at > now() - make_interval(hours => $2)) s
"""


async def authenticate(reader: Reader, profile: Profile, token: str) -> Viewer | Widget | Expired | None:
    """The viewer of a token: None when it never was a session of this operator, `Expired` when it was.

    A widget's token gives no viewer, but a `Widget`.

    Counts as activity for the idle limit.
    """
    idle = float(profile.session.idle_timeout_seconds)
    row = await reader.fetch_one(_SESSION, token_hash(token), profile.operator.id, idle)
    return None if row is None else _caller(profile, row)


async def still(reader: Reader, profile: Profile, viewer: Viewer) -> Viewer | Widget | Expired:
    """The viewer as of now, or `Expired`; looking at an event of a subscription is no activity (DESIGN 4)."""
    idle = float(profile.session.idle_timeout_seconds)
    row = await reader.fetch_one(_STILL, viewer.session_id, profile.operator.id, idle)
    return Expired() if row is None else _caller(profile, row)


async def ended(connection: "asyncpg.Connection[asyncpg.Record]", sessions: Mapping[int, float]) -> set[int]:
    """Which of these sessions have ended, by whatever way; each comes with its idle limit in seconds."""
    rows = await connection.fetch(_ENDED, list(sessions), list(sessions.values()))
    return {row["id"] for row in rows}


def _caller(profile: Profile, row: _SessionRow) -> Viewer | Widget | Expired:
    if not row.live:
        return Expired()
    if row.line_id is not None:
        return Widget(row.session_id, profile.operator.id, row.user_id, row.line_id)
    staff = Staff(row.staff, row.staff_reason or "", row.staff_ticket or "") if row.staff is not None else None
    return Viewer(
        user_id=row.user_id,
        session_id=row.session_id,
        operator=profile.operator.id,
        access_level=AccessLevel(row.access_level),
        display_name=row.display_name,
        language=Language(row.language),
        # An employee who helps somebody with a temporary password neither has nor changes it.
        must_change_password=row.must_change_password and staff is None,
        user_created_at=row.user_created_at,
        login=row.login,
        session_created_at=row.session_created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        device=row.device,
        channel=Channel(row.channel),
        stepped_up=row.stepped_up,
        custom_login=row.custom_login,
        recovery_channels=open_channels(row.recovery_channels, profile.auth.recovery_channels),
        staff=staff,
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody came in: what a session remembers of it, and what the audit tells."""

    method: LoginMethod
    device: str | None
    channel: Channel = Channel.SITE
    access_level: AccessLevel = AccessLevel.FULL
    family: UUID | None = None

    @property
    def is_fresh_code(self) -> bool:
        """A code that was just sent proves as much as a step-up (DESIGN 4)."""
        return self.method is LoginMethod.SMS_CODE


async def open_session(connection: BaseDBAsyncClient, profile: Profile, user_id: int, entry: Entry) -> str | NoEntry:
    """Open a session in the caller's transaction; gives the token, which is told once and never stored.

    Every way in comes through here: a cabinet that was closed, or whose contracts have ended, opens to none of them.
    It is an event of the user's audit log, and a device that was never seen before is announced by SMS.
    """
    if refused := await cabinet_end.refuses(connection, profile, user_id):
        return refused
    hours = profile.linking.sim_change_cooldown_hours
    [sim] = await connection.execute_query_dict(_NEW_SIM, [user_id, hours, entry.method in _BY_SIM])
    level = AccessLevel.PARTIAL if sim["by_new_sim"] else entry.access_level
    token = new_token()
    device = entry.device[:_LONGEST_DEVICE] if entry.device else None
    [known] = await connection.execute_query_dict(_KNOWN_DEVICE, [user_id, device])
    await connection.execute_query(
        _OPEN,
        [
            user_id,
            profile.operator.id,
            token_hash(token),
            level,
            device,
            entry.channel,
            entry.family,
            profile.session.absolute_lifetime_hours,
            entry.is_fresh_code and not sim["by_new_sim"],
        ],
    )
    await connection.execute_query(_SIGNED_IN, [user_id])
    await audit.record(
        connection,
        audit.TheUser(profile.operator.id, user_id),
        "SIGNED_IN",
        method=entry.method,
        device=device,
        level=level,
    )
    if sim["by_new_sim"]:
        await notices.by_email(connection, profile, user_id, _NEW_SIM_USED)
    if known["signed_in_before"] and not known["known"]:
        await notices.security(connection, profile, user_id, _NEW_DEVICE)
    return token


def new_token() -> str:
    """256 random bits, as text."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> str:
    """What the database knows a token by."""
    return hashlib.sha256(token.encode()).hexdigest()


async def sign_out(viewer: Viewer, *, everywhere: bool) -> None:
    """End this session, or all of the user's: the next request of any worker is refused (F025)."""

    async def revoke(connection: BaseDBAsyncClient) -> None:
        await connection.execute_query(HOLD_USER, [viewer.user_id])
        await connection.execute_query(
            "update session set revoked_at = now() where user_id = $1 and (id = $2 or $3) and revoked_at is null",
            [viewer.user_id, viewer.session_id, everywhere],
        )
        await audit.record(connection, viewer, "SIGNED_OUT", everywhere="yes" if everywhere else None)
        await connection.execute_query(_END_DEVICES, [viewer.user_id, viewer.session_id, everywhere])
        await notify(connection, f"session:{viewer.user_id}")

    await tx(revoke)
