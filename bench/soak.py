"""A server of two workers under an even load for a while: its memory must not grow, and nothing may answer 5xx.

The load is the same for every run and every machine: so many reads, changes, wrong passwords, broken requests and
sockets a second, from people of invented households. What is resident in the workers is noted every second; after a
warm-up of a fifth of the time, two minutes at least where there are as many, a line is laid through it.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import asyncpg
import orjson

from bench.own_server import OwnServer, own_server
from domain.payment import ConfirmationKind
from tests.chaos.http import LOST, Http
from tests.chaos.people import Payer, sign_in
from tests.sockets import Socket, opened, tell

STEEPEST_KILOBYTES_A_MINUTE = 200.0
_OPERATOR = "motiv"
_HOUSEHOLDS = 60
_PEOPLE = 40
_SUBSCRIBERS = 40
_LONGEST_WARM_SECONDS = 120.0

_DASHBOARD = """
{ viewer { user { displayName } linkedNumbers { edges { node { id msisdn label myScopes
  balance { available { amount currency } } } } } personalAccounts { edges { node { number } } } } }
"""
_CATALOGUE = "{ tariffs(first: 20) { totalCount edges { node { id name fee { amount } } } } }"
_CHANGE = "mutation { setLanguage(input: {language: RU}) { userErrors { code } } }"
_WRONG = """
mutation Wrong($id: String!) {
  signInWithPassword(input: {identifier: $id, password: "not this one"}) { userErrors { code } }
}
"""
# How often a second each is done.
_RATES = {"dashboard": 20.0, "catalogue": 10.0, "change": 5.0, "wrong password": 1.0, "nonsense": 5.0, "socket": 2.0}


class _Load:
    def __init__(self, server: OwnServer, people: list[Payer]) -> None:
        self._server = server
        self._people = itertools.cycle(people)
        self._clients = [Http(server.port, person.headers) for person in people]
        self._next = itertools.cycle(self._clients)
        self._anybody = Http(server.port, {"x-operator": _OPERATOR})
        self._numbers = itertools.count()
        self.statuses: Counter[int] = Counter()
        self.events = 0
        self.lost: Counter[str] = Counter()

    async def ask(self, query: str) -> None:
        await self._post(next(self._next), orjson.dumps({"query": query}))

    async def guess(self) -> None:
        """A password of somebody else each time."""
        number = next(self._numbers) % 9_000_000
        told = {"query": _WRONG, "variables": {"id": f"7900{number:07}"}}
        await self._post(self._anybody, orjson.dumps(told))

    async def talk_nonsense(self) -> None:
        number = next(self._numbers)
        await self._post(self._anybody, b'{"query": "{ nonsense%d { a } }"}' % number)

    async def look_in(self) -> None:
        """A socket that asks once, and goes without waiting for what it subscribed to."""
        async with self._socket(next(self._people)) as socket:
            await socket.answer("one", _DASHBOARD)
            await socket.subscribe("two", "subscription { balanceChanged { id } }")

    async def follow(self, person: Payer, after: float) -> None:
        """A socket that stays, and hears; they come one by one."""
        await asyncio.sleep(after)
        async with self._socket(person) as socket:
            await socket.subscribe("live", "subscription { balanceChanged { id balance { available { amount } } } }")
            async for _ in socket.connection:
                self.events += 1

    async def steadily(self, name: str, rate: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do it so often a second; who is behind does not hurry."""
        while True:
            started = time.monotonic()
            try:
                await work()
            except LOST as error:
                self.lost[f"{name}: {type(error).__name__}"] += 1
            await asyncio.sleep(max(0.0, 1 / rate - (time.monotonic() - started)))

    def close(self) -> None:
        for client in [*self._clients, self._anybody]:
            client.close()

    def _socket(self, person: Payer) -> "_Opened":
        return _Opened(self._server, person)

    async def _post(self, client: Http, body: bytes) -> None:
        status, _ = await client.post("/graphql", body)
        self.statuses[status] += 1


class _Opened:
    """A socket of somebody's."""

    def __init__(self, server: OwnServer, person: Payer) -> None:
        self._opening = opened(f"http://{server.host}:{server.port}")
        self._person = person

    async def __aenter__(self) -> Socket:
        socket = await self._opening.__aenter__()
        await socket.init(operator=_OPERATOR, authorization=self._person.headers["authorization"])
        return socket

    async def __aexit__(self, *told: object) -> None:
        await self._opening.__aexit__(None, None, None)


def main() -> None:
    """Run, print the figures, and fail where they are not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes = parser.parse_args().minutes
    with own_server(operator=_OPERATOR, limits={}, households=_HOUSEHOLDS, people="", workers=2) as server:
        sys.exit(asyncio.run(_soak(server, minutes * 60)))


async def _soak(server: OwnServer, seconds: float) -> int:
    connection = await asyncpg.connect(server.database_url)
    people = await sign_in(connection, _OPERATOR, ConfirmationKind.NONE, _PEOPLE)
    load = _Load(server, people)
    works: dict[str, Callable[[], Awaitable[None]]] = {
        "dashboard": lambda: load.ask(_DASHBOARD),
        "catalogue": lambda: load.ask(_CATALOGUE),
        "change": lambda: load.ask(_CHANGE),
        "wrong password": load.guess,
        "nonsense": load.talk_nonsense,
        "socket": load.look_in,
    }
    followers = zip(range(_SUBSCRIBERS), itertools.cycle(people), strict=False)
    tasks = [asyncio.create_task(load.follow(person, number / _RATES["socket"])) for number, person in followers]
    tasks += [asyncio.create_task(load.steadily(name, _RATES[name], work)) for name, work in works.items()]
    try:
        samples = await _watch(server, connection, people, seconds)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        load.close()
        await connection.close()
    failed = [repr(each) for each in ended if isinstance(each, Exception)]
    return _tell(load, samples, seconds, failed)


async def _watch(
    server: OwnServer, connection: "asyncpg.Connection[asyncpg.Record]", people: list[Payer], seconds: float
) -> list[tuple[float, int]]:
    """The minutes and kilobytes of each second after the warm-up; meanwhile balances change."""
    started = time.monotonic()
    warm = _warm_seconds(seconds)
    samples: list[tuple[float, int]] = []
    for person in itertools.cycle(people):
        passed = time.monotonic() - started
        if passed >= seconds:
            return samples
        if passed >= warm:
            samples.append((passed / 60, server.kilobytes()))
        await tell(connection, f"balance:{person.account_id}")
        await asyncio.sleep(1)
    return samples


def _warm_seconds(seconds: float) -> float:
    """How long caches, pools and the allocator may take to fill: of `seconds` in all."""
    return max(seconds / 5, min(_LONGEST_WARM_SECONDS, seconds / 2))


def _tell(load: _Load, samples: list[tuple[float, int]], seconds: float, failed: list[str]) -> int:
    slope = statistics.linear_regression(*zip(*samples, strict=True)).slope
    broken = {status: count for status, count in load.statuses.items() if status >= 500}
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(load.statuses.items()))
    print(f"{seconds / 60:g} minutes, {sum(load.statuses.values()):,} requests: {answers}; {load.events:,} events")
    print(
        f"memory  {samples[0][1]:,} kB after {_warm_seconds(seconds) / 60:g} minutes of warm-up, "
        f"{samples[-1][1]:,} kB at the end, {slope:+.0f} kB a minute"
    )
    for what in [*failed, *(f"{count} × {each}" for each, count in load.lost.items())]:
        print(f"lost    {what}")
    kept = slope < STEEPEST_KILOBYTES_A_MINUTE and not broken and not load.lost and not failed
    print(f"{'kept' if kept else 'BROKEN'}: under {STEEPEST_KILOBYTES_A_MINUTE:.0f} kB a minute, no 5xx, nothing lost")
    return 0 if kept else 1


if __name__ == "__main__":
    main()
