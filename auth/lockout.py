"""How often something may be guessed (SPEC 4.7). Counted before it is compared, for known and unknown alike.

The key is what was typed, never whether it exists: a lock tells nobody anything, and it locks the password only;
the way in by SMS stays open, so nobody can lock a stranger out (E56).
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from domain.refusals import LockedOut, RateLimited
from models import counter

_DAY = 86_400
_HOUR = 3600
# Different identifiers from one network in an hour: more are a spray, not a family (SPEC 4.7, E55).
SPRAY_IDENTIFIERS = 50

_LOCKED = "select ends_at from counter where key = $1 and ends_at > now()"
_LOCK = """
insert into counter (key, count, started_at, ends_at) values ($1, 1, now(), now() + make_interval(secs => $2))
on conflict (key) do update set started_at = now(), ends_at = excluded.ends_at returning ends_at
"""
# The count ends with the lock, not before it: a guess that is on its way must not find a fresh one.
_END_COUNT = "update counter set ends_at = $2 where key = $1"
_FORGET = "delete from counter where key = any($1::text[])"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A guess that may be made; `left` is how many more there are after it."""

    identifier: str
    left: int


async def admit(
    connection: BaseDBAsyncClient, profile: Profile, identifier: str, address: str | None
) -> Attempt | LockedOut | RateLimited:
    """Count one guess at `identifier`, before anything is compared; the last one allowed locks those after it."""
    operator = profile.operator.id
    if (until := await _sprayed(connection, operator, identifier, address)) is not None:
        return RateLimited(until, "Too many different numbers from one network")
    locked = await connection.execute_query_dict(_LOCKED, [_lock_key(operator, identifier)])
    if locked:
        return LockedOut(locked[0]["ends_at"])
    most = profile.auth.lockout.max_failed_passwords
    count, _ = await counter.count(connection, _fail_key(operator, identifier), _DAY)
    # Guesses that run beside the last allowed one are over the limit before it has locked.
    if count > most:
        return LockedOut(await lock(connection, profile, identifier))
    return Attempt(identifier, most - count)


async def lock(connection: BaseDBAsyncClient, profile: Profile, identifier: str) -> datetime:
    """Lock the password of an identifier; gives until when."""
    operator = profile.operator.id
    duration = float(profile.auth.lockout.duration_seconds)
    [row] = await connection.execute_query_dict(_LOCK, [_lock_key(operator, identifier), duration])
    until: datetime = row["ends_at"]
    await connection.execute_query(_END_COUNT, [_fail_key(operator, identifier), until])
    return until


async def forget(connection: BaseDBAsyncClient, profile: Profile, *identifiers: str) -> None:
    """The right password, or a new one, ends the count and the lock."""
    operator = profile.operator.id
    keys = [key(operator, identifier) for identifier in identifiers for key in (_fail_key, _lock_key)]
    await connection.execute_query(_FORGET, [keys])


async def _sprayed(
    connection: BaseDBAsyncClient, operator: str, identifier: str, address: str | None
) -> datetime | None:
    """Until when the caller's network may try no identifier that is new to it."""
    network = network_of(address)
    if network is None:
        return None
    tried = f"tried:{network}:{operator}:{identifier}"
    again, _ = await counter.count(connection, tried, _HOUR)
    if again > 1:
        return None
    count, ends_at = await counter.count(connection, f"spray:{network}", _HOUR, SPRAY_IDENTIFIERS, shared=True)
    if count <= SPRAY_IDENTIFIERS:
        return None
    # What was refused was not tried: asking again must not make it an old acquaintance.
    await connection.execute_query(_FORGET, [[tried]])
    return ends_at


def network_of(address: str | None) -> str | None:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; None for this machine and for what is no address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return None
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def _fail_key(operator: str, identifier: str) -> str:
    return f"fail:{operator}:{identifier}"


def _lock_key(operator: str, identifier: str) -> str:
    return f"lock:{operator}:{identifier}"
