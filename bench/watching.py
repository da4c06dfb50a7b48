"""What it costs to watch a request: the numbers that the dashboard tells, and its line in the log.

The application runs in this process, asked without sockets, on a private PostgreSQL with the demo households. What it
told is told again many times, by itself: a few microseconds cannot be seen in the difference of two requests. All is
processor time of this process. The goal is that metrics cost at most 3 % of the quickest dashboard.
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette

from bench.own_server import ROOT
from domain.profile import read_profiles
from models import watch
from models.migrate import migrate
from server.app import create_app
from server.embedded_postgres import EmbeddedPostgres
from server.metrics import Counted
from server.settings import Settings
from services import catalogue, demo
from tests.session import open_session

_Number = tuple[watch.Told, tuple[str, ...], float]

_OPERATOR = "beeline"
_BLOCK = 20
_ROUNDS = 30
_AGAIN = 2_000
_GOAL = 0.03


def main() -> None:
    """Print what a request costs, and what watching it costs; fail where metrics cost more than the goal."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        # The log is written, and read by nobody.
        with EmbeddedPostgres(folder / "database", durable=False) as url, Path(os.devnull).open("w") as nowhere:
            answered = asyncio.run(_prepare(folder, url))
            with redirect_stderr(nowhere):
                request, told = asyncio.run(_measure(answered))
                metrics, line = _again(folder, told), _line()
    for what, seconds in {"dashboard": request, "its metrics": metrics, "its line": line}.items():
        print(f"{what:12} {seconds * 1e6:8.1f} µs  {seconds / request:6.1%}")
    sys.exit(metrics > _GOAL * request)


async def _prepare(folder: Path, url: str) -> tuple[Settings, str]:
    profiles = read_profiles(ROOT / "operators")
    await migrate(url)
    await catalogue.load(url, profiles, ROOT / "operators")
    await demo.load(url, profiles, ROOT / "operators")
    owner = demo.people(ROOT / "operators", profiles)[_OPERATOR]["owner"]
    token = await open_session(url, _OPERATOR, owner["msisdn"])
    return Settings(env="production", database_url=url, secret=secrets.token_urlsafe(48), data=folder), token


async def _measure(prepared: tuple[Settings, str]) -> tuple[float, list[_Number]]:
    """The seconds of the quickest block of requests, and the numbers that one request tells."""
    settings, token = prepared
    app = create_app(settings)
    told: list[_Number] = []
    seconds: list[float] = []
    async with app.router.lifespan_context(app):
        for _ in range(_ROUNDS):
            began = time.process_time()
            for _ in range(_BLOCK):
                await _ask(app, token)
            seconds.append((time.process_time() - began) / _BLOCK)
        watch.count_with(lambda *number: told.append(number))
        await _ask(app, token)
        watch.count_with(None)
    return min(seconds), told


def _again(folder: Path, told: list[_Number]) -> float:
    # In files, as several workers count; without them it costs less.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from prometheus_client import CollectorRegistry

    counted = Counted(CollectorRegistry())
    began = time.process_time()
    for _ in range(_AGAIN):
        for number in told:
            counted.note(*number)
    # Once a second: counted here as if each second had twenty requests.
    for _ in range(_AGAIN // 20):
        counted.note(*told[0])
        counted.flush()
    return (time.process_time() - began) / _AGAIN


def _line() -> float:
    log = structlog.get_logger()
    about = {"operation": "Dashboard", "kind": "query", "outcome": "ok", "ms": 4.2, "statements": 12}
    began = time.process_time()
    for _ in range(_AGAIN):
        with structlog.contextvars.bound_contextvars(request_id="b8f1a95cbd3bb8c1a84e0bcbe0d2f2ae"):
            log.info("request", method="POST", route="/graphql", status=200, **about)
    return (time.process_time() - began) / _AGAIN


async def _ask(app: Starlette, token: str) -> None:
    body = json.dumps({"query": (ROOT / "graphiql/examples/01-dashboard.graphql").read_text()}).encode()
    headers = {
        "host": "localhost",
        "accept": "application/graphql-response+json",
        "content-type": "application/json",
        "x-operator": _OPERATOR,
        "authorization": f"Bearer {token}",
    }
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    answered: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        answered.append(message)

    await app(scope, receive, send)
    assert answered[0]["status"] == 200
    assert b'"errors"' not in answered[1]["body"], answered[1]["body"][:500]


if __name__ == "__main__":
    main()
