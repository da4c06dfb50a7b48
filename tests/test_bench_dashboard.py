"""What is ours in the benchmark of the dashboard: figures, turns, results, the load, and the peers' idea of rights."""

import asyncio
import importlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import contestants, dashboard_data
from bench.measures import LARGE, OURS, RETURNING, Round, cpu_ratios, markdown, orders, percentile, ratios, results
from bench.peers.statements import STATEMENTS
from bench.same_answers import canonical, of_postgraphile
from domain.access import AccessLevel, HouseholdRole, LinkKind, Scope, scopes
from loaders.visible import in_order
from models.visible import LineRow, standing
from server.edge_settings import ROOT


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.floats(0.01, 1))
def test_percentile_is_the_least_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_percentiles_of_a_hundred_and_of_none() -> None:
    assert percentile(range(100, 0, -1), 0.5) == 50
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile(range(1, 101), 1) == 100
    assert percentile([], 0.5) == 0


def test_everybody_has_a_turn_in_each_round_and_nobody_a_place_of_their_own() -> None:
    names = ["hearth", "mercurius", "endpoint", "naive"]
    drawn = orders(names, 40, seed=1)
    assert all(sorted(order) == sorted(names) for order in drawn)
    assert {order[0] for order in drawn} == set(names)
    assert drawn == orders(names, 40, seed=1), "a run can be repeated"


def turn(peer: str, number: int, per_second: float, numbers: int = 4, **more: float) -> Round:
    figures: dict[str, Any] = {
        "households": 50_000,
        "place": 0,
        "requests": 1000,
        "bad": 0,
        "seconds": 1000 / per_second,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "server_cpu_ms": 0.5,
        "postgres_cpu_ms": 0.5,
        "load_cpu_ms": 0.05,
        "server_busy": 0.9,
        "statements": 5.0,
        "answer_kb": 7.5,
        "memory_mb": 100.0,
        **more,
    }
    return Round(peer=peer, round=number, per_second=per_second, numbers=numbers, **figures)


# The machine is ten times slower in the second round: only what is compared within a round can be believed.
ROUNDS = [
    turn(OURS, 0, 2000),
    turn("mercurius", 0, 1000),
    turn(OURS, 1, 150),
    turn("mercurius", 1, 100, server_cpu_ms=0.25),
    turn(OURS, 2, 1800),
    turn("mercurius", 2, 1000, server_cpu_ms=0.125),
    turn(LARGE, 0, 1000),
    turn(LARGE, 1, 120),
    turn(LARGE, 2, 1600),
    turn(f"{OURS}{RETURNING}", 0, 2000),
    turn(f"{LARGE}{RETURNING}", 0, 1800),
    turn(OURS, 0, 300, numbers=100),
    turn("mercurius", 0, 100, numbers=100),
]
ABOUT = {
    "date": "2026-11-22",
    "machine": "a machine",
    "cores": "any core",
    "households": 50_000,
    "large_households": 1_000_000,
    "connections": 16,
    "main_rounds": 3,
    "main_seconds": 6.0,
    "versions": {"Node": "24"},
    "peers": {name: {"title": name.title(), "program": ""} for name in (OURS, "mercurius", LARGE)},
}


def test_ratios_are_medians_of_rounds() -> None:
    assert ratios(ROUNDS) == {
        "mercurius": 1.8,
        LARGE: 1.25,
        f"{OURS}{RETURNING}": 1.0,
        f"{LARGE}{RETURNING}": pytest.approx(10 / 9),
    }
    assert ratios(ROUNDS, 100) == {"mercurius": 3.0}
    assert cpu_ratios(ROUNDS)["mercurius"] == 2.0


def test_results_are_what_others_read_and_can_be_written_down() -> None:
    told = json.loads(json.dumps(results(ROUNDS, ABOUT)))
    assert told["ratios"] == {"mercurius": 1.8}
    assert told["cpu_ratios"] == {"mercurius": 2.0}
    assert told["large_ratio"] == 0.9
    assert told["large_ratio_from_disk"] == 0.8
    assert told["ratios_by_numbers"] == {"100": {"mercurius": 3.0}}
    assert len(told["rounds"]) == len(ROUNDS)
    text = markdown(told)
    assert "| throughput against Mercurius with jit | 1.80 | ≥ 1.5 | 2.0 |" in text
    assert "| throughput against PostGraphile 5 | not measured | ≥ 1.5 | 2.0 |" in text
    assert "| 1,000,000 households against 50,000, viewers who return | 0.90 | ≥ 0.85 | 0.95 |" in text
    assert "| the same, everybody for the first time, from the disk | 0.80 | – | – |" in text
    assert "| Mercurius | 100 (3.00×) |" in text
    assert "| statements for the dashboard | 5 | ≤ 5 | – |" in text


def test_every_contestant_has_its_ratio_and_a_program_that_is_there() -> None:
    assert list(contestants.CONTESTANTS) == [
        OURS,
        "mercurius",
        "postgraphile",
        "graphql_jit",
        "ariadne",
        "naive",
        "endpoint",
    ]
    for contestant in contestants.CONTESTANTS.values():
        if contestant.program and contestant.program[0].endswith(".mjs"):
            assert (contestants.PEERS / "node" / contestant.program[0]).exists()
        assert "{first}" not in contestant.asked(20) + contestant.path_for(20)
    assert contestants.CONTESTANTS[OURS].asked(7).count("first: 7)") == 2


def test_peers_send_statements_that_there_are() -> None:
    sent = set()
    for source in [*contestants.PEERS.glob("node/*.mjs"), *contestants.PEERS.glob("python/*.py")]:
        sent |= set(re.findall(r"""\brows\(\s*['"](\w+)['"]""", source.read_text()))
    assert sent == set(STATEMENTS)


def test_an_answer_can_be_compared_but_for_its_moment_and_ties() -> None:
    def dashboard(amount: str, as_of: str, *names: str) -> dict[str, Any]:
        packages = [{"name": name, "resetsAt": "2026-11-25T03:00:00+00:00"} for name in names]
        return {"balance": {"available": amount, "asOf": as_of}, "remains": packages}

    one = canonical(dashboard("1.00", "2026-11-22T09:33:37.973609+00:00", "a", "b"))
    assert one == canonical(dashboard("1.00", "2026-11-22T09:33:38+00:00", "b", "a"))
    assert one != canonical(dashboard("1.01", "2026-11-22T09:33:38+00:00", "b", "a"))
    assert one != canonical(dashboard("1.00", "yesterday", "a", "b"))
    assert of_postgraphile({"data": {"viewer": None}}) == {"data": {"viewer": None}}


async def loaded(tmp_path: Path, answer: bytes, connections: int) -> dict[str, Any]:
    """What the generator of the load tells of a server that always answers the same; each connection asks once."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head)
        assert size is not None
        assert await reader.readexactly(int(size[1])) == b"{}"
        assert re.search(rb"authorization: Bearer (one|two)\r\n", head)
        writer.write(answer)
        await writer.drain()
        writer.close()

    tokens = tmp_path / "tokens"
    tokens.write_text("one\ntwo")
    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        task = {
            "port": server.sockets[0].getsockname()[1],
            "path": "/graphql",
            "body": "{}",
            "tokens": str(tokens),
            "connections": connections,
            "seconds": 0,
            "seed": 1,
            "least": 10,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "bench.load"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        told, _ = await process.communicate(json.dumps(task).encode())
    found: dict[str, Any] = json.loads(told)
    return found


@pytest.mark.parametrize(
    ("status", "body", "bad"),
    [
        (200, b'{"data": "long enough"}', 0),
        (200, b'{"errors": "long enough"}', 3),
        (200, b"{}", 3),
        (503, b'{"data": "long enough"}', 3),
    ],
)
async def test_load_counts_answers_and_tells_bad_ones(tmp_path: Path, status: int, body: bytes, bad: int) -> None:
    answer = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)
    told = await loaded(tmp_path, answer, connections=3)
    assert (told["requests"], told["bad"], told["bytes"]) == (3, bad, 3 * len(body))
    assert len(told["latencies"]) == 3


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The peers' rules of access, told of the operator's as in the benchmark."""
    setup = tmp_path_factory.mktemp("peer") / "setup.json"
    setup.write_text(json.dumps(contestants.setup(dashboard_data.Database("postgresql:///nowhere", 0, 0))))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PEER_SETUP", str(setup))
        return importlib.import_module("bench.peers.python.access")


RULES = dashboard_data.profile()
GRANTS = st.tuples(
    st.sampled_from([role.value for role in HouseholdRole]),
    st.sampled_from([kind.value for kind in LinkKind]),
    st.lists(st.sampled_from([scope.value for scope in Scope]), unique=True),
    st.none() | st.sampled_from([role.value for role in HouseholdRole]),
    st.none() | st.dates(date(1950, 1, 1), date(2026, 1, 1)).map(date.isoformat),
    st.booleans(),
    st.booleans(),
)


@given(
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    st.none() | st.lists(GRANTS, max_size=3),
    st.sampled_from(AccessLevel),
)
def test_peers_give_the_rights_that_we_give(
    access: ModuleType, relation: tuple[bool, bool, bool, bool], grants: list[Any] | None, level: AccessLevel
) -> None:
    found = dict(zip(("holds_it", "holds_contract", "is_child", "has_ended"), relation, strict=True))
    row = LineRow._make([*[None] * 9, *relation, None if grants is None else orjson.dumps(grants).decode()])
    today = datetime.now(UTC).astimezone(RULES.operator.zone).date()
    expected = in_order(scopes(standing(row), level, RULES, today))
    assert access.names(access.rights({**found, "grants": grants}, level)) == [*expected]
