"""How fast the household dashboard is, against the peers that its community would take instead.

Everybody serves the same households from the same PostgreSQL, after the same lookup of the session and of what the
viewer may see, and is first seen to answer the same. Each is one process, pinned to one core; the load and PostgreSQL
are pinned to the other. In every round each has its turn, in an order drawn anew, while the others wait: what the
machine does meanwhile strikes all alike. Writes RESULTS.md and results.json.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from bench.contestants import CONNECTIONS, CONTESTANTS, Running, running, versions
from bench.dashboard_data import SIZES, Database, Viewers, database, prepare
from bench.measures import LARGE, OURS, RETURNING, Round, markdown, orders, percentile, results
from bench.own_server import ROOT
from bench.processes import cpu_seconds, family, memory_megabytes, stay_on
from bench.same_answers import check
from tests import npm_peer

_FIRST = 20
_CHECKED_OWNERS = 6
_CHECKED_OF_EACH_SIZE = 2
# Node's compilers want some seconds; later only caches do.
_FIRST_WARM_SECONDS, _WARM_SECONDS = 3.0, 0.5
_SIZE_ROUNDS, _SIZE_SECONDS = 2, 3.0
# Whose pages are in memory after the first round. All others are seen once at the most, so that of a database which is
# larger than the memory nearly everything comes from the disk.
_RETURNING_VIEWERS = 500
# Less than this is no dashboard.
_LEAST_BYTES = 500
_SENT = "select coalesce(sum(calls), 0)::bigint from pg_stat_statements where query not like '%pg_stat_statements%'"


@dataclass(frozen=True, slots=True)
class _Course:
    """What the turns of a run have in common."""

    folder: Path
    cores: frozenset[int] | None
    connections: int


@dataclass(frozen=True, slots=True)
class _Turn:
    """Whose turn, for which households."""

    running: Running
    name: str
    numbers: int
    round: int
    place: int
    seconds: float
    warm: float

    @property
    def first(self) -> int:
        return max(_FIRST, self.numbers)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--households", type=int, default=50_000)
    parser.add_argument("--large", type=int, help="households of a second database, to see how Hearth bears them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each turn")
    parser.add_argument("--peers", nargs="*", choices=[name for name in CONTESTANTS if name != OURS], help="only these")
    parser.add_argument("--no-sizes", action="store_true", help="only households of four numbers")
    parser.add_argument("--out", type=Path, default=ROOT / "bench", help="where the results are written")
    told = parser.parse_args()
    names = [OURS, *(told.peers if told.peers is not None else [name for name in CONTESTANTS if name != OURS])]
    servers, others = _cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hearth-bench-")))
        course = _Course(folder, others, CONNECTIONS)
        started = _started(stack, course, names, told.households, servers)
        if told.large:
            started[LARGE] = _started(stack, course, [OURS], told.large, servers)[OURS]
            started |= {f"{name}{RETURNING}": started[name] for name in (OURS, LARGE)}
        stay_on(others)
        rounds = []
        for turn in _turns(started, told.rounds, told.seconds, sizes=() if told.no_sizes else SIZES):
            rounds.append(_measured(course, turn))
            _print(rounds[-1])
        about = _about(told, started, servers, others)
    _write(told.out, results(rounds, about))


def _started(
    stack: ExitStack, course: _Course, names: list[str], households: int, cores: frozenset[int] | None
) -> dict[str, Running]:
    """Contestants on a database of that many households, seen to answer the same."""
    found = stack.enter_context(database(households))
    for pid in family(found.pid):
        stay_on(course.cores, pid)
    viewers = asyncio.run(prepare(found.url))
    for numbers, tokens in viewers.owners.items():
        _tokens(course, found, numbers).write_text("\n".join(tokens))
        _tokens(course, found, numbers, RETURNING).write_text("\n".join(_returning(tokens)))
    started = stack.enter_context(running(names, found, cores))
    _check(started, viewers)
    return started


def _returning(tokens: Sequence[str]) -> list[str]:
    """A few of them, from all over the database: neighbours would share its pages."""
    draw = random.Random(1)  # noqa: S311 - nothing to guess
    return draw.sample(tokens, min(_RETURNING_VIEWERS, len(tokens)))


def _check(started: Mapping[str, Running], viewers: Viewers) -> None:
    check(started, viewers.owners[4][:_CHECKED_OWNERS] + viewers.members, _FIRST)
    for numbers in SIZES:
        check(started, viewers.owners[numbers][:_CHECKED_OF_EACH_SIZE], max(_FIRST, numbers))
    print(f"{', '.join(started)} answer the same", flush=True)


def _turns(started: dict[str, Running], rounds: int, seconds: float, sizes: Sequence[int]) -> Iterator[_Turn]:
    for number, order in enumerate(orders(list(started), rounds, seed=1)):
        for place, name in enumerate(order):
            warm = _WARM_SECONDS if number else _FIRST_WARM_SECONDS
            yield _Turn(started[name], name, 4, number, place, seconds, warm)
    names = [name for name in started if name in CONTESTANTS]
    for numbers in sizes:
        for number, order in enumerate(orders(names, _SIZE_ROUNDS, seed=numbers)):
            for place, name in enumerate(order):
                seconds_of_size = min(_SIZE_SECONDS, seconds)
                yield _Turn(started[name], name, numbers, number, place, seconds_of_size, _WARM_SECONDS)


def _measured(course: _Course, turn: _Turn) -> Round:
    here, households = turn.running, turn.running.database
    _loaded(course, turn, turn.warm, seed=turn.round * 2 + 1)
    server, postgres = family(here.pid), family(households.pid)
    sent = asyncio.run(_statements(households.url))
    server_cpu, postgres_cpu = cpu_seconds(server), cpu_seconds(postgres)
    load = _loaded(course, turn, turn.seconds, seed=turn.round * 2 + 2)
    server_cpu = cpu_seconds(server) - server_cpu
    # Whoever connected meanwhile is counted whole.
    postgres_cpu = cpu_seconds({*postgres, *family(households.pid)}) - postgres_cpu
    requests, seconds = load["requests"], load["seconds"]
    if load["bad"]:
        raise RuntimeError(f"{here.contestant.title} answered {load['bad']} of {requests:,} requests badly")
    return Round(
        peer=turn.name,
        households=households.households,
        numbers=turn.numbers,
        round=turn.round,
        place=turn.place,
        requests=requests,
        bad=load["bad"],
        seconds=seconds,
        per_second=requests / seconds,
        p50_ms=percentile(load["latencies"], 0.5),
        p99_ms=percentile(load["latencies"], 0.99),
        server_cpu_ms=server_cpu / requests * 1000,
        postgres_cpu_ms=postgres_cpu / requests * 1000,
        load_cpu_ms=load["cpu_seconds"] / requests * 1000,
        server_busy=server_cpu / seconds,
        statements=(asyncio.run(_statements(households.url)) - sent) / requests,
        answer_kb=load["bytes"] / requests / 1024,
        memory_mb=memory_megabytes(server),
    )


def _loaded(course: _Course, turn: _Turn, seconds: float, seed: int) -> dict[str, Any]:
    """What the generator of the load tells, which is a process of its own."""
    contestant = turn.running.contestant
    task = {
        "port": turn.running.port,
        "path": contestant.path_for(turn.first),
        "body": contestant.asked(turn.first),
        "tokens": str(
            _tokens(course, turn.running.database, turn.numbers, RETURNING if turn.name.endswith(RETURNING) else "")
        ),
        "connections": course.connections,
        "seconds": seconds,
        "seed": seed,
        "least": _LEAST_BYTES,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bench.load"],
        input=json.dumps(task).encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=partial(stay_on, course.cores),
    )
    if done.returncode:
        raise RuntimeError(f"{contestant.title} was not measured:\n{done.stderr.decode()}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def _statements(url: str) -> int:
    """How many statements PostgreSQL has answered, but for those about it."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(_SENT))
    finally:
        await connection.close()


def _tokens(course: _Course, database: Database, numbers: int, who: str = "") -> Path:
    return course.folder / f"tokens-{database.households}-{numbers}{who}"


def _cores() -> tuple[frozenset[int] | None, frozenset[int] | None]:
    """The core of the servers, and that of the load and PostgreSQL; None where they cannot be kept apart."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        return None, None
    server, other, *_ = sorted(os.sched_getaffinity(0))
    return frozenset({server}), frozenset({other})


def _about(
    told: argparse.Namespace,
    started: Mapping[str, Running],
    servers: frozenset[int] | None,
    others: frozenset[int] | None,
) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": _machine(),
        "cores": f"core {min(servers)}, load and PostgreSQL on core {min(others)}"
        if servers and others
        else "any core",
        "households": told.households,
        "large_households": told.large,
        "connections": CONNECTIONS,
        "main_rounds": told.rounds,
        "main_seconds": told.seconds,
        "versions": _versions(started[OURS].database) | versions(),
        "peers": {
            name: {"title": _title(name), "program": " ".join(_without_place(CONTESTANTS[_of(name)].program))}
            for name in started
        },
    }


def _title(name: str) -> str:
    title = CONTESTANTS[_of(name)].title
    title += ", the larger database" if name.startswith(LARGE) else ""
    return title + (f", {_RETURNING_VIEWERS} viewers who return" if name.endswith(RETURNING) else "")


def _of(name: str) -> str:
    return name if name in CONTESTANTS else OURS


def _without_place(program: tuple[str, ...]) -> Iterator[str]:
    """A command without where this checkout stands."""
    for word in program:
        yield Path(word).name if word.startswith("/") else word


def _machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or "unknown processor",
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return f"{model}, {os.cpu_count()} cores, {memory / 2**20:.0f} GiB, {platform.system()} {platform.release()}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []


def _versions(database: Database) -> dict[str, str]:
    async def postgres() -> str:
        connection = await asyncpg.connect(database.url)
        try:
            return str(await connection.fetchval("show server_version"))
        finally:
            await connection.close()

    node = subprocess.run([str(npm_peer.node()), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "PostgreSQL": asyncio.run(postgres()),
        "Python": platform.python_version(),
        "Node": node.strip().removeprefix("v"),
    }


def _print(turn: Round) -> None:
    print(
        f"{turn.numbers:3} numbers, round {turn.round}: {turn.peer:13}{turn.per_second:7,.0f}/s, "
        f"p50 {turn.p50_ms:6.1f} ms, p99 {turn.p99_ms:6.1f} ms, CPU {turn.server_cpu_ms:6.2f} ms "
        f"(busy {turn.server_busy:4.0%}), PostgreSQL {turn.postgres_cpu_ms:5.2f} ms, load {turn.load_cpu_ms:.3f} ms, "
        f"{turn.statements:5.1f} statements, {turn.memory_mb:4.0f} MB",
        flush=True,
    )


def _write(folder: Path, told: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    (folder / "RESULTS.md").write_text(markdown(told))
    print(f"\n{markdown(told)}\nWritten to {folder}.")


if __name__ == "__main__":
    main()
