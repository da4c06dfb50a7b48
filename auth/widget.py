"""Tokens for home-screen widgets (N13, F060): each looks at one line, for long, and does nothing else."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import own_password
from auth.own_password import Proof
from auth.session import Viewer, Widget, new_token, token_hash
from auth.sessions import Session
from domain.access import AccessLevel
from domain.channel import Channel
from domain.profile import Profile
from domain.refusals import Forbidden, RateLimited
from models import audit, counter
from models.audit import TheUser
from models.database import tx
from models.notify import notify

MOST_A_DAY = 10
_DAY = 86_400
# Where devices are not remembered, the profile does not say how long one is.
_DAYS_UNSAID = 365

_OPEN = """
insert into session
  (user_id, operator, token_hash, access_level, channel, line_id, device, created_at, last_seen_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, now(), now(), now() + make_interval(days => $8))
returning id, created_at, last_seen_at, expires_at
"""
_END = "update session set revoked_at = now() where id = $1 and revoked_at is null returning id"


@dataclass(frozen=True, slots=True)
class WidgetTokenCreated:
    """The token, told this once, and the session that its user can end."""

    token: str
    session: Session


async def create(
    profile: Profile, viewer: Viewer, line_id: int, device: str | None
) -> WidgetTokenCreated | RateLimited | Forbidden:
    """A token that looks at a line of the viewer's, which the caller has seen to."""
    token = new_token()
    days = profile.session.app_refresh_days if profile.auth.remember_device else _DAYS_UNSAID
    name = device[:200] if device else None

    async def open_(connection: BaseDBAsyncClient) -> WidgetTokenCreated | RateLimited | Forbidden:
        # Nobody who was thrown out a moment ago goes on looking for a year.
        if not await own_password.still_holds(connection, viewer, Proof()):
            return Forbidden("The session has ended; sign in again")
        made, until = await counter.count(connection, f"widget:{viewer.user_id}", _DAY, MOST_A_DAY)
        if made > MOST_A_DAY:
            return RateLimited(until, "Too many widgets were made; try again tomorrow")
        owner = [viewer.user_id, viewer.operator, token_hash(token)]
        shown = [AccessLevel.PARTIAL, Channel.WIDGET, line_id, name, days]
        [row] = await connection.execute_query_dict(_OPEN, [*owner, *shown])
        await audit.record(connection, viewer, "WIDGET_TOKEN_CREATED", device=name)
        session = Session(**row, current=False, channel=Channel.WIDGET, device=name, access_level=AccessLevel.PARTIAL)
        return WidgetTokenCreated(token, session)

    return await tx(open_)


async def end(widget: Widget) -> None:
    """End a widget's session: it signed out, or its line is not its owner's to see any more."""

    async def revoke(connection: BaseDBAsyncClient) -> None:
        if await connection.execute_query_dict(_END, [widget.session_id]):
            await notify(connection, f"session:{widget.owner_id}")
            await audit.record(connection, TheUser(widget.operator, widget.owner_id), "WIDGET_TOKEN_ENDED")

    await tx(revoke)
