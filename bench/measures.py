"""The figures of the benchmark of the dashboard: what is computed from rounds, and how it is written down."""

import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

OURS = "hearth"
LARGE = "hearth_large"
"""Hearth on the larger database, where one was asked for."""
RETURNING = "_returning"
"""Ends the names of those whose viewers are a few, who come again and again."""

_NUMBERS = 4


@dataclass(frozen=True, slots=True)
class Round:
    """One contestant's turn: seconds in which it alone was asked for households of `numbers` numbers.

    `place` is its place in the order of the round. Times are milliseconds; those with `_cpu_ms` are for each request,
    as the kernel counted them: of the server, of PostgreSQL, of the generator of the load. `server_busy` is the part of
    its core that the server used.
    """

    peer: str
    households: int
    numbers: int
    round: int
    place: int
    requests: int
    bad: int
    seconds: float
    per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float
    postgres_cpu_ms: float
    load_cpu_ms: float
    server_busy: float
    statements: float
    answer_kb: float
    memory_mb: float


# What is measured, against whom, at least, and the aim.
_GOALS: tuple[tuple[str, str, float, float], ...] = (
    ("throughput against Mercurius with jit", "mercurius", 1.5, 2.0),
    ("throughput against PostGraphile 5", "postgraphile", 1.5, 2.0),
    ("throughput against graphql-jit with pg", "graphql_jit", 1.05, 1.4),
    ("throughput against the endpoint by hand", "endpoint", 0.65, 0.9),
)


def percentile(values: Iterable[float], share: float) -> float:
    """The least of `values` that at least `share` of them (above 0, at most 1) do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * share // 1)
    return ordered[max(int(rank), 1) - 1]


def orders(names: Sequence[str], rounds: int, seed: int) -> list[list[str]]:
    """Whose turn it is in each round: everybody once, in an order drawn anew."""
    draw = random.Random(seed)  # noqa: S311 - nothing to guess
    return [draw.sample(names, len(names)) for _ in range(rounds)]


def ratios(rounds: Iterable[Round], numbers: int = _NUMBERS, ours: str = OURS) -> dict[str, float]:
    """Throughput of Hearth divided by each peer's, in the same round: the median of the rounds."""
    return _compared(rounds, numbers, lambda our, their: our.per_second / their.per_second, ours)


def cpu_ratios(rounds: Iterable[Round], numbers: int = _NUMBERS) -> dict[str, float]:
    """The server's CPU for a request, Hearth's divided by each peer's: the median of the rounds."""
    return _compared(rounds, numbers, lambda ours, theirs: ours.server_cpu_ms / theirs.server_cpu_ms)


def results(rounds: Sequence[Round], about: Mapping[str, Any]) -> dict[str, Any]:
    """What is written to `results.json`: the ratios, the same by the size of the household, and every raw round."""
    main, cpu = ratios(rounds), cpu_ratios(rounds)
    anew = main.get(LARGE)
    again = ratios(rounds, ours=f"{OURS}{RETURNING}").get(f"{LARGE}{RETURNING}")
    for name in {each.peer for each in rounds if each.peer.startswith(OURS)}:
        main.pop(name, None)
        cpu.pop(name, None)
    ours = [each for each in rounds if each.peer == OURS and each.numbers == _NUMBERS]
    return {
        "ratios": _rounded(main),
        "cpu_ratios": _rounded(cpu),
        "ratios_by_numbers": {
            str(numbers): _rounded(ratios(rounds, numbers))
            for numbers in sorted({each.numbers for each in rounds} - {_NUMBERS})
        },
        # Throughput on the larger database divided by that on the other: for viewers who return, and for those who are
        # there for the first time, whose pages come from the disk.
        "large_ratio": None if again is None else round(1 / again, 3),
        "large_ratio_from_disk": None if anew is None else round(1 / anew, 3),
        "memory_mb": round(max((each.memory_mb for each in ours), default=0.0), 1),
        # Now and then a server has something to send of its own.
        "statements": round(statistics.median(each.statements for each in ours)) if ours else None,
        **about,
        "rounds": [_rounded(asdict(each)) for each in rounds],
    }


def markdown(told: Mapping[str, Any]) -> str:
    """What is written to `RESULTS.md`, from `results.json`."""
    titles = {name: peer["title"] for name, peer in told["peers"].items()}
    lines = [
        "# The dashboard, against its peers",
        "",
        "Written by `make bench`; the raw rounds are in [results.json](results.json), the peers in [peers](peers).",
        "",
        f"{told['date']}, {told['machine']}.",
        f"{told['households']:,} households; {told['connections']} requests under way at a time; "
        f"{told['main_rounds']} rounds of {told['main_seconds']:g} s in shuffled order, one server process each on "
        f"{told['cores']}. Every figure is a median of rounds.",
        "",
        "| four numbers | requests/s | Hearth is | CPU, ms | Hearth takes | p50, ms | p99, ms | statements "
        "| PostgreSQL, ms | server busy | memory, MB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, title in titles.items():
        turns = _turns(told, name, _NUMBERS)
        if turns:
            lines.append(
                f"| {title} | {_median(turns, 'per_second'):,.0f} | {_times(told['ratios'].get(name))} "
                f"| {_median(turns, 'server_cpu_ms'):.2f} | {_times(told['cpu_ratios'].get(name))} "
                f"| {_median(turns, 'p50_ms'):.1f} | {_median(turns, 'p99_ms'):.1f} "
                f"| {_median(turns, 'statements'):.1f} | {_median(turns, 'postgres_cpu_ms'):.2f} "
                f"| {_median(turns, 'server_busy'):.0%} | {_median(turns, 'memory_mb'):.0f} |"
            )
    lines += [
        "",
        "*Hearth is*: its throughput divided by the peer's; *Hearth takes*: its CPU for a request divided by theirs.",
        "Where a server is not nearly always busy, the core that PostgreSQL and the load share is what is full; "
        f"the load takes {_median(told['rounds'], 'load_cpu_ms'):.2f} ms of it for a request.",
        "",
        *_by_size(told, titles),
        "",
        *_goals(told),
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in told["versions"].items()) + ".",
        "",
    ]
    return "\n".join(lines)


def _by_size(told: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    sizes = list(told["ratios_by_numbers"])
    lines = [
        "| requests/s (Hearth is) | " + " | ".join(f"{size} numbers" for size in sizes) + " |",
        "|---|" + "--:|" * len(sizes),
    ]
    here = {each["peer"] for each in told["rounds"] if str(each["numbers"]) in sizes}
    for name, title in titles.items():
        if name not in here:
            continue
        cells = []
        for size in sizes:
            turns, ratio = _turns(told, name, int(size)), told["ratios_by_numbers"][size].get(name)
            shown = f"{_median(turns, 'per_second'):,.0f}" if turns else "–"
            cells.append(shown if ratio is None else f"{shown} ({_times(ratio)})")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines if sizes else []


def _goals(told: Mapping[str, Any]) -> list[str]:
    reached = [(what, told["ratios"].get(peer), f"≥ {least}", f"{aim}") for what, peer, least, aim in _GOALS]
    reached += [
        ("CPU for a request against the endpoint", told["cpu_ratios"].get("endpoint"), "≤ 2.0", "1.5"),
        (
            "100 numbers, throughput against the endpoint",
            told["ratios_by_numbers"].get("100", {}).get("endpoint"),
            "≥ 0.65",
            "0.8",
        ),
        (
            f"{told['large_households'] or 1_000_000:,} households against {told['households']:,}, viewers who return",
            told["large_ratio"],
            "≥ 0.85",
            "0.95",
        ),
        ("the same, everybody for the first time, from the disk", told["large_ratio_from_disk"], "–", "–"),
        ("memory of one worker, MB", told["memory_mb"], "≤ 130", "90"),
        ("statements for the dashboard", told["statements"], "≤ 5", "–"),
    ]
    lines = ["| goal | measured | wanted | aim |", "|---|--:|--:|--:|"]
    for what, value, wanted, aim in reached:
        shown = "not measured" if value is None else f"{value:.2f}" if isinstance(value, float) else f"{value}"
        lines.append(f"| {what} | {shown} | {wanted} | {aim} |")
    return lines


def _compared(rounds: Iterable[Round], numbers: int, compare: Any, ours: str = OURS) -> dict[str, float]:
    turns: dict[int, dict[str, Round]] = {}
    for each in rounds:
        if each.numbers == numbers:
            turns.setdefault(each.round, {})[each.peer] = each
    found: dict[str, list[float]] = {}
    for turn in turns.values():
        for name, theirs in turn.items():
            if name != ours and ours in turn:
                found.setdefault(name, []).append(compare(turn[ours], theirs))
    return {name: statistics.median(values) for name, values in found.items()}


def _turns(told: Mapping[str, Any], name: str, numbers: int) -> list[Mapping[str, Any]]:
    return [each for each in told["rounds"] if each["peer"] == name and each["numbers"] == numbers]


def _median(turns: Sequence[Mapping[str, Any]], figure: str) -> float:
    return statistics.median(float(turn[figure]) for turn in turns)


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}×"


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
