"""One PostgreSQL for all tests, a template for each kind of database, and the application as its users meet it."""

import gc
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import httpcore2
import httpx2
import pytest
import structlog
from argon2 import PasswordHasher
from starlette.applications import Starlette

import models.database
import models.reader
from auth import passwords
from domain.profile import Profile, read_profile, read_profiles
from gateways.billing import Billing
from gateways.ledger_billing import LedgerBilling
from gateways.payments import UnconfiguredProvider
from gateways.simulators.bank.records import Behaviour
from models.migrate import migrate
from server.app import create_app
from server.embedded_postgres import EmbeddedPostgres
from server.graphql_context import Contexts
from server.settings import Settings
from services import catalogue, demo
from services.ledger_verify import LedgerProven, verify
from services.payment_row import Desk
from tests import family, linking
from tests.bank import Street, street
from tests.cabinet import Cabinet
from tests.copies import Copies
from tests.databases import borrowed, created, drop_what_dead_runs_left, fetch, in_memory, reading, working
from tests.hearth import start
from tests.ledger import PEOPLE
from tests.newcomers import Newcomers
from tests.paying import Town
from tests.serving import served
from tests.till import SMITHS, Till, taking_everything

# How root drops to another account is for root alone to try.
collect_ignore = [] if os.geteuid() == 0 else ["test_embedded_postgres_as_root.py"]

ROOT = Path(__file__).resolve().parent.parent
NETWORK_KEY = "what the network signs its tokens with"
SECRET = "a secret of the tests, long enough for production too"

# What a test may leave behind in the shared database, and what is therefore cleared after each.
# To truncate them would take forty times as long. The lock waits for who still writes.
_CHANGED = ("session", "challenge", "outbox", "counter", "audit_event")
_CLEAR = f"lock table {', '.join(_CHANGED)};" + "".join(f"delete from {table};" for table in _CHANGED)

# A failed test shows what failed; a traceback with every local variable of the executor hides it.
structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])

# Six thousand tests, and the types of a schema, stay until the end: looking through them again and again for garbage
# would take a sixth of the time. The server does without, too.
gc.set_threshold(500_000, 2, 2)

# To hash a password takes 30 ms on purpose, and the suite does it thousands of times: nothing in it is about how long.
passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
passwords._NOBODY = passwords._HASHER.hash("nobody has this password")

# To read whom the machine trusts takes 20 ms, and each client over HTTP would read it for itself.
httpcore2.default_ssl_context = cache(httpcore2.default_ssl_context)

# Fifty who ask this process at once have to wait on a busy machine, and that they were told to come again would prove
# nothing. How a server that is overloaded answers is for the processes of test_operations.py.
models.database._ACQUIRE_SECONDS = models.reader._ACQUIRE_SECONDS = 20.0

# Nothing is paid where nobody was told to take payments.
NOBODY = Desk(UnconfiguredProvider())

# Those that take longest, and wait for much of it: whoever begins with them is not alone with them in the end.
_LONG = (
    "test_migrations",
    "test_foreign_ids",
    "test_subscriptions",
    "test_household_import",
    "test_service_connection",
    "test_social",
    "test_run",
    "test_payment_settlement",
    "test_ringback",
    "test_autopay_run",
    "test_ownership_transfer",
    "test_link_races",
    "test_household_machine",
    "test_bank_process",
    "test_edge_audit",
    "test_reader",
    "test_cancellation",
    "test_service_machine",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, where several processes share them."""
    places = {name: place for place, name in enumerate(_LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(_LONG)))


def pytest_collection_finish() -> None:
    """Nothing of what there is now will be garbage."""
    gc.freeze()


@pytest.fixture(scope="session")
def profiles() -> Mapping[str, Profile]:
    """The five operators, and the fictional sixth that lets foreign numbers in."""
    nomad = read_profile(ROOT / "tests/operators/nomad/profile.toml")
    return {**read_profiles(ROOT / "operators"), nomad.operator.id: nomad}


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[str]:
    """A private PostgreSQL, started for the tests and stopped after them; gives the URL of its own database."""
    with EmbeddedPostgres(ROOT / ".hearth" / "test", durable=False) as url:
        await drop_what_dead_runs_left(url)
        async with in_memory(url):
            yield url


@pytest.fixture(scope="session")
async def empty_template(engine: str) -> AsyncIterator[str]:
    """A database with the tables and nothing in them."""
    async with created(engine, "template_empty") as url:
        await migrate(url)
        yield url


@pytest.fixture(scope="session")
async def demo_template(engine: str, empty_template: str, profiles: Mapping[str, Profile]) -> AsyncIterator[str]:
    """A database with the catalogues and the demo households of the five operators."""
    async with created(engine, "template_demo", empty_template) as url:
        five = {name: profile for name, profile in profiles.items() if name != "nomad"}
        await catalogue.load(url, five, ROOT / "operators")
        await demo.load(url, five, ROOT / "operators")
        yield url


@pytest.fixture(scope="session")
async def empty_copies(engine: str, empty_template: str) -> AsyncIterator[Copies]:
    """Databases with the tables and nothing in them."""
    async with Copies(engine, "empty", empty_template) as copies:
        yield copies


@pytest.fixture
async def empty_database(empty_copies: Copies) -> AsyncIterator[str]:
    """A database of the test's own, without data."""
    async with empty_copies.lent() as url:
        yield url


@pytest.fixture(scope="session")
async def demo_copies(engine: str, demo_template: str) -> AsyncIterator[Copies]:
    """Databases with the demo households."""
    async with Copies(engine, "demo", demo_template) as copies:
        yield copies


@pytest.fixture
async def demo_database(demo_copies: Copies) -> AsyncIterator[str]:
    """A database of the test's own, with the demo households."""
    async with demo_copies.lent() as url:
        yield url


@pytest.fixture
async def ledger(empty_database: str) -> AsyncIterator[str]:
    """A database of the test's own, with the personal accounts of `tests.ledger`, and this process connected to it.

    Whatever the test did, the ledger is right afterwards.
    """
    await fetch(empty_database, PEOPLE)
    async with working(empty_database):
        yield empty_database
    assert isinstance(await verify(empty_database), LedgerProven)


@pytest.fixture(scope="session")
async def shared_database(engine: str, demo_template: str) -> AsyncIterator[str]:
    """The database of `cabinet`: the demo households, which no test changes."""
    async with created(engine, "shared", demo_template) as url:
        yield url


@pytest.fixture(scope="session")
def settings(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A development server's settings."""
    return Settings(
        env="development",
        database_url=shared_database,
        secret=SECRET,
        network_key=NETWORK_KEY,
        data=tmp_path_factory.mktemp("data"),
        operators_path=ROOT / "operators",
    )


@pytest.fixture(scope="session")
async def app(settings: Settings, profiles: Mapping[str, Profile]) -> AsyncIterator[Starlette]:
    """The running application, worker included."""
    application = create_app(settings, profiles=profiles)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def cabinet(
    app: Starlette, settings: Settings, sweeper: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[Cabinet]:
    """A client of the application, over HTTP; what the test left in the database is cleared."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield Cabinet(client)
    await _clear(sweeper)
    (settings.data / "inbox.ndjson").unlink(missing_ok=True)


async def _clear(sweeper: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Empty what tests fill. The application's loops write there too: one of two that meet has to try again."""
    for _ in range(5):
        with suppress(asyncpg.DeadlockDetectedError):
            await sweeper.execute(_CLEAR)
            return
    raise AssertionError("somebody writes all the time")


@pytest.fixture
async def opened(
    settings: Settings, profiles: Mapping[str, Profile]
) -> AsyncIterator[Callable[..., Awaitable[Cabinet]]]:
    """Opens the cabinet on a database, or with a billing, of the test's own: `await opened(url, billing=...)`.

    Only reads work there, since Tortoise has one database for the whole process; `tests.session` signs in.
    """
    async with AsyncExitStack() as stack:

        async def open_cabinet(url: str, billing: Billing | None = None) -> Cabinet:
            pool = await stack.enter_async_context(reading(url))
            contexts = Contexts(settings, profiles, billing or LedgerBilling(), pool, {}, NOBODY)
            return Cabinet(await stack.enter_async_context(served(contexts)))

        yield open_cabinet


@pytest.fixture
async def database(shared_database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to the database of `cabinet`, to look behind the scenes."""
    async with borrowed(shared_database) as connection:
        yield connection
        if not connection.is_closed():
            await connection.reset()


@pytest.fixture(scope="session")
async def sweeper(shared_database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to the database of `cabinet` for which what is kept for good is not kept."""
    connection = await asyncpg.connect(shared_database, server_settings={"session_replication_role": "replica"})
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def running_street() -> AsyncIterator[Street]:
    """The bank of `town`."""
    async with street() as running:
        yield running


@pytest.fixture
def town(running_street: Street) -> Street:
    """A bank on a port of its own, and the shop that it tells what happens; both as one wishes for."""
    running_street.shop.told.clear()
    running_street.shop.posts.clear()
    running_street.bank.webhooks_held = False
    running_street.bank.control(Behaviour())
    return running_street


@pytest.fixture(scope="session")
async def smiths_copies(
    engine: str, empty_template: str, profiles: Mapping[str, Profile], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Copies]:
    """Databases with the families of `tests.till`."""
    async with created(engine, "template_smiths", empty_template) as url:
        await family.load(url, profiles, tmp_path_factory.mktemp("smiths"), SMITHS)
        async with Copies(engine, "smiths", url) as copies:
            yield copies


@pytest.fixture
async def smiths_database(smiths_copies: Copies) -> AsyncIterator[str]:
    """A database of the test's own, with the families of `tests.till`."""
    async with smiths_copies.lent() as url:
        yield url


@pytest.fixture
async def till(
    smiths_copies: Copies, settings: Settings, profiles: Mapping[str, Profile], town: Street
) -> AsyncIterator[Till]:
    """The cabinet on a database of the test's own, where one may write, beside the bank of `town`.

    Its operator takes every means of payment. Whatever the test did, the ledger is right afterwards.
    """
    taking = {**profiles, "beeline": taking_everything(profiles["beeline"])}
    async with smiths_copies.lent() as url:
        async with working(url) as pool:
            desk = Desk(town.provider, 1.0)
            contexts = Contexts(settings, taking, LedgerBilling(), pool, {}, desk)
            async with served(contexts) as client:
                yield Till(url, Cabinet(client), town, desk, taking)
        assert isinstance(await verify(url), LedgerProven)


@pytest.fixture(scope="session")
async def village_template(
    engine: str, empty_template: str, profiles: Mapping[str, Profile], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """A database with the people of `tests.linking`."""
    async with created(engine, "template_village", empty_template) as url:
        await family.load(url, profiles, tmp_path_factory.mktemp("village"), linking.VILLAGE)
        yield url


@pytest.fixture(scope="session")
async def village_copies(engine: str, village_template: str) -> AsyncIterator[Copies]:
    """Databases with the people of `tests.linking`."""
    async with Copies(engine, "village", village_template) as copies:
        yield copies


@pytest.fixture
async def village(
    village_copies: Copies, settings: Settings, profiles: Mapping[str, Profile]
) -> AsyncIterator[linking.Village]:
    """The cabinet on a database of the test's own, with families and people who may be linked to them."""
    async with (
        village_copies.lent() as url,
        linking.opened(url, settings, profiles) as people,
    ):
        yield people


@pytest.fixture
async def newcomers(database: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[Newcomers]:
    """People of the test's own in the database of `cabinet`, who are gone afterwards."""
    people = Newcomers(database)
    yield people
    await people.leave()


@pytest.fixture(scope="session")
def demo_people(profiles: Mapping[str, Profile]) -> dict[str, Any]:
    """What /dev/demo shows."""
    five = {name: profile for name, profile in profiles.items() if name != "nomad"}
    return demo.people(ROOT / "operators", five)


@pytest.fixture(scope="session")
async def paying_town(
    engine: str, demo_template: str, demo_people: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """A server process with a bank process beside it, on a database of their own; the ledger is right in the end."""
    data = tmp_path_factory.mktemp("paying")
    async with created(engine, "paying", demo_template) as url:
        with running_server(url, data, HEARTH_PAYMENT_PATIENCE_SECONDS="0.5") as address:
            connection = await asyncpg.connect(url)
            async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=20) as http:
                yield Town(address, url, data, http, connection, demo_people)
            await connection.close()
        assert isinstance(await verify(url), LedgerProven)


@pytest.fixture
async def paying(paying_town: Town) -> Town:
    """The server and the bank of `paying_town`; nobody has asked for too much yet, and the bank behaves."""
    await paying_town.database.execute("truncate counter")
    await paying_town.control(everybody={}, webhooks="flowing")
    return paying_town


@pytest.fixture(scope="session")
async def process_database(engine: str, demo_template: str) -> AsyncIterator[str]:
    """The database of `hearth_server`."""
    async with created(engine, "process", demo_template) as url:
        yield url


@pytest.fixture(scope="session")
def hearth_server(process_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server process: what `make run` starts, with the demo households."""
    with running_server(process_database, tmp_path_factory.mktemp("process")) as address:
        yield address


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that vouches for itself, with its key in the same file."""
    file = tmp_path_factory.mktemp("certificate") / "server.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=Hearth-test"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(
        [*command.split(), "-addext", names, "-keyout", file, "-out", file.with_suffix(".crt")],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file


def running_server(database_url: str, data: Path, **environment: str) -> "_RunningServer":
    """`hearth run` on a free port, once it is ready."""
    return _RunningServer(database_url, data, environment)


class _RunningServer:
    def __init__(self, database_url: str, data: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self._log = data / "server.log"
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HEARTH_ENV": "development",
            "HEARTH_DATABASE_URL": database_url,
            "HEARTH_DATA": str(data),
            "PORT": str(self.port),
            **environment,
        }

    def __enter__(self) -> str:
        self.process = start(self._environment, "run", out=self._log, error=self._log)
        address = f"http://127.0.0.1:{self.port}"
        deadline = time.monotonic() + 30
        while not _is_ready(address):
            if self.process.is_over() or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self._log.read_text()}")
            time.sleep(0.05)
        return address

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
