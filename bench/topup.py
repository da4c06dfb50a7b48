"""How many top-ups a second are settled over HTTP and GraphQL, against the same SQL statements sent bare.

One run, one durable PostgreSQL in a temporary folder: 16 clients pay at a production server of one process, whose bank
answers in that process; then 16 connections of asyncpg send what that server sends for a payment, as it was heard.
The operator's payers need not confirm. Last, a profile says where the server's time goes.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import uvicorn

from bench.own_server import ROOT
from domain.profile import read_profiles
from gateways.payments import PaymentProvider
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.records import Behaviour
from models.database import credentials
from models.migrate import migrate
from server.app import create_app
from server.embedded_postgres import EmbeddedPostgres
from server.serve import transport_options
from server.settings import Settings, load_settings
from services import catalogue, seed
from services.ledger_verify import verify
from tests.chaos.http import Http

_OPERATOR = "motiv"
_CLIENTS = 16
_HOUSEHOLDS = 200
_WARM = 100
# Far from every other number that a statement is given, so that a payment's id can be told among them.
_FIRST_ID = 7_000_000_000

_TOP_UP = """
mutation Pay($input: TopUpInput!) {
  topUp(input: $input) { payment { id status amount { amount } } userErrors { code message } }
}
"""
_PEOPLE = """
with people as (
  select l.user_id, l.msisdn from line l
  where l.operator = $1 and l.status = 'ACTIVE' and l.user_id is not null order by l.id limit 400
), opened as (
  insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at)
  select user_id, $1, encode(sha256(convert_to($2 || user_id, 'utf8')), 'hex'), 'FULL', now(), now(),
    now() + interval '1 day' from people
)
select user_id, msisdn from people
"""
_ours: ContextVar[list[tuple[str, tuple[Any, ...]]] | None] = ContextVar("ours", default=None)


@asynccontextmanager
async def _bank(_: Settings) -> AsyncIterator[PaymentProvider]:
    bank = Bank()
    bank.control(Behaviour(copies=0))
    yield InProcessBank(bank)


def main() -> None:
    """Print the figures of one run, or be its server."""
    parser = argparse.ArgumentParser(prog="make bench-topup", description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--profile", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--payments", type=int, default=3_000, help="how many are timed")
    told = parser.parse_args()
    if told.serve is not None:
        _serve(told.serve, told.profile)
        return
    folder = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    # PostgreSQL runs as an unprivileged user where we are root.
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder / "database") as url:
            asyncio.run(_measure(folder, url, told.payments))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(folder: Path, url: str, payments: int) -> None:
    operators = folder / "operators"
    shutil.copytree(ROOT / "operators", operators)
    profile = operators / _OPERATOR / "profile.toml"
    profile.write_text(re.sub(r"(?m)^confirmation = .*$", 'confirmation = "NONE"', profile.read_text()))
    profiles = read_profiles(operators)
    await migrate(url)
    await catalogue.load(url, profiles, operators)
    await seed.seed(url, households=_HOUSEHOLDS, profiles=profiles, operator=_OPERATOR, progress=lambda _: None)
    connection = await asyncpg.connect(url)
    await connection.execute(f"select setval('payment_id_seq', {_FIRST_ID})")
    salt = secrets.token_hex(8)
    people = [(salt + str(row["user_id"]), row["msisdn"]) for row in await connection.fetch(_PEOPLE, _OPERATOR, salt)]
    await connection.execute("analyze")
    await connection.close()

    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PG"))}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "HEARTH_SECRET": secrets.token_urlsafe(48),
        "HEARTH_DATA": str(folder / "data"),
        "HEARTH_DATABASE_URL": url,
        "HEARTH_OPERATORS_PATH": str(operators),
        "HEARTH_POOL_SIZE": str(_CLIENTS),
    }
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    over_http = await _over_http(environment, people, payments)
    statements = await _listen(environment, people)
    bare = await _bare(url, statements, payments)
    print(f"over HTTP and GraphQL: {over_http:7,.0f} top-ups/s, {_CLIENTS} clients")
    print(f"bare statements:       {bare:7,.0f} top-ups/s, {_CLIENTS} connections, {len(statements)} statements each")
    silent = await _bare(url, _without_telling(statements), payments)
    print(f"  with nobody told:    {silent:7,.0f} top-ups/s")
    print(f"ratio:                 {over_http / bare:7.2f}")
    stats = folder / "profile"
    await _over_http(environment, people, payments // 3, stats)
    _print_profile(stats)
    print(await verify(url))


async def _over_http(
    environment: dict[str, str], people: list[tuple[str, str]], payments: int, profile: Path | None = None
) -> float:
    """Settled top-ups a second of a server process that is started for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port = listener.getsockname()[1]
        words = ["-m", "bench.topup", "--serve", str(listener.fileno())]
        words += ["--profile", str(profile)] if profile is not None else []
        server = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [sys.executable, "-P", *words], env=environment, pass_fds=[listener.fileno()]
        )
    try:
        clients = [
            Http(port, {"x-operator": _OPERATOR, "authorization": f"Bearer {token}"}) for token, _ in people[:_CLIENTS]
        ]
        await _pay(clients, people, _WARM)
        started = time.perf_counter()
        await _pay(clients, people, payments)
        rate = payments / (time.perf_counter() - started)
        for client in clients:
            client.close()
        return rate
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


async def _pay(clients: list[Http], people: list[tuple[str, str]], payments: int) -> None:
    waiting = iter(range(payments))

    async def client(http: Http) -> None:
        for number in waiting:
            answer = await http.json("/graphql", {"query": _TOP_UP, "variables": {"input": _input(people, number)}})
            payment = answer["data"]["topUp"]["payment"]
            assert payment is not None, answer
            assert payment["status"] == "COMPLETED", answer

    await asyncio.gather(*map(client, clients))


def _input(people: list[tuple[str, str]], number: int) -> dict[str, Any]:
    return {
        "idempotencyKey": str(uuid.uuid4()),
        "target": {"msisdn": people[number * 7919 % len(people)][1]},
        "amount": {"amount": "157.50", "currency": "RUB"},
        "method": "CARD",
        "token": "tok_mir_2204",
    }


async def _listen(environment: dict[str, str], people: list[tuple[str, str]]) -> list[tuple[str, tuple[Any, ...]]]:
    """What the server sends to PostgreSQL for one top-up, without what a pool sends when it gets a connection back."""
    made = asyncpg.connection.Connection.__init__

    def heard(told: Any) -> None:
        if (sent := _ours.get()) is not None and not told.query.startswith("SELECT pg_advisory_unlock_all"):
            sent.append((told.query, tuple(told.args or ())))

    def listening(self: Any, *words: Any, **named: Any) -> None:
        made(self, *words, **named)
        self.add_query_logger(heard)

    asyncpg.connection.Connection.__init__ = listening  # type: ignore[method-assign]
    os.environ.update(environment)
    try:
        app = create_app(load_settings(), provider=_bank)
        sent: list[tuple[str, tuple[Any, ...]]] = []
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app=app)
            headers = {"x-operator": _OPERATOR, "authorization": f"Bearer {people[0][0]}"}
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
                for number in range(2):  # the first opens connections and accounts
                    _ours.set(sent if number else None)
                    told = {"query": _TOP_UP, "variables": {"input": _input(people, number)}}
                    answer = (await http.post("/graphql", json=told)).json()
                    assert answer["data"]["topUp"]["payment"]["status"] == "COMPLETED", answer
                _ours.set(None)
        return sent
    finally:
        asyncpg.connection.Connection.__init__ = made  # type: ignore[method-assign]


async def _bare(url: str, statements: list[tuple[str, tuple[Any, ...]]], payments: int) -> float:
    """The same statements, with a payment of its own each time."""
    told = next(arguments for sql, arguments in statements if "insert into payment\n" in sql)
    key, provider_key = told[2], next(each for each in told if isinstance(each, uuid.UUID))
    payment_id = next(
        each for _, arguments in statements for each in arguments if isinstance(each, int) and each > _FIRST_ID
    )
    waiting = iter(range(payments + _WARM))
    started = 0.0

    async def one(connection: Any) -> None:
        new: dict[Any, Any] = {key: str(uuid.uuid4()), provider_key: uuid.uuid4()}
        for sql, arguments in statements:
            if not arguments:
                await connection.execute(sql)
                continue
            rows = await connection.fetch(sql, *(_other(each, new, payment_id) for each in arguments))
            if "insert into payment\n" in sql:
                new[payment_id] = rows[0]["id"]

    async def client(connection: Any) -> None:
        nonlocal started
        for number in waiting:
            if number == _WARM:
                started = time.perf_counter()
            await one(connection)

    connections = [await asyncpg.connect(**credentials(url)) for _ in range(_CLIENTS)]
    await asyncio.gather(*map(client, connections))
    rate = payments / (time.perf_counter() - started)
    for connection in connections:
        await connection.close()
    return rate


def _without_telling(statements: list[tuple[str, tuple[Any, ...]]]) -> list[tuple[str, tuple[Any, ...]]]:
    """The same without NOTIFY, which makes commits wait for one another (decision 8)."""
    kept = [(sql, arguments) for sql, arguments in statements if not sql.startswith("select pg_notify")]
    return [
        (sql, (*arguments[:-1], []) if "insert into ledger_transfer" in sql else arguments) for sql, arguments in kept
    ]


def _other(value: Any, new: dict[Any, Any], payment_id: int) -> Any:
    """The argument, as it is for another payment."""
    if isinstance(value, list):
        return [_other(each, new, payment_id) for each in value]
    if isinstance(value, str) and str(payment_id) in value:
        return value.replace(str(payment_id), str(new[payment_id]))
    return new.get(value, value) if isinstance(value, str | int | uuid.UUID) else value


def _serve(descriptor: int, profile: Path | None) -> None:
    settings = load_settings()
    config = uvicorn.Config(
        create_app(settings, provider=_bank),
        log_level="critical",
        timeout_graceful_shutdown=1,
        **transport_options(settings),
    )
    server = uvicorn.Server(config)
    with socket.socket(fileno=descriptor) as listener:
        profiler = cProfile.Profile(time.process_time)
        with suppress(KeyboardInterrupt):
            if profile is None:
                server.run(sockets=[listener])
            else:
                profiler.runcall(server.run, sockets=[listener])
        if profile is not None:
            profiler.dump_stats(profile)


def _print_profile(stats: Path) -> None:
    """The server's own time, by package: what a top-up costs this process, waiting not counted."""
    seconds: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(str(stats)).stats.items():  # type: ignore[attr-defined]
        found = re.search(r"site-packages/([^/.]+)|/(asyncio)/", file)
        room = Path(file).relative_to(ROOT).parts[0] if file.startswith(str(ROOT)) and not found else ""
        builtin = "asyncpg (C)" if "asyncpg" in name else "built into Python"
        seconds[next(filter(None, found.groups()), "") if found else room or builtin] += own
    whole = sum(seconds.values())
    print("where the server's own time goes:")
    for package, own in seconds.most_common(14):
        print(f"  {own / whole:5.1%}  {package}")


if __name__ == "__main__":
    main()
