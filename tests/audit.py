"""The audits of other people's making: `python -m tests.audit` starts a server, and prints what they say of it."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from models.migrate import migrate
from server.embedded_postgres import EmbeddedPostgres
from tests import npm_peer
from tests.cabinet import SIGN_IN

_SECONDS = 120
_OPERATOR = "beeline"
# The balances of all numbers are told at once, and those of none never: the stream of a foreign number completes.
_STREAMS = {
    "ENDING": 'subscription { balanceChanged(lineIds: ["x"]) { id } }',
    "ENDING_EVENTS": "0",
    "LASTING": "subscription { balanceChanged { id } }",
}


@dataclass(frozen=True)
class Rule:
    """A rule of a specification, and whether the server keeps it; `reason` says why not."""

    name: str
    kept: bool
    reason: str


def over_http(address: str) -> list[Rule]:
    """The rules of GraphQL over HTTP; the server answers queries over GET too."""
    return _run("http.mjs", f"{address}/graphql", {})


def over_websocket(address: str, person: Mapping[str, Any]) -> list[Rule]:
    """The rules of graphql-transport-ws; `person` has three numbers or more."""
    variables = {"identifier": person["msisdn"], "password": person["password"]}
    signed_in = httpx2.post(
        f"{address}/graphql", json={"query": SIGN_IN, "variables": variables}, headers={"x-operator": _OPERATOR}
    )
    token = signed_in.json()["data"]["signInWithPassword"]["accessToken"]
    params = json.dumps({"authorization": f"Bearer {token}", "operator": _OPERATOR})
    return _run("ws.mjs", f"{address}/graphql".replace("http", "ws", 1), {"PARAMS": params, **_STREAMS})


def _run(script: str, url: str, environment: Mapping[str, str]) -> list[Rule]:
    folder = npm_peer.installed("audit")
    done = subprocess.run(
        [str(npm_peer.node()), str(folder / script), url],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Rule(**json.loads(line)) for line in done.stdout.splitlines()]


def main() -> int:
    """Print every broken rule, and how many are kept."""
    from tests.conftest import ROOT, running_server

    with tempfile.TemporaryDirectory() as data, EmbeddedPostgres(ROOT / ".hearth" / "audit", durable=False) as database:
        asyncio.run(migrate(database))
        with running_server(database, Path(data), HEARTH_GET_QUERIES="1") as address:
            owner = httpx2.get(f"{address}/dev/demo").json()[_OPERATOR]["owner"]
            found = {"GraphQL over HTTP": over_http(address), "graphql-transport-ws": over_websocket(address, owner)}
    for name, rules in found.items():
        print(f"{name}: {sum(rule.kept for rule in rules)}/{len(rules)}")
        for rule in rules:
            if not rule.kept:
                print(f"  {rule.name}: {rule.reason}")
    return 0 if all(rule.kept for rules in found.values() for rule in rules) else 1


if __name__ == "__main__":
    sys.exit(main())
