"""Links for guests (F054): making, listing and revoking them; looking through one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import AccessLevel, Scope
from domain.guest_grant import GuestGrantRejected
from domain.refusals import Forbidden, InputRejected, NotFound, RateLimited
from gateways.billing import Balance
from models.reader import Statement
from resolvers import confined
from resolvers.context import Context
from resolvers.errors import CallerError
from resolvers.usage_limit import key
from services import guest_grant
from services.guest_grant import GrantCreated, GrantRevoked, Guest

Refused = InputRejected | NotFound | Forbidden


@dataclass(frozen=True, slots=True)
class GuestGrant:
    """A link, as who made it and who uses its line see it; `url` is told once."""

    id: int
    line_id: int
    scopes: Sequence[Scope]
    created_at: datetime
    expires_at: datetime
    uses_left: int | None
    url: str | None = None


def _grant(*columns: Any) -> GuestGrant:
    grant_id, line_id, scopes, *rest = columns
    return GuestGrant(grant_id, line_id, [Scope(each) for each in scopes], *rest)


_MOST_LISTED = 100
_MINE = """
select g.id, g.line_id, g.scopes, g.created_at, g.expires_at, g.uses_left
from guest_grant g join line l on l.id = g.line_id join personal_account a on a.id = l.account_id
join contract c on c.id = a.contract_id
where (g.created_by_id = $1 or l.user_id = $1) and l.operator = $2
"""
_OPEN = Statement(f"{_MINE} and {guest_grant.WORKS} order by g.id desc limit {_MOST_LISTED}", _grant)
_ONE: Statement[GuestGrant | None] = Statement(f"{_MINE} and g.id = $3", _grant)


async def guest_grants(context: Context) -> list[GuestGrant]:
    """The links that work, which the viewer made or which lead to the viewer's lines; the newest first."""
    viewer = context.require_viewer()
    if viewer.access_level is not AccessLevel.FULL:
        return []
    return await context.reads.fetch(_OPEN, viewer.user_id, viewer.operator)


async def by_id(context: Context, grant_id: int) -> GuestGrant | None:
    """A link that the viewer may see."""
    viewer = context.viewer
    if viewer is None or viewer.access_level is not AccessLevel.FULL:
        return None
    return await context.reads.fetch_one(_ONE, viewer.user_id, viewer.operator, grant_id)


async def create(
    context: Context, line_id: str, scopes: Sequence[Scope], expires_at: datetime, max_uses: int | None
) -> GuestGrant | Refused:
    """Make a link; the answer is the only place that says what it is."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    line = key(line_id, "Line")
    outcome = await context.change(guest_grant.create(context.profile, viewer, line, scopes, expires_at, max_uses))
    if not isinstance(outcome, GrantCreated):
        return outcome
    found = await by_id(context, outcome.id)
    assert found is not None, "it was just made"
    url = f"{context.site}/pay/{outcome.token}"
    return GuestGrant(found.id, found.line_id, found.scopes, found.created_at, found.expires_at, found.uses_left, url)


async def revoke(context: Context, grant_id: str) -> GrantRevoked | Refused:
    """Let a link work no more."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    return await context.change(guest_grant.revoke(context.profile, viewer, key(grant_id, "GuestGrant")))


async def guest(context: Context, token: str) -> Guest | None:
    """What a link opens, for anybody who has it; None for one that does not work."""
    await context.reads.release()
    found = await guest_grant.find(context.profile, token, context.address)
    if isinstance(found, RateLimited):
        raise CallerError(found.message, found.code)
    return None if isinstance(found, GuestGrantRejected) else found


async def balance(context: Context, seen: Guest) -> Balance | None:
    """The money of the line's account, for a guest who may look at it."""
    if Scope.VIEW not in seen.scopes:
        return None
    return await context.loaders.balance_by_account_id.load(seen.account_id)
