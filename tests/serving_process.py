"""A server of several workers on a PostgreSQL that can be stopped, and people who ask it without a pause."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import orjson

from domain.payment import ConfirmationKind
from domain.profile import read_profiles
from models.migrate import migrate
from server.edge_settings import ROOT
from services import catalogue, seed
from tests.chaos.http import Http
from tests.chaos.people import Payer, sign_in
from tests.chaos.postgres import Postgres
from tests.chaos.sockets import connections
from tests.conftest import free_port

OPERATOR = "motiv"
READ = "{ viewer { linkedNumbers { edges { node { id msisdn balance { available { amount } } } } } } }"
WRITE = "mutation { setLanguage(input: {language: RU}) { userErrors { code } } }"
_START_SECONDS = 30


@dataclass
class Place:
    """A database with some people in it, and a folder for whoever serves it."""

    folder: Path
    postgres: Postgres
    people: list[Payer]

    @asynccontextmanager
    async def connected(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """A connection of the test's own."""
        connection = await asyncpg.connect(self.postgres.url)
        try:
            yield connection
        finally:
            await connection.close(timeout=1)


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """Make one, for the life of the block."""
    with tempfile.TemporaryDirectory(prefix="hearth-serving-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # PostgreSQL runs as an unprivileged user where we are root.
        folder.chmod(0o755)  # noqa: ASYNC240 - at once
        postgres = Postgres(folder / "database")
        try:
            await postgres.start()
            await migrate(postgres.url)
            profiles = {OPERATOR: read_profiles(ROOT / "operators")[OPERATOR]}
            await catalogue.load(postgres.url, profiles, ROOT / "operators")
            await seed.seed(postgres.url, households=8, profiles=profiles, operator=OPERATOR, progress=lambda _: None)
            connection = await asyncpg.connect(postgres.url)
            people = await sign_in(connection, OPERATOR, ConfirmationKind.NONE, 8)
            await connection.close()
            yield Place(folder, postgres, people)
        finally:
            postgres.close()


@dataclass
class Serving:
    """`hearth serve`, with its loops as in development."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """The processes that serve."""
        parent = self.process.pid
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def is_complete(self, count: int, database_port: int) -> bool:
        """Whether so many serve: each then has connections to read, to listen and to deliver."""
        serving = [sum(each.remote == database_port for each in connections(worker)) >= 3 for worker in self.workers()]
        return serving.count(True) == count

    def kill(self, worker: int) -> None:
        """End one of them at once."""
        assert worker in self.workers()
        os.kill(worker, signal.SIGKILL)

    def stop(self) -> float:
        """Tell it to stop; gives how many seconds it took."""
        told = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - told


@asynccontextmanager
async def serving(where: Place, workers: int = 2) -> AsyncIterator[Serving]:
    """The server on that database, once all of it is ready."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))}
    environment = kept | {
        "PYTHONPATH": str(ROOT),
        "HEARTH_ENV": "development",
        "HEARTH_DATA": str(where.folder / "data"),
        "HEARTH_DATABASE_URL": where.postgres.url,
        "HEARTH_WORKERS": str(workers),
        "HEARTH_POOL_SIZE": "3",
        "HEARTH_DRAIN_NOTICE_SECONDS": "1",
        "PORT": str(free_port()),
    }
    with (where.folder / "server.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [sys.executable, "-P", "-m", "server.cli", "serve"], env=environment, stdout=log, stderr=log
        )
    server = Serving(int(environment["PORT"]), process)
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not server.is_complete(workers, where.postgres.port):
                assert process.poll() is None, (where.folder / "server.log").read_text()
                await asyncio.sleep(0.1)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


@dataclass
class Crowd:
    """People who ask, each again as soon as they were answered; what became of it is counted."""

    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    lost: list[str] = field(default_factory=list)
    over: bool = False
    # When each was last answered with 200.
    answered_at: dict[int, float] = field(default_factory=dict)

    async def ask_until_over(self, number: int, person: Payer, query: str) -> None:
        """Ask until told to stop, or until nobody listens any more."""
        http = Http(self.port, person.headers)
        body = orjson.dumps({"query": query})
        while not self.over:
            try:
                status, _ = await http.post("/graphql", body)
            except ConnectionRefusedError:
                self.refused += 1
                return
            except (OSError, asyncio.IncompleteReadError) as error:
                self.lost.append(repr(error))
                continue
            self.statuses[status] += 1
            if status == 200:
                self.answered_at[number] = time.monotonic()
            else:
                await asyncio.sleep(0.02)
        http.close()
