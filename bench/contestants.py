"""Who is measured: Hearth's production server and its peers, each a process of its own on one core."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.dashboard_data import OPERATOR, Database, profile
from bench.own_server import ROOT, bare_environment, free_port, production_environment, serving
from bench.peers.statements import STATEMENTS
from bench.processes import stay_on
from domain.access import Scope
from models.database import credentials
from tests import npm_peer

PEERS = ROOT / "bench" / "peers"
CONNECTIONS = 16
"""How many requests are under way at a time, and how many connections to PostgreSQL a server may have."""

_START_SECONDS = 60
_STOP_SECONDS = 10
_UVICORN = ("-P", "-m", "uvicorn", "--host", "127.0.0.1", "--no-access-log", "--log-level", "warning")
_QUICK = ("--loop", "uvloop", "--http", "httptools")
_DASHBOARD = (ROOT / "graphiql" / "examples" / "01-dashboard.graphql").read_text()
_POSTGRAPHILE = (PEERS / "postgraphile.graphql").read_text()


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to serve the dashboard.

    `program` is what is started: a file of `peers/node`, or an application of `peers/python` and the interpreter that
    runs it. `document` is what it is asked, `path` where; `{first}` is how many lines and accounts are listed.
    """

    title: str
    program: tuple[str, ...] = ()
    document: str = _DASHBOARD.replace("linkedNumbers(first: 20)", "linkedNumbers(first: {first})").replace(
        "personalAccounts(first: 20)", "personalAccounts(first: {first})"
    )
    path: str = "/graphql"

    def asked(self, first: int) -> str:
        """The body of a request."""
        return json.dumps({"query": self.document.replace("{first}", str(first))})

    def path_for(self, first: int) -> str:
        return self.path.replace("{first}", str(first))


CONTESTANTS = {
    "hearth": Contestant("Hearth"),
    "mercurius": Contestant("Mercurius with jit", ("mercurius.mjs",)),
    "postgraphile": Contestant("PostGraphile 5", ("postgraphile.mjs",), _POSTGRAPHILE),
    "graphql_jit": Contestant("graphql-jit on node:http with pg", ("graphql_jit.mjs",)),
    "ariadne": Contestant(
        "Ariadne with caches",
        (str(ROOT / ".venv-bench" / "bin" / "python"), *_UVICORN, *_QUICK, "bench.peers.python.ariadne_server:app"),
        path="/graphql/",
    ),
    "naive": Contestant(
        "Strawberry on Tortoise, naive",
        (sys.executable, *_UVICORN, "bench.peers.python.naive_server:app"),
        path="/graphql/",
    ),
    "endpoint": Contestant(
        "Endpoint by hand, six statements",
        (sys.executable, *_UVICORN, *_QUICK, "bench.peers.python.endpoint:app"),
        path="/dashboard?first={first}",
    ),
}
"""By the name that `results.json` knows them by; Hearth first."""


@dataclass(frozen=True, slots=True)
class Running:
    """A contestant that serves: where, by which process, from which database."""

    name: str
    contestant: Contestant
    port: int
    pid: int
    database: Database


@contextmanager
def running(names: list[str], database: Database, cores: frozenset[int] | None) -> Iterator[dict[str, Running]]:
    """Contestants for the life of the block, all on the same cores. Raises RuntimeError where one does not start."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hearth-bench-")))
        told = folder / "setup.json"
        told.write_text(json.dumps(setup(database)))
        started = {}
        for name in names:
            log = folder / f"{name}.log"
            if name == "hearth":
                server = stack.enter_context(serving(_hearth(folder, database), log, cores))
                port, pid = server.port, server.pid
            else:
                port, pid = stack.enter_context(_peer(CONTESTANTS[name], told, database, log, cores))
            started[name] = Running(name, CONTESTANTS[name], port, pid, database)
        yield started


def versions() -> dict[str, str]:
    """What the peers are made of: by package, as locked."""
    locked = json.loads((PEERS / "node" / "package.json").read_text())["dependencies"]
    python = (ROOT / "requirements-bench.lock").read_text() + (ROOT / "requirements.lock").read_text()
    wanted = ("ariadne", "asyncpg", "graphql-core", "starlette", "strawberry-graphql", "tortoise-orm", "uvicorn")
    pinned = (line.split()[0].partition("==") for line in python.splitlines() if "==" in line)
    return dict(sorted(locked.items())) | {name: version for name, _, version in pinned if name in wanted}


def _hearth(folder: Path, database: Database) -> dict[str, str]:
    return production_environment(folder, database.url) | {
        "HEARTH_OPERATOR": OPERATOR,
        "HEARTH_OPERATORS_PATH": str(ROOT / "operators"),
        "HEARTH_POOL_SIZE": str(CONNECTIONS),
        # A page of 100 numbers with 20 services each costs more than the default lets through.
        "HEARTH_LIMITS": "cost=100000",
    }


def setup(database: Database) -> dict[str, Any]:
    """What every peer is told."""
    rules = profile()
    return {
        "operator": OPERATOR,
        "currency": rules.operator.currency,
        "zone": rules.operator.timezone,
        "idle_seconds": float(rules.session.idle_timeout_seconds),
        "same_operator_only": rules.linking.same_operator_only,
        "scopes": [scope.value for scope in Scope],
        "partial_scopes": list(rules.access.partial_scopes),
        "age_of_majority": rules.household.age_of_majority,
        "own_consent_age": rules.household.own_consent_age,
        "details_scope_for_adults": rules.household.details_scope_for_adults,
        "contract_holder_only": rules.blocking.contract_holder_only,
        "pool": CONNECTIONS,
        "database_url": database.url,
        "statements": STATEMENTS,
        "schema": (PEERS / "dashboard.graphqls").read_text(),
    }


@contextmanager
def _peer(
    contestant: Contestant, setup_file: Path, database: Database, log: Path, cores: frozenset[int] | None
) -> Iterator[tuple[int, int]]:
    """A peer's port and process."""
    port, told = free_port(), credentials(database.url)
    command = [*contestant.program, "--port", str(port)]
    if contestant.program[0].endswith(".mjs"):
        command = [str(npm_peer.node()), str(npm_peer.installed("node", PEERS) / contestant.program[0])]
    environment = bare_environment() | {
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
        "PEER_SETUP": str(setup_file),
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
        "PGHOST": told["host"],
        "PGPORT": str(told["port"]),
        "PGUSER": told["user"],
        "PGDATABASE": told["database"],
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, preexec_fn=partial(stay_on, cores)
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(port, contestant):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{contestant.title} did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int, contestant: Contestant) -> bool:
    try:
        return ask(port, contestant, "nobody", 20) == {"data": {"viewer": None}}
    except (urllib.error.URLError, OSError):
        return False


def ask(port: int, contestant: Contestant, token: str, first: int) -> Mapping[str, Any]:
    """What somebody is answered. Raises OSError where nothing is."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{contestant.path_for(first)}",
        data=contestant.asked(first).encode(),
        headers={"content-type": "application/json", "authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - a server of ours
        told: Mapping[str, Any] = json.loads(answer.read())
    return told
