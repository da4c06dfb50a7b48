"""Large sets of invented households, for benchmarks and load tests: made by PostgreSQL, never by Python.

A batch is one transaction. It first invents its people and lines, with all their ids, in three temporary tables;
every real table is then filled from those without looking anything up.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from domain.access import Scope
from domain.consent import consent_text
from domain.line import ServiceKind
from domain.number_link import ConsentMethod
from domain.profile import Profile
from services.bulk_connection import Connection, bulk_connection
from services.seed_statements import BATCH, INVENT, STORE, TEMPORARY

BATCH_HOUSEHOLDS = 5_000

# The first batch is a sample. PostgreSQL knows nothing of a table that was never analysed, and would check each of
# a large batch's ledger entries by reading all accounts.
_SAMPLE_HOUSEHOLDS = 100

# Batches run side by side: making rows keeps a core of the server busy.
_WORKERS = 2

# Owner, adult, child and grandparent.
_PEOPLE = 4

# What the owner may do with lines of the family's own contract, and with those that others agreed to by SMS.
_CARED = [Scope.VIEW, Scope.USAGE, Scope.PAY]
_MANAGED = [*_CARED, Scope.AUTOPAY, Scope.SERVICES, Scope.TARIFF, Scope.BLOCK, Scope.LIMITS, Scope.TRANSFER]

# Whose households are made, and the numbers of the first and the last of them.
Batch = tuple[Profile, int, int]

# The lines of a household besides its four numbers, where the operator sells them.
_HOME_KINDS = (ServiceKind.INTERNET, ServiceKind.TV)

# Where all opening balances of an operator come from.
_OPENING = """
insert into ledger_account (operator, kind, account_id, currency, balance, reserved, credit_limit, floor)
values ($1, 'OPENING', null, $2, null, 0, 0, null)
on conflict (operator, kind, currency, provider) where account_id is null do nothing
"""

_SOLD = "select distinct kind from tariff where operator = $1 and not archived"

_LAST = "select max(ref) from household where operator = $1 and ref like 'seed-%'"

# Any constant will do, as long as nothing else in the database locks it: two seeds would invent the same people.
_LOCK = 0x53_45_45_44


class NothingToSell(Exception):
    """An operator has no tariff for lines that a household would have: its catalogue is not loaded."""


async def seed(
    url: str,
    *,
    households: int,
    profiles: Mapping[str, Profile],
    operator: str | None = None,
    progress: Callable[[str], object] = print,
) -> None:
    """Add invented households, to one operator or spread evenly over all; the catalogue comes first.

    Each has an owner, an adult, a child and a grandparent with a number each, and internet and TV where they are
    sold. Nobody has a password. Seeding goes on where it stopped: 1,000 and again 1,000 are 2,000. Numbers begin
    with 99 after the country code, refs with `seed-`; a file or a person that took one of these makes it fail.
    Raises `NothingToSell`.
    """
    started = time.monotonic()
    shares = _shares(households, [operator] if operator else sorted(profiles))
    done = 0

    def tell(made: int) -> None:
        nonlocal done
        done += made
        progress(f"{done:,} of {households:,} households, {time.monotonic() - started:.0f} s")

    async with bulk_connection(url) as connection:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        batches = [
            (profiles[name], first, last)
            for name, share in shares.items()
            for first, last in _batches(await _prepared(connection, profiles[name]), share)
        ]
        sample, rest = _sampled(batches)
        await _work(url, iter(sample), tell)
        await connection.execute("analyze")
        # One queue for all workers.
        waiting = iter(rest)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(_WORKERS, len(rest))):
                    workers.create_task(_work(url, waiting, tell))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        total = await connection.fetchval("select count(*) from household where ref like 'seed-%'")
    progress(f"The database holds {total:,} invented households.")


def _shares(households: int, operators: Sequence[str]) -> dict[str, int]:
    """How many households each operator gets: all the same, the first ones one more where it does not divide."""
    each, rest = divmod(households, len(operators))
    return {name: each + (place < rest) for place, name in enumerate(operators)}


def _sampled(batches: Sequence[Batch]) -> tuple[list[Batch], list[Batch]]:
    """The beginning of the first batch, and all that is left."""
    if not batches:
        return [], []
    profile, first, last = batches[0]
    end = min(first + _SAMPLE_HOUSEHOLDS - 1, last)
    left = [(profile, end + 1, last)] if end < last else []
    return [(profile, first, end)], [*left, *batches[1:]]


def _batches(first: int, count: int) -> list[tuple[int, int]]:
    """The numbers of the first and the last household of each batch."""
    end = first + count
    return [(start, min(start + BATCH_HOUSEHOLDS, end) - 1) for start in range(first, end, BATCH_HOUSEHOLDS)]


async def _prepared(connection: Connection, profile: Profile) -> int:
    """Make sure that there is what all batches share; gives the number of the next household."""
    operator = profile.operator
    sold = {row["kind"] for row in await connection.fetch(_SOLD, operator.id)}
    if missing := set(_kinds(profile)) - sold:
        raise NothingToSell(f"{operator.id} has no tariff for {', '.join(sorted(missing))}: load the catalogue first")
    await connection.execute(_OPENING, operator.id, operator.currency)
    last = await connection.fetchval(_LAST, operator.id)
    return 1 if last is None else int(last.removeprefix("seed-")) + 1


async def _work(url: str, waiting: Iterator[Batch], tell: Callable[[int], None]) -> None:
    async with bulk_connection(url) as connection:
        # Compiling each of many short statements costs more than it saves.
        await connection.execute("set synchronous_commit = off; set jit = off")
        await connection.execute(TEMPORARY)
        for profile, first, last in waiting:
            async with connection.transaction():
                await _batch(connection, profile, first, last)
            tell(last - first + 1)


async def _batch(connection: Connection, profile: Profile, first: int, last: int) -> None:
    operator = profile.operator
    await connection.execute(
        BATCH,
        operator.id,
        first,
        last,
        _kinds(profile),
        f"{operator.msisdn_country_code}99",
        operator.msisdn_national_length - 2,
        operator.currency,
        operator.languages[0],
        timedelta(days=profile.linking.reverify_days),
        _MANAGED,
        _CARED,
        consent_text(profile, operator.languages[0], ConsentMethod.CONTRACT_HOLDER, _MANAGED),
        consent_text(profile, operator.languages[0], ConsentMethod.SMS_CODE, _CARED),
    )
    for statement in (*INVENT, *STORE):
        await connection.execute(statement)


def _kinds(profile: Profile) -> list[ServiceKind]:
    """The kinds of a household's lines: four numbers, and what the home has."""
    home = [kind for kind in _HOME_KINDS if kind in profile.operator.service_kinds]
    return [*[ServiceKind.MOBILE] * _PEOPLE, *home]
