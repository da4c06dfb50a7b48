"""The households of the benchmark of the dashboard, and the sessions of those who look at it.

They are kept in git-ignored `.hearth/bench`, for inventing them takes longer than measuring, and are made anew when
what they are made from changes, and every month, since their use is that of the running one.
"""

import asyncio
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from bench.own_server import ROOT
from bench.peers import postgraphile_schema
from domain.profile import Profile, read_profiles
from models.migrate import migrate
from server.embedded_postgres import EmbeddedPostgres
from services import catalogue, seed
from services.household_import import import_file

OPERATOR = "beeline"
SIZES = (1, 5, 20, 100)
"""How many numbers the households have that are made apart; all others have four."""

_MADE_FROM = ("models/tables.sql", "services/seed.py", "services/seed_statements.py", "bench/dashboard_data.py")
_OF_EACH_SIZE = 40
_FIRST_NUMBER = 79030000000
# More viewers than a round has requests; drawn from all households, so that the pages they need are spread.
_MOST_VIEWERS = 50_000

# What each number used on the first day of the month.
_USE = """
insert into usage_day (line_id, day, type, unit, volume, sum)
select l.id, date_trunc('month', now() at time zone $1)::date, u.type, u.unit, u.volume + l.id % 97, 0
from line l cross join (values
  ('CALL', 'MINUTE', 120), ('INTERNET', 'BYTE', 3 * 1024::numeric ^ 3), ('SMS', 'SMS', 14)
) as u (type, unit, volume)
where l.kind = 'MOBILE'
"""
# A checkpoint in one round would be unfair; the settings of a connection are those of Hearth's own reader.
_SETTINGS = (
    "alter system set shared_preload_libraries = 'pg_stat_statements'",
    "alter system set checkpoint_timeout = '1h'",
    "alter system set max_wal_size = '8GB'",
    "alter database hearth set synchronous_commit = off",
    "alter database hearth set timezone = 'UTC'",
    "create extension if not exists pg_stat_statements",
)
# Drawn from all households, and the same in every run.
_OWNERS = """
select m.user_id, case when h.ref like 'bench-%' then split_part(h.ref, '-', 2)::int else 4 end as numbers
from membership m join household h on h.id = m.household_id
where h.operator = $1 and m.role = 'OWNER' and (h.ref like 'bench-%' or h.id in (
  select id from household where ref like 'seed-%' order by md5(ref) limit $2))
"""
_MEMBERS = """
select m.user_id from membership m join household h on h.id = m.household_id
where h.operator = $1 and m.role <> 'OWNER' and h.ref <= 'seed-000000004' and h.ref like 'seed-%'
"""
_SIGN_IN = """
insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at)
select user_id, $1, encode(sha256(convert_to($2 || user_id, 'utf8')), 'hex'), 'FULL', now(), now(),
  now() + interval '1 day'
from unnest($3::bigint[]) as user_id
"""


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL that runs: its URL, the pid of its first process, and how many households it holds."""

    url: str
    pid: int
    households: int


@dataclass(frozen=True, slots=True)
class Viewers:
    """Tokens of those who look at their dashboards: owners by their household's numbers, and members of a few."""

    owners: dict[int, list[str]]
    members: list[str]


@contextmanager
def database(households: int) -> Iterator[Database]:
    """PostgreSQL with that many households of four numbers, and some of each of `SIZES`, for the life of the block."""
    folder = ROOT / ".hearth" / "bench" / str(households)
    stamp, made_from = folder / "made-from", _digest()
    if not stamp.exists() or stamp.read_text() != made_from:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"Inventing {households:,} households", flush=True)
        with EmbeddedPostgres(folder / "database") as url:
            asyncio.run(_make(url, households, folder))
        stamp.write_text(made_from)
    # Started again, it has its settings.
    with EmbeddedPostgres(folder / "database") as url:
        pid = (folder / "database" / "cluster" / "postmaster.pid").read_text().split()[0]
        yield Database(url, int(pid), households)


def profile() -> Profile:
    """The profile of the operator whose households they are."""
    return read_profiles(ROOT / "operators")[OPERATOR]


async def prepare(url: str) -> Viewers:
    """Open sessions for the viewers, and end all others; make what PostGraphile serves anew."""
    salt = secrets.token_hex(12)
    connection = await asyncpg.connect(url)
    try:
        for statement in postgraphile_schema.statements(profile()):
            await connection.execute(statement)
        await connection.execute("delete from session")
        owners: dict[int, list[str]] = {}
        users = []
        for user_id, numbers in await connection.fetch(_OWNERS, OPERATOR, _MOST_VIEWERS):
            users.append(user_id)
            owners.setdefault(numbers, []).append(f"{salt}{user_id}")
        members = [row["user_id"] for row in await connection.fetch(_MEMBERS, OPERATOR)]
        await connection.execute(_SIGN_IN, OPERATOR, salt, users + members)
        await connection.execute("vacuum analyze session")
    finally:
        await connection.close()
    return Viewers(owners, [f"{salt}{user_id}" for user_id in members])


async def _make(url: str, households: int, folder: Path) -> None:
    profiles = read_profiles(ROOT / "operators")
    await migrate(url)
    await catalogue.load(url, profiles, ROOT / "operators")
    await seed.seed(url, households=households, profiles=profiles, operator=OPERATOR)
    people = folder / "people.ndjson"
    people.write_bytes(b"\n".join(orjson.dumps(record) for size in SIZES for record in _of_size(size)))
    await import_file(url, people, profiles)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_USE, profiles[OPERATOR].operator.timezone)
        for setting in _SETTINGS:
            await connection.execute(setting)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


def _of_size(size: int) -> Iterator[dict[str, Any]]:
    """Households whose owner has one number and a link to each of the others, as records of a household file."""
    for n in range(_OF_EACH_SIZE):
        family = f"bench-{size}-{n}"
        yield _record("person", ref=f"{family}-0", name=f"Владелец {n}", cabinet={})
        members = [{"person": f"{family}-0", "role": "OWNER"}]
        yield _record("household", ref=family, name=f"Семья {n}", members=members)
        for place in range(size):
            yield from _number(family, place, _FIRST_NUMBER + (size * _OF_EACH_SIZE + n) * 100 + place)


def _number(family: str, place: int, msisdn: int) -> Iterator[dict[str, Any]]:
    ref, packages = f"{family}-{place}", [("gb", "Интернет", "GB", 20), ("min", "Минуты", "MINUTE", 500)]
    if place:
        yield _record("person", ref=ref, name=f"Родственник {place}", cabinet={})
    yield _record("contract", number=ref, holder=ref)
    balance = f"{100 + place}.50"
    yield _record("account", number=ref, kind="MOBILE", contract=ref, balance=balance)
    yield _record(
        "line",
        msisdn=str(msisdn),
        account=ref,
        kind="MOBILE",
        user=ref,
        tariff="all-1",
        next_charge_at="+20d 03:00",
        services=[{"code": "last5", "next_charge_at": "+25d 03:00"}],
        packages=[
            {
                "code": code,
                "name": name,
                "unit": unit,
                "source": "TARIFF",
                "total": str(total),
                "remaining": str(total - 1 - place % 10),
                "resets_at": "+20d 03:00",
            }
            for code, name, unit, total in packages
        ],
    )
    if place:
        yield _record("link", household=family, line=str(msisdn), scopes=["VIEW", "USAGE", "PAY"], method="SMS_CODE")


def _record(of: str, /, **told: Any) -> dict[str, Any]:
    return {"type": of, "operator": OPERATOR, **told}


def _digest() -> str:
    """What the households are made from, and the month that their use is of."""
    digest = hashlib.sha256(datetime.now(UTC).strftime("%Y-%m").encode())
    for name in (*_MADE_FROM, f"operators/{OPERATOR}/catalogue.toml", f"operators/{OPERATOR}/profile.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()
