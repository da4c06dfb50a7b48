"""`hearth doctor`: is all that this server needs there, and well? Nothing is changed by looking."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import asyncpg

from domain.profile import Profile
from models.database import credentials
from models.migrate import shipped
from server.database import attached, check
from server.doctor_gateways import gateways, social_networks
from server.failure import StartFailure
from server.findings import Finding, State
from server.operators import served_operators
from server.settings import Settings

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


_WAITS_SECONDS = 60
_STUCK_SECONDS = 600
_TRIED_OFTEN = 5
_SKEW_SECONDS = 1.0
_LARGEST_SKEW_SECONDS = 5.0
# `hearth ledger verify` proves all of it; this looks at the newest.
_SAMPLE = 1000
# Beside its two pools a process has connections to listen and to deliver by.
_OTHER_CONNECTIONS = 5
_OPEN_HOSTS = ("0.0.0.0", "::")  # noqa: S104 - to be told apart, not listened on

_SAMPLED = f"""
with newest as materialized (select id from ledger_transfer order by id desc limit {_SAMPLE}),
touched as materialized (select distinct e.account_id from ledger_entry e join newest n on n.id = e.transfer_id)
select (select count(*) from newest), (select count(*) from touched),
  (select count(*) from (
    select from ledger_entry e join newest n on n.id = e.transfer_id group by n.id having sum(e.amount) <> 0) unequal),
  (select count(*) from touched t join ledger_account a on a.id = t.account_id
   where a.account_id is not null and (a.balance - a.reserved < a.floor or a.balance is distinct from
     (select sum(amount)::bigint from ledger_entry e where e.account_id = a.id)))
"""
_OUTBOX = """
select count(*) filter (where done_at is null and run_at <= now()),
  coalesce(extract(epoch from now() - min(run_at) filter (where done_at is null and run_at <= now())), 0)::float8,
  count(*) filter (where done_at is null and attempts >= $1),
  count(*) filter (where delivery = 'FAILED' and done_at > now() - interval '1 day')
from outbox
"""
_APPLIED = "select name from tortoise_migrations"
_SOLD = "select operator, count(*) from tariff group by operator"
_ROOM = """
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""


def report(settings: Settings, *, as_json: bool) -> None:
    """Print a line for each check. Raises StartFailure where there is a problem."""
    findings = examine(settings)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        print(*findings, sep="\n")
    if problems := [finding for finding in findings if finding.state is State.PROBLEM]:
        raise StartFailure(f"{len(problems)} of {len(findings)} checks found a problem")


def examine(settings: Settings) -> list[Finding]:
    """Look at everything, as far as it can be reached."""
    findings = [*_configuration(settings), *gateways(settings)]
    try:
        profiles = served_operators(settings)
        findings.append(Finding("operators", State.OK, ", ".join(profiles)))
        findings += social_networks(settings, profiles)
        with attached(settings) as (ready, _):
            findings += asyncio.run(_database(ready, profiles))
    except StartFailure as failure:
        findings += [Finding("start", State.PROBLEM, line) for line in failure.lines]
    return findings


def _configuration(settings: Settings) -> Iterator[Finding]:
    if settings.development:
        found = "this is a development server, which shows every SMS to anybody"
        yield Finding("environment", State.WARNING, found, "set HEARTH_ENV=production where people use it")
    else:
        yield Finding("environment", State.OK, "production")
    # A missing or a weak one has kept the settings from being read.
    yield Finding("secret", State.OK, f"{len(settings.secret.get_secret_value())} characters")
    plain = [origin for origin in settings.allowed_origins if origin.startswith("http://")]
    if plain and not settings.development:
        found = f"{', '.join(plain)} may call with cookies, unencrypted"
        yield Finding("origins", State.PROBLEM, found, "name https:// origins in HEARTH_ALLOWED_ORIGINS")
    else:
        yield Finding("origins", State.OK, ", ".join(settings.allowed_origins) or "pages of this host only")
    yield _proxies(settings)
    if not settings.site_url and not settings.development:
        yield Finding("site", State.WARNING, "links in mails lead nowhere", "set HEARTH_SITE_URL")
    if settings.introspection and not settings.development:
        found = "anybody may read the schema"
        yield Finding("introspection", State.WARNING, found, "leave HEARTH_INTROSPECTION out")


def _proxies(settings: Settings) -> Finding:
    if settings.trusted_proxies:
        return Finding("proxies", State.OK, ", ".join(settings.trusted_proxies))
    if settings.development:
        return Finding("proxies", State.OK, "none, as in development")
    is_local = settings.host not in _OPEN_HOSTS and _is_loopback(settings.host)
    found = "none is trusted, so whoever comes by one shares its address"
    if is_local:
        advice = "only this machine reaches the server: name its proxy in HEARTH_TRUSTED_PROXIES"
        return Finding("proxies", State.PROBLEM, found, advice)
    return Finding("proxies", State.WARNING, found, "name them in HEARTH_TRUSTED_PROXIES, if there are any")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _database(settings: Settings, profiles: Mapping[str, Profile]) -> list[Finding]:
    await check(settings.dsn)
    async with _looking(settings.dsn) as connection:
        version = connection.get_server_version()
        findings = [Finding("database", State.OK, f"PostgreSQL {version.major}.{version.minor} answers")]
        findings += [await _clock(connection), await _room(connection, settings)]
        try:
            migrated = await _migrations(connection)
            findings.append(migrated)
            if migrated.state is not State.PROBLEM:
                findings += [await _catalogue(connection, profiles), await _ledger(connection)]
                findings += await _outbox(connection)
        except asyncpg.PostgresError as error:
            findings.append(Finding("tables", State.PROBLEM, str(error).splitlines()[0], "run `hearth migrate`"))
        return findings


@asynccontextmanager
async def _looking(url: str) -> AsyncIterator[Connection]:
    """A connection that cannot change anything."""
    only = {"default_transaction_read_only": "on", "statement_timeout": "30s", "timezone": "UTC"}
    connection = await asyncpg.connect(**credentials(url), timeout=5, server_settings=only)
    try:
        yield connection
    finally:
        await connection.close(timeout=1)


async def _clock(connection: Connection) -> Finding:
    asked, started = datetime.now(UTC), time.monotonic()
    there: datetime = await connection.fetchval("select clock_timestamp()")
    half = timedelta(seconds=(time.monotonic() - started) / 2)
    skew = abs((there - asked - half).total_seconds())
    if skew < _SKEW_SECONDS:
        return Finding("clock", State.OK, f"{skew:.3f} s from the database's")
    state = State.PROBLEM if skew >= _LARGEST_SKEW_SECONDS else State.WARNING
    return Finding("clock", state, f"{skew:.1f} s from the database's", "set both by NTP")


async def _room(connection: Connection, settings: Settings) -> Finding:
    room: int = await connection.fetchval(_ROOM)
    needed = (settings.workers + 1) * (2 * settings.pool_size + _OTHER_CONNECTIONS)
    found = f"{settings.workers} workers and `hearth worker` open up to {needed} of {room}"
    if needed <= room:
        return Finding("connections", State.OK, found)
    advice = "lower HEARTH_POOL_SIZE or HEARTH_WORKERS, or raise max_connections"
    return Finding("connections", State.PROBLEM, found, advice)


async def _migrations(connection: Connection) -> Finding:
    try:
        applied = {row["name"] for row in await connection.fetch(_APPLIED)}
    except asyncpg.UndefinedTableError:
        return Finding("migrations", State.PROBLEM, "the database has no tables", "run `hearth migrate`")
    if missing := sorted(shipped() - applied):
        return Finding(
            "migrations", State.PROBLEM, f"{len(missing)} are missing, {missing[0]} first", "run `hearth migrate`"
        )
    if newer := sorted(applied - shipped()):
        return Finding(
            "migrations", State.WARNING, f"{newer[-1]} is of a newer version", "bring this server up to date"
        )
    return Finding("migrations", State.OK, f"all {len(applied)} are applied")


async def _catalogue(connection: Connection, profiles: Mapping[str, Profile]) -> Finding:
    sold = {row["operator"]: row["count"] for row in await connection.fetch(_SOLD)}
    if missing := [operator for operator in profiles if not sold.get(operator)]:
        found = f"{', '.join(missing)} sell nothing"
        return Finding("catalogue", State.PROBLEM, found, "run `hearth migrate`, or `hearth catalogue import`")
    return Finding("catalogue", State.OK, f"{sum(sold.values())} tariffs of {len(profiles)} operators")


async def _ledger(connection: Connection) -> Finding:
    transfers, accounts, unequal, wrong = await connection.fetchrow(_SAMPLED) or (0, 0, 0, 0)
    if unequal or wrong:
        found = f"{unequal} of the newest {transfers} transfers and {wrong} of their {accounts} accounts are wrong"
        return Finding("ledger", State.PROBLEM, found, "stop paying out, and run `hearth ledger verify`")
    found = f"the newest {transfers} transfers and their {accounts} accounts are right"
    return Finding("ledger", State.OK, f"{found}; `hearth ledger verify` proves all")


async def _outbox(connection: Connection) -> list[Finding]:
    due, lag, often, failed = await connection.fetchrow(_OUTBOX, _TRIED_OFTEN) or (0, 0.0, 0, 0)
    found = f"{due} messages are due, the oldest for {lag:.0f} s"
    state = State.PROBLEM if lag >= _STUCK_SECONDS else State.WARNING if lag >= _WAITS_SECONDS else State.OK
    advice = "" if state is State.OK else "see that `hearth worker` runs, and what it logs"
    dead = f"{often} messages were tried {_TRIED_OFTEN} times or more, {failed} of the last day failed for good"
    if often or failed:
        letters = Finding("dead letters", State.WARNING, dead, "see `last_error` in the table outbox")
    else:
        letters = Finding("dead letters", State.OK, "none in the last day")
    return [Finding("outbox", state, found, advice), letters]
