"""What a flood of documents that come once does to a server: to its memory, and to a document that it knows.

One production server with the demo households is asked for the dashboard, then for thousands of operations of which no
two are alike, and for the dashboard in between. Prints what the dashboard costs of the server's processor, and the
memory. Fails where the flood makes it dearer by more than a tenth, or where the second half of the flood, after the
documents that are kept have reached their bounds, still adds to the memory.
"""

import argparse
import asyncio
import http.client
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench.own_server import ROOT, OwnServer, own_server
from bench.processes import cpu_seconds
from tests.session import open_session

_OPERATOR = "beeline"
_OWNER = "anna.sokolova"
_DASHBOARD = (ROOT / "graphiql" / "examples" / "01-dashboard.graphql").read_text()
# The kernel counts hundredths of a second: a block has some seconds of them.
_BLOCK = 400
_TIMES = 3
_STAGES = 4
_DEARER = 1.10
_MEGABYTES = 8.0


@dataclass(frozen=True, slots=True)
class _Stage:
    """How many documents had come, and what was measured then: milliseconds of CPU a dashboard, resident megabytes."""

    documents: int
    dashboard_ms: float
    megabytes: float


class _Client:
    """One connection to the server, as one signed-in user."""

    def __init__(self, server: OwnServer, token: str) -> None:
        self._connection = http.client.HTTPConnection(server.host, server.port)
        self._headers = {
            "content-type": "application/json",
            "x-operator": _OPERATOR,
            "authorization": f"Bearer {token}",
        }

    def ask(self, query: str) -> None:
        """Raises RuntimeError for an answer that is not whole."""
        self._connection.request("POST", "/graphql", json.dumps({"query": query}), self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != 200 or b'"errors"' in told:
            raise RuntimeError(f"answered {answer.status}: {told[:300]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-flood", description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    documents = parser.parse_args().documents
    people = (ROOT / f"operators/{_OPERATOR}/demo.ndjson").read_text()
    with own_server(operator=_OPERATOR, limits={}, households=20, people=people) as server:
        token = asyncio.run(open_session(server.database_url, _OPERATOR, _OWNER))
        stages = []
        for stage in _flooded(server, _Client(server, token), documents):
            print(
                f"{stage.documents:7,} documents: the dashboard takes {stage.dashboard_ms:.2f} ms, "
                f"memory is {stage.megabytes:.1f} MB",
                flush=True,
            )
            stages.append(stage)
    dearer = stages[-1].dashboard_ms / stages[0].dashboard_ms
    grown = stages[-1].megabytes - stages[_STAGES // 2].megabytes
    print(f"The dashboard is {dearer:.2f} times as dear; the second half of the flood added {grown:.1f} MB")
    sys.exit(dearer > _DEARER or grown > _MEGABYTES)


def _flooded(server: OwnServer, client: _Client, documents: int) -> Iterator[_Stage]:
    for _ in range(_BLOCK):
        client.ask(_DASHBOARD)
    yield _measured(server, client, 0)
    for stage in range(_STAGES):
        first, end = (documents * part // _STAGES for part in (stage, stage + 1))
        for number in range(first, end):
            client.ask(f"query Q{number} {{ viewer {{ a{number}: user {{ displayName }} household {{ name }} }} }}")
        yield _measured(server, client, end)


def _measured(server: OwnServer, client: _Client, documents: int) -> _Stage:
    """The cheapest of a few blocks of dashboards: whatever else the machine does only makes them dearer."""
    costs = []
    for _ in range(_TIMES):
        before = cpu_seconds(server.workers)
        for _ in range(_BLOCK):
            client.ask(_DASHBOARD)
        costs.append((cpu_seconds(server.workers) - before) / _BLOCK * 1000)
    return _Stage(documents, min(costs), server.kilobytes() / 1024)


if __name__ == "__main__":
    main()
