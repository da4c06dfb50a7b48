"""What stands before a change that a thief with a new SIM would make: new links, autopay, gifts, limits (E13, E30)."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from domain.sim import CooldownActive, cooldown
from gateways.sim_registry import RegistryUnavailable, SimRegistry
from models.database import tx
from services import sim_watch

# Those that are meant, those that the account pays for, and those that the user holds: any of them may be stolen.
_LINES = """
select l.id from line l
where l.msisdn is not null and (l.id = any($1::bigint[]) or l.account_id = any($2::bigint[]) or l.user_id = $3)
"""
_CHANGED = f"select max(sim_changed_at) as at from line where id in ({_LINES})"

_log = structlog.get_logger()


async def refresh(
    registry: SimRegistry,
    profile: Profile,
    *,
    user_id: int | None = None,
    lines: Collection[int] = (),
    accounts: Collection[int] = (),
) -> None:
    """Ask the registry about the SIMs behind these, before the transaction that depends on them, and act on its news.

    A registry that does not answer holds nobody up: what is known then is what counts.
    """
    concerned = [list(lines), list(accounts), user_id]
    found = await tx(lambda connection: connection.execute_query_dict(_LINES, concerned))
    profiles: Mapping[str, Profile] = {profile.operator.id: profile}
    try:
        await sim_watch.ask_about(registry, profiles, [row["id"] for row in found])
    except RegistryUnavailable as silence:
        _log.warning("the SIM registry is silent", error=str(silence))


async def cooling(
    connection: BaseDBAsyncClient,
    profile: Profile,
    *,
    user_id: int | None = None,
    lines: Collection[int] = (),
    accounts: Collection[int] = (),
) -> CooldownActive | None:
    """Whether one of the SIMs behind these is too new for such a change, as the caller's transaction sees it."""
    [row] = await connection.execute_query_dict(_CHANGED, [list(lines), list(accounts), user_id])
    return cooldown(profile, row["at"], datetime.now(UTC))
