"""Use, as the network tells it: from packages first, what they do not cover is overage; each event once (F056).

An event's name is kept as long as the operator keeps details (`reports.retention_days`, F094), and what is older is not
counted any more: so nothing is counted again because its name was forgotten. What was used on a day is kept for good.

What is locked: the limits of the line, then packages by id, then its share of a pool.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.child_policy import UseKind, Wish
from domain.package import NOTHING, Package, spend, usable
from domain.profile import Profile
from domain.refusals import InputRejected, NotFound
from domain.usage import ChargeType, PackageSource, UsageUnit
from domain.usage_limit import Use
from domain.usage_limit_refusals import LimitExceeded, OwnerToBeAsked
from models.database import tx
from models.pool import POOLED, TAKERS, remains_changed
from services import limit_alert, usage_limit

KINDS = {
    ChargeType.CALL: UseKind.CALL,
    ChargeType.SMS: UseKind.SMS,
    ChargeType.MMS: UseKind.SMS,
    ChargeType.INTERNET: UseKind.DATA,
}
"""What the network tells of; fees and payments are counted where they are charged."""


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """That something was used: `key` is the network's name of it, `scope` what it was within (`domain/package.py`),
    `number` the other side's.
    """

    key: str
    at: datetime
    kind: ChargeType
    unit: UsageUnit
    volume: Decimal
    scope: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """The event is counted: so much came from packages, so much from the household's pool, was free, was beyond."""

    from_packages: Decimal
    from_pool: Decimal
    free: Decimal
    beyond: Decimal


@dataclass(frozen=True, slots=True)
class UsedBefore:
    """The event was counted before."""


Refused = NotFound | InputRejected | LimitExceeded | OwnerToBeAsked

_AT_ONCE = 1_000
"""The most events that are forgotten in one transaction."""

_LINE = "select id from line where operator = $1 and coalesce(msisdn, service_point) = $2"
_KNOWN = """
select (at, type, unit, volume) = ($3::timestamptz, $4::text, $5::text, $6::numeric) as same from usage_event
where line_id = $1 and key = $2
"""
_NOTE = """
insert into usage_event (line_id, key, at, type, unit, volume) values ($1, $2, $3, $4, $5, $6)
on conflict (line_id, key) do nothing returning id
"""
_FORGET = """
delete from usage_event where id in (
  select e.id from usage_event e join line l on l.id = e.line_id
  where l.operator = $1 and e.at < $2 order by e.at limit $3 for update of e skip locked)
returning id
"""
_PACKAGES = """
select id, source, remaining as left, unlimited, scope, resets_at, expires_at from package_counter
where line_id = $1 and unit = $2 and (expires_at is null or expires_at > now()) order by id for no key update
"""
_TAKE = """
update package_counter p set remaining = p.remaining - t.volume, as_of = now()
from unnest($1::bigint[], $2::numeric[]) as t (id, volume) where p.id = t.id
"""
# Own packages among them are locked already, and empty.
_POOL = f"""
select p.id, p.line_id, p.source, p.remaining as left, p.unlimited, p.scope, p.resets_at, p.expires_at
from package_counter p
where p.id in (
  select o.id from pool_share s join ({TAKERS}) t on t.line_id = s.line_id and t.household_id = s.household_id
  join ({POOLED}) o on o.household_id = s.household_id where s.line_id = $1)
order by p.id for no key update
"""
_SHARE = "select id, cap, used, counted_until from pool_share where line_id = $1 for no key update"
_SHARED = "update pool_share set used = $2, counted_until = $3 where id = $1"
_COUNT = """
insert into usage_day (line_id, day, type, unit, volume, sum, overage) values ($1, $2, $3, $4, $5, 0, $6)
on conflict (line_id, day, type, unit) do update
  set volume = usage_day.volume + excluded.volume, overage = usage_day.overage + excluded.overage
"""


async def use(profile: Profile, address: str, event: UsageEvent) -> Used | UsedBefore | Refused:
    """Count an event of the line with that number, or service point, in a transaction of its own."""

    async def work(connection: BaseDBAsyncClient) -> Used | UsedBefore | Refused:
        rows = await connection.execute_query_dict(_LINE, [profile.operator.id, address])
        if not rows:
            return NotFound("There is no such line", ("line",))
        return await take(connection, profile, rows[0]["id"], event)

    return await tx(work)


async def take(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, event: UsageEvent
) -> Used | UsedBefore | Refused:
    """Count an event of a line, in the caller's transaction, where limits and policy let it happen (I14).

    What expires first is used first. What is free within its scope uses up nothing; what a tariff's packages do not
    cover is taken from the pool of the household, up to the line's share, and the rest is overage.
    """
    if event.at < _kept_since(profile):
        days = profile.reports.retention_days
        return InputRejected(f"What was used more than {days} days ago is not counted any more", ("at",))
    said = [line_id, event.key, event.at, event.kind, event.unit, event.volume]
    if known := await connection.execute_query_dict(_KNOWN, said):
        return _again(known[0])
    wish = Wish(KINDS[event.kind], Use(unit=event.unit, volume=event.volume), number=event.number)
    if (refused := await usage_limit.may_spend(connection, profile, line_id, wish)) is not None:
        return refused
    # Whoever else counts the same event is waited for here.
    if not await connection.execute_query_dict(_NOTE, said):
        return _again((await connection.execute_query_dict(_KNOWN, said))[0])
    rows = await connection.execute_query_dict(_PACKAGES, [line_id, event.unit])
    own = spend(usable(map(_package, rows), event.scope), event.volume)
    await _take(connection, own.taken)
    pooled = await _from_pool(connection, line_id, own.beyond) if event.unit is UsageUnit.BYTE else NOTHING
    beyond = own.beyond - pooled
    day = event.at.astimezone(profile.operator.zone).date()
    await connection.execute_query(_COUNT, [line_id, day, event.kind, event.unit, event.volume, beyond])
    if own.taken:
        await remains_changed(connection, [line_id])
    await limit_alert.look(connection, profile, line_id)
    return Used(sum(own.taken.values(), NOTHING), pooled, own.free, beyond)


async def forget(profiles: Mapping[str, Profile]) -> int:
    """Forget the names of events that are too old to be counted; gives how many there were."""
    done = 0
    for operator, profile in profiles.items():
        # Whoever counts one at this moment may have looked at the clock a while ago.
        until = _kept_since(profile) - timedelta(days=1)
        while (count := await tx(partial(_forget, [operator, until, _AT_ONCE]))) == _AT_ONCE:
            done += count
        done += count
    return done


async def _forget(told: list[object], connection: BaseDBAsyncClient) -> int:
    return len(await connection.execute_query_dict(_FORGET, told))


def _kept_since(profile: Profile) -> datetime:
    return datetime.now(UTC) - timedelta(days=profile.reports.retention_days)


async def _from_pool(connection: BaseDBAsyncClient, line_id: int, wanted: Decimal) -> Decimal:
    """Take what the line's share of its household's pool still lets it; gives how much that was."""
    if not wanted:
        return NOTHING
    rows = await connection.execute_query_dict(_POOL, [line_id])
    shares = await connection.execute_query_dict(_SHARE, [line_id]) if rows else []
    if not shares:
        return NOTHING
    [share] = shares
    until = min((row["resets_at"] for row in rows if row["resets_at"] is not None), default=None)
    used = share["used"] if share["counted_until"] == until else 0
    allowed = wanted if share["cap"] is None else min(wanted, Decimal(max(share["cap"] - used, 0)))
    spent = spend(usable(map(_package, rows), None), allowed)
    if not spent.taken:
        return NOTHING
    volume = sum(spent.taken.values(), NOTHING)
    await _take(connection, spent.taken)
    await connection.execute_query(_SHARED, [share["id"], used + int(volume), until])
    await remains_changed(connection, {line_id, *(row["line_id"] for row in rows if row["id"] in spent.taken)})
    return volume


async def _take(connection: BaseDBAsyncClient, taken: Mapping[int, Decimal]) -> None:
    if taken:
        await connection.execute_query(_TAKE, [list(taken), list(taken.values())])


def _again(known: Mapping[str, Any]) -> UsedBefore | InputRejected:
    return UsedBefore() if known["same"] else InputRejected("This id is another event's", ("id",))


def _package(row: Mapping[str, Any]) -> Package:
    told = {name: row[name] for name in ("id", "left", "unlimited", "scope", "resets_at", "expires_at")}
    return Package(source=PackageSource(row["source"]), **told)
