"""Many sockets that subscribe at once: what each costs the server in memory, and how soon a ping is answered.

The sockets are opened by several client processes, each from an address of its own, so that neither ports nor files
run out. The goals are 30 kB for each and a pong in a second for 99 of 100, while balances change.
"""

import argparse
import asyncio
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from bench.own_server import ROOT, OwnServer, own_server
from domain.payment import ConfirmationKind
from tests.chaos.people import Payer, sign_in
from tests.edge import Port, frame
from tests.sockets import tell

MOST_KILOBYTES = 30.0
SLOWEST_PONG_SECONDS = 1.0
_OPERATOR = "motiv"
_HOUSEHOLDS = 120
_PEOPLE = 100
_PER_CLIENT = 2_500
_AT_ONCE = 10
_TRIES = 10
# What a server needs for its first sockets and not for each: counted before those that are measured.
_FIRST = 200
_PING_SECONDS = 15.0
_PINGS_A_SECOND = 100
_CHANGES_A_SECOND = 5
# Of WebSocket frames.
_PING, _PONG = 9, 10
_SUBSCRIBE = "subscription { balanceChanged { id balance { available { amount } } } }"


def main() -> None:
    """Run, print the figures, and fail where they are not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--client", type=orjson.loads, help=argparse.SUPPRESS)
    told = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if told.client is not None:
        asyncio.run(_Client(**told.client).run())
        return
    with own_server(operator=_OPERATOR, limits={}, households=_HOUSEHOLDS, people="", workers=2) as server:
        sys.exit(asyncio.run(_measure(server, told.count)))


async def _measure(server: OwnServer, count: int) -> int:
    connection = await asyncpg.connect(server.database_url)
    people = await sign_in(connection, _OPERATOR, ConfirmationKind.NONE, _PEOPLE)
    tokens = [person.token for person in people]
    clients = [await _start(server, tokens, 1, _FIRST)]
    await _heard(clients, "open")
    await asyncio.sleep(2)
    before, began = server.kilobytes(), time.monotonic()
    clients += [
        await _start(server, tokens, number + 2, min(_PER_CLIENT, count - number * _PER_CLIENT))
        for number in range(math.ceil(count / _PER_CLIENT))
    ]
    try:
        again = sum(told["again"] for told in await _heard(clients[1:], "open"))
        took = time.monotonic() - began
        await asyncio.sleep(2)
        each = (server.kilobytes() - before) / count
        changing = asyncio.create_task(_change(server, people))
        pongs = [seconds for told in await _heard(clients[1:], "pongs") for seconds in told["pongs"]]
        changing.cancel()
    finally:
        for client in clients:
            client.kill()
            await client.wait()
        await connection.close()
    slowest = statistics.quantiles(pongs, n=100)[98]
    print(f"{count:,} subscribers, opened in {took:.0f} s by {len(clients) - 1} processes, {again:,} at a second try")
    print(f"{each:.1f} kB each")
    print(f"{len(pongs):,} pongs: median {statistics.median(pongs) * 1000:.1f} ms, p99 {slowest * 1000:.1f} ms")
    kept = each < MOST_KILOBYTES and slowest < SLOWEST_PONG_SECONDS
    print(f"{'kept' if kept else 'BROKEN'}: under {MOST_KILOBYTES:.0f} kB each, p99 under {SLOWEST_PONG_SECONDS:.0f} s")
    return 0 if kept else 1


async def _start(server: OwnServer, tokens: list[str], number: int, count: int) -> asyncio.subprocess.Process:
    told = {"host": server.host, "port": server.port, "address": f"127.0.1.{number}", "tokens": tokens, "count": count}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bench.subscribers", "--client", orjson.dumps(told).decode()),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=2**24,
    )


async def _heard(clients: list[asyncio.subprocess.Process], what: str) -> list[dict[str, Any]]:
    """What each client has to tell next, once it was told to go on."""

    async def one(client: asyncio.subprocess.Process) -> dict[str, Any]:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b"go\n")
        told: dict[str, Any] = orjson.loads(await client.stdout.readline())
        assert what in told, told
        return told

    return list(await asyncio.gather(*map(one, clients)))


async def _change(server: OwnServer, people: list[Payer]) -> None:
    """Balances change, one after the other, and whoever subscribed hears of it."""
    connection = await asyncpg.connect(server.database_url)
    try:
        while True:
            for person in people:
                await tell(connection, f"balance:{person.account_id}")
                await asyncio.sleep(1 / _CHANGES_A_SECOND)
    finally:
        await connection.close()


class _Wire(asyncio.Protocol):
    """One socket, as little of it as will do: it answers pings, and notes when what it waits for has come."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._data = b""
        self._is_open = False
        self._waits: tuple[bytes, asyncio.Future[None]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_open:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if end:
                self._is_open, self._data = True, rest
                self._hear(head)
        while self._is_open and (told := _frame_of(self._data)):
            kind, payload, self._data = told
            if kind == _PING:
                self.transport.write(frame(_PONG, payload))
            self._hear(payload)

    def connection_lost(self, _: Exception | None) -> None:
        if self._waits is not None:
            self._waits[1].set_exception(ConnectionResetError())

    async def said(self, data: bytes, until: bytes) -> None:
        """Send, and wait until something with that in it comes. Raises ConnectionResetError."""
        if self.transport.is_closing():
            raise ConnectionResetError
        waits = asyncio.get_running_loop().create_future()
        self._waits = (until, waits)
        self.transport.write(data)
        await waits

    def _hear(self, told: bytes) -> None:
        if self._waits is not None and self._waits[0] in told:
            self._waits[1].set_result(None)
            self._waits = None


def _frame_of(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The kind and the payload of the first frame of a server, and what follows it; None until all of it is there."""
    if len(data) < 4:
        return None
    length, start = data[1] & 127, 2
    if length == 126:
        length, start = int.from_bytes(data[2:4]), 4
    end = start + length
    return (data[0] & 15, data[start:end], data[end:]) if len(data) >= end else None


@dataclass
class _Client:
    """A process of sockets, which does the next thing for each line on its standard input."""

    host: str
    port: int
    address: str
    tokens: list[str]
    count: int
    again: int = 0

    async def run(self) -> None:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> _Wire:
            async with turns:
                for _ in range(_TRIES):
                    try:
                        return await self._open(self.tokens[number % len(self.tokens)])
                    except ConnectionResetError:
                        # The server has too much to do, and says so with 1013.
                        self.again += 1
                        await asyncio.sleep(1)
            raise AssertionError("the server is overloaded for good")

        sys.stdin.readline()
        wires = await asyncio.gather(*map(one, range(self.count)))
        print(orjson.dumps({"open": len(wires), "again": self.again}).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(orjson.dumps({"pongs": await self._pings(wires)}).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    async def _open(self, token: str) -> _Wire:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(_Wire, self.host, self.port, local_addr=(self.address, 0))
        await wire.said(Port(self.host, self.port).handshake(), b" 101 ")
        init = {"operator": _OPERATOR, "authorization": f"Bearer {token}"}
        await wire.said(_text({"type": "connection_init", "payload": init}), b"connection_ack")
        await wire.said(_text({"id": "a", "type": "subscribe", "payload": {"query": _SUBSCRIBE}}), b'"next"')
        return wire

    async def _pings(self, wires: list[_Wire]) -> list[float]:
        """How long pongs took, of sockets one after the other."""
        pongs: list[float] = []
        tasks: list[asyncio.Task[None]] = []

        async def one(wire: _Wire) -> None:
            started = time.monotonic()
            await wire.said(_text({"type": "ping"}), b'{"type":"pong"}')
            pongs.append(time.monotonic() - started)

        for number in range(int(_PING_SECONDS * _PINGS_A_SECOND)):
            if number >= len(wires) and number % len(wires) == 0:
                await asyncio.gather(*tasks)
            tasks.append(asyncio.create_task(one(wires[number % len(wires)])))
            await asyncio.sleep(1 / _PINGS_A_SECOND)
        await asyncio.gather(*tasks)
        return pongs


def _text(message: object) -> bytes:
    return frame(1, orjson.dumps(message))


if __name__ == "__main__":
    main()
