"""What the dashboard costs, compiled and by graphql-core's executor: one process asks itself, over ASGI.

Both run in turns on the same database, sessions, rights, limits and the answer's JSON included; HTTP parsing is not.
Prints processor time and the clock's for each request, statements, and the ratio.
"""

import asyncio
import cProfile
import gc
import os
import pstats
import secrets
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import uvloop
from starlette.applications import Starlette
from starlette.routing import Route

from bench.own_server import ROOT, own_server
from domain.profile import read_profiles
from gateways.ledger_billing import LedgerBilling
from gateways.payments import UnconfiguredProvider
from models.reader import reader_pool
from schema.schema import build_schema
from server.graphql_context import Contexts
from server.graphql_http import GraphQLEndpoint
from server.settings import Settings
from services.payment_row import Desk
from tests.session import open_session

_ROUNDS = 10
_REQUESTS = 64
_AT_ONCE = 8
_OPERATOR = "beeline"
_OWNER = "anna.sokolova"
DASHBOARD = (ROOT / "graphiql/examples/01-dashboard.graphql").read_text()


class Asker:
    """Sends one request again and again to an application in this process."""

    def __init__(self, application: Any, token: str) -> None:
        self._application = application
        self._body = orjson.dumps({"query": DASHBOARD})
        self._scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "headers": [
                (b"content-type", b"application/json"),
                (b"authorization", f"Bearer {token}".encode()),
                (b"x-operator", _OPERATOR.encode()),
            ],
        }

    async def ask(self) -> bytes:
        told = b""
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()
            asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal told
            told += message.get("body", b"")

        await self._application({**self._scope}, receive, send)
        return told

    async def round(self) -> tuple[float, float]:
        """Seconds of the processor and of the clock for a request."""
        clock, processor = time.perf_counter(), time.process_time()

        async def some() -> None:
            for _ in range(_REQUESTS // _AT_ONCE):
                await self.ask()

        await asyncio.gather(*[some() for _ in range(_AT_ONCE)])
        return (time.process_time() - processor) / _REQUESTS, (time.perf_counter() - clock) / _REQUESTS


async def _measure(url: str, *, profiled: bool) -> None:
    token = await open_session(url, _OPERATOR, _OWNER)
    profiles = read_profiles(ROOT / "operators")
    settings = Settings(env="production", database_url=url, secret=secrets.token_urlsafe(48), data=Path("."))
    async with reader_pool(url, _AT_ONCE) as pool:
        contexts = Contexts(settings, profiles, LedgerBilling(), pool, {}, Desk(UnconfiguredProvider()))
        askers = {}
        for name, compiled in (("graphql-core", False), ("compiled", True)):
            endpoint = GraphQLEndpoint(build_schema(compiled=compiled), contexts)
            askers[name] = Asker(Starlette(routes=[Route("/graphql", endpoint.__call__, methods=["POST"])]), token)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)
        answers = {name: [await asker.ask() for _ in range(4)][-1] for name, asker in askers.items()}
        assert "errors" not in orjson.loads(answers["compiled"]), answers["compiled"]
        if profiled:
            profile = cProfile.Profile(time.process_time)
            profile.enable()
            for _ in range(_ROUNDS):
                await askers["compiled"].round()
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45).print_callers("instancecheck|isinstance")
            return
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in askers}
        for _ in range(_ROUNDS):
            for name, asker in askers.items():
                found[name].append(await asker.round())
    print(f"{len(answers['compiled']):,} bytes of answer, {os.cpu_count()} cores")
    for name, rounds in found.items():
        processor, clock = (statistics.median(each) * 1e6 for each in zip(*rounds, strict=True))
        best = min(each for each, _ in rounds) * 1e6
        print(
            f"{name:13} {processor:7.0f} µs of the processor (best {best:.0f}), {clock:7.0f} µs by the clock a request"
        )
    ratios = [stock[0] / compiled[0] for stock, compiled in zip(found["graphql-core"], found["compiled"], strict=True)]
    print(f"graphql-core takes {statistics.median(ratios):.2f} times the processor time of compiled")


def main() -> None:
    """Print the figures of one run; `--profile` shows where compiled requests spend theirs."""
    people = (ROOT / f"operators/{_OPERATOR}/demo.ndjson").read_text()
    with own_server(operator=_OPERATOR, limits={}, households=20, people=people) as server:
        uvloop.run(_measure(server.database_url, profiled="--profile" in sys.argv))


if __name__ == "__main__":
    main()
