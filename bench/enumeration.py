"""Can a stranger find out who has a cabinet? `make bench-enumeration` asks as one would: by answers and by time.

1,000 known and 1,000 unknown numbers are sent in random order, one request at a time over one connection, to
`signInWithPassword` with a wrong password and to `requestSignInCode`. Each request comes from a network of its own,
as those of a botnet do. Answers must be equal to the byte but for ids and dates; times must not tell the kinds apart:
it fails when Mann-Whitney's |z| is over 3.3 and the medians differ by more than 0.5 ms.
"""

import asyncio
import gc
import http.client
import json
import random
import re
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import asyncpg

from bench.mann_whitney import z_score
from bench.own_server import OwnServer, own_server

MOST_DEVIATIONS = 3.3
MOST_MILLISECONDS = 0.5

OPERATOR = "beeline"

# Each number is asked once by each operation, so these only keep a counter from ending the measurement.
LIMITS = {
    "max_failed_passwords": 100,
    "max_sms_per_number_per_hour": 100,
    "max_guesses_per_number_per_day": 1000,
    "resend_after_seconds": 1,
}

WITH_PASSWORD = "known, password"  # noqa: S105
WITHOUT_PASSWORD = "known, no password"  # noqa: S105
UNKNOWN = "unknown"

# Four numbers each: enough for the measurement and for warming up.
_HOUSEHOLDS = 220
_WARM_UP = 40
_SEED = 20_261_121

_SIGN_IN = """
mutation SignIn($identifier: String!) {
  signInWithPassword(input: {identifier: $identifier, password: "Wrong4Everybody"}) {
    accessToken mustChangePassword lockedUntil attemptsLeft session { id } viewer { id }
    userErrors { __typename code message field }
  }
}
"""
_REQUEST_CODE = """
mutation RequestCode($identifier: String!) {
  requestSignInCode(input: {identifier: $identifier}) {
    challenge { id purpose channel expiresAt attemptsLeft resendAllowedAt }
    userErrors { __typename code message field }
  }
}
"""

_KINDS = """
select number, u.id is not null as known, u.password_hash is not null as password
from unnest($1::text[]) as number
left join login l on l.value = number and l.operator = $2 and l.kind = 'MSISDN'
left join app_user u on u.id = l.user_id
"""

# An answer without this was refused before it came to the question, and then nothing is measured.
OPERATIONS = {
    "signInWithPassword": (_SIGN_IN, b'"code":"BAD_CREDENTIALS"'),
    "requestSignInCode": (_REQUEST_CODE, b'"userErrors":[]'),
}

_CHANGING = re.compile(
    rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(slots=True)
class Measured:
    """What one operation answered to each kind of number, and how long it took, in milliseconds."""

    expected: bytes
    answers: dict[str, Counter[bytes]] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)

    def note(self, kind: str, answer: bytes, milliseconds: float) -> None:
        """Keep one answer."""
        self.answers.setdefault(kind, Counter())[answer] += 1
        self.times.setdefault(kind, []).append(milliseconds)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How long numbers of one kind took beside unknown ones; `difference` is that of the medians, in milliseconds."""

    kind: str
    median: float
    difference: float
    z: float

    @property
    def tells_apart(self) -> bool:
        """Whether the time betrays the kind: surely, and by more than the noise of a network."""
        return abs(self.z) > MOST_DEVIATIONS and abs(self.difference) > MOST_MILLISECONDS


def main() -> int:
    """Measure, print the table, and give the exit code."""
    chance = random.Random(_SEED)  # noqa: S311
    numbers = list(_numbers(chance))
    warm_up, measured = numbers[:_WARM_UP], numbers[_WARM_UP:]
    failures: list[str] = []
    print("| operation | kind | n | median, ms | difference, ms | z |\n| --- | --- | --- | --- | --- | --- |")
    with own_server(operator=OPERATOR, limits=LIMITS, households=_HOUSEHOLDS, people=_people()) as server:
        asyncio.run(_check_kinds(server.database_url, numbers))
        for name, (query, expected) in OPERATIONS.items():
            _measure(server, query, warm_up, Measured(expected))
            chance.shuffle(measured)
            found = Measured(expected)
            _measure(server, query, measured, found)
            failures += [f"{name}: {each}" for each in (*differing_answers(found), *_differing_times(name, found))]
    print(*(failures or ["\nKnown and unknown numbers cannot be told apart."]), sep="\n")
    return 1 if failures else 0


async def _check_kinds(database_url: str, numbers: Sequence[tuple[str, str]]) -> None:
    """Make sure that the numbers are what they are measured as. Raises RuntimeError."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(_KINDS, [number for _, number in numbers], OPERATOR)
    finally:
        await connection.close()
    is_kind = {(False, False): UNKNOWN, (True, False): WITHOUT_PASSWORD, (True, True): WITH_PASSWORD}
    stored = {row["number"]: is_kind[row["known"], row["password"]] for row in rows}
    if wrong := [number for kind, number in numbers if stored[number] != kind]:
        raise RuntimeError(f"{len(wrong)} numbers, such as {wrong[0]}, are {stored[wrong[0]]!r}")


def differing_answers(found: Measured) -> Iterator[str]:
    """What the answers of one operation betray, a line each."""
    for kind, answers in found.answers.items():
        for answer in answers:
            if found.expected not in answer:
                yield f"{kind}: not the expected answer ({found.expected.decode()}): {answer.decode()}"
    for kind in found.answers.keys() - {UNKNOWN}:
        for answer in found.answers[kind].keys() ^ found.answers[UNKNOWN].keys():
            owner = kind if answer in found.answers[kind] else UNKNOWN
            yield f"only numbers that are {owner!r} are answered {answer.decode()}"


def compare(times: Mapping[str, Sequence[float]]) -> Iterator[Comparison]:
    """Every kind of known numbers, and all of them together, beside the unknown ones."""
    unknown = times[UNKNOWN]
    kinds = {kind: list(of) for kind, of in times.items() if kind != UNKNOWN}
    for kind, of in {**kinds, "known": [value for each in kinds.values() for value in each]}.items():
        median = statistics.median(of)
        yield Comparison(kind, median, median - statistics.median(unknown), z_score(of, unknown))


def _differing_times(name: str, found: Measured) -> Iterator[str]:
    """Print a row for each kind, and give a line for each that time betrays."""
    unknown = found.times[UNKNOWN]
    print(f"| {name} | {UNKNOWN} | {len(unknown)} | {statistics.median(unknown):.2f} | | |")
    for each in compare(found.times):
        size = len(found.times.get(each.kind, ())) or sum(map(len, found.times.values())) - len(unknown)
        print(f"| {name} | {each.kind} | {size} | {each.median:.2f} | {each.difference:+.2f} | {each.z:+.1f} |")
        if each.tells_apart:
            yield f"{each.kind} takes {each.difference:+.2f} ms beside unknown (z {each.z:+.1f})"


def _measure(server: OwnServer, query: str, numbers: Iterable[tuple[str, str]], into: Measured) -> None:
    """Send one request for each number, given with its kind, and note the answers."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    connection.connect()
    # A request of two small packets would otherwise wait for an acknowledgement of the first.
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    gc.disable()
    for kind, number in numbers:
        body = json.dumps({"query": query, "variables": {"identifier": number}})
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/graphql-response+json",
            "X-Operator": OPERATOR,
            "X-Forwarded-For": next(_addresses),
            "X-Forwarded-Proto": "https",
        }
        began = time.perf_counter()
        connection.request("POST", "/graphql", body, headers)
        response = connection.getresponse()
        content = response.read()
        took = (time.perf_counter() - began) * 1000
        into.note(kind, normalised(response.status, response.getheaders(), content), took)
    gc.enable()
    connection.close()


def normalised(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """A whole answer as it is compared: ids and dates are taken out, the order of headers stays."""
    lines = [f"{name}: {value}" for name, value in headers if name.lower() != "date"]
    return _CHANGING.sub(b"*", "\n".join([str(status), *lines, ""]).encode() + body)


def _numbers(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Kinds and numbers in random order, first those to warm up with: all kinds look alike and are as many."""
    seeded = [(WITHOUT_PASSWORD, f"7990{place:07}") for place in range(800 + _WARM_UP // 4)]
    imported = [(WITH_PASSWORD, number) for number in _imported()]
    unknown = [(UNKNOWN, f"7990{place:07}") for place in chance.sample(range(5_000_000, 9_000_000), 1000)]
    strangers = [(UNKNOWN, f"7990{place:07}") for place in range(4_000_000, 4_000_000 + _WARM_UP // 2)]
    split = _WARM_UP // 4
    warm_up = [*seeded[:split], *imported[:split], *strangers]
    rest = [*seeded[split:], *imported[split:], *unknown]
    chance.shuffle(warm_up)
    chance.shuffle(rest)
    yield from warm_up
    yield from rest


def _imported() -> list[str]:
    """Numbers of the people whom `_people` describes: `hearth seed` gives nobody a password."""
    return [f"7990{place:07}" for place in range(3_000_000, 3_000_200 + _WARM_UP // 4)]


def _people() -> str:
    """A file for `hearth import`: a person with a password, a contract, an account and a line for each number."""
    records: list[dict[str, object]] = []
    for place, number in enumerate(_imported()):
        ref = f"bench-{place}"
        cabinet = {"password": "Domashniy24"}
        records += [
            {"type": "person", "ref": ref, "name": f"Bench {place}", "cabinet": cabinet},
            {"type": "contract", "number": ref, "holder": ref},
            {"type": "account", "number": ref, "kind": "MOBILE", "contract": ref, "balance": "100.00"},
            {"type": "line", "msisdn": number, "account": ref, "kind": "MOBILE", "user": ref},
        ]
    return "".join(f"{json.dumps({**record, 'operator': OPERATOR})}\n" for record in records)


# A network of its own for each request, since one network that tries many numbers is a spray and is stopped.
_addresses = (f"10.{place >> 8 & 255}.{place & 255}.1" for place in count())


if __name__ == "__main__":
    sys.exit(main())
