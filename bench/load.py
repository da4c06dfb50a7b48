"""A closed loop of requests over HTTP/1.1, in a process of its own: `python -m bench.load` reads a task as JSON.

A few connections each send a request, wait for its answer and send the next one, each for a person drawn at random.
Sockets and parser are C's, so that the generator has time to spare where a server has none.
"""

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import Any

import httptools
import orjson
import uvloop

_LAST_ANSWERS_SECONDS = 30.0
_ERRORS = b'"errors"'


class _Client(asyncio.Protocol):
    """One connection; `under_way` is the moment its request was sent."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._transport: Any = None
        self._under_way: float | None = None
        self._end = b""
        self._new_answer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._under_way is not None:
            self._load.fail(error or ConnectionError("the server closed a connection"))

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        seen = self._end + body
        self._failed |= _ERRORS in seen
        self._end = seen[-len(_ERRORS) :]

    def on_message_complete(self) -> None:
        assert self._under_way is not None
        is_good = self._parser.get_status_code() == 200 and not self._failed and self._size >= self._load.least
        self._load.answered(self._under_way, self._size, is_good=is_good)
        self._new_answer()
        if self._load.is_over():
            self._under_way = None
            self._transport.close()
            self._load.leave()
        else:
            self._ask()

    def _new_answer(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._size = 0
        self._failed = False
        # Where a part ends is the network's business.
        self._end = b""

    def _ask(self) -> None:
        self._under_way = time.perf_counter()
        self._transport.write(self._load.request())


class _Load:
    """What all connections share."""

    def __init__(self, task: dict[str, Any]) -> None:
        body = task["body"].encode()
        self._head: bytes = (
            f"POST {task['path']} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"accept: application/json\r\ncontent-length: {len(body)}\r\nauthorization: Bearer "
        ).encode()
        self._tail: bytes = b"\r\n\r\n" + body
        self._tokens: list[bytes] = [token.encode() for token in Path(task["tokens"]).read_text().split()]
        self._draw = random.Random(task["seed"])  # noqa: S311 - whose turn it is
        self._seconds: float = task["seconds"]
        self._over = asyncio.get_running_loop().create_future()
        self.least = task["least"]
        self._waiting = 0
        self.bad = 0
        self.bytes = 0
        self.latencies: list[float] = []
        self._began = self._ended = time.perf_counter()

    def request(self) -> bytes:
        return self._head + self._draw.choice(self._tokens) + self._tail

    def answered(self, asked: float, size: int, *, is_good: bool) -> None:
        self._ended = time.perf_counter()
        self.latencies.append((self._ended - asked) * 1000)
        self.bytes += size
        self.bad += not is_good

    def is_over(self) -> bool:
        return self._ended - self._began >= self._seconds

    def leave(self) -> None:
        self._waiting -= 1
        if self._waiting == 0 and not self._over.done():
            self._over.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    async def run(self, port: int, connections: int) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        self._began = time.perf_counter()
        self._waiting = connections
        for _ in range(connections):
            await loop.create_connection(lambda: _Client(self), "127.0.0.1", port)
        async with asyncio.timeout(self._seconds + _LAST_ANSWERS_SECONDS):
            await self._over
        return {
            "requests": len(self.latencies),
            "seconds": self._ended - self._began,
            "latencies": self.latencies,
            "bad": self.bad,
            "bytes": self.bytes,
        }


async def _main() -> None:
    task = orjson.loads(sys.stdin.buffer.read())
    started = time.process_time()
    told = await _Load(task).run(task["port"], task["connections"])
    told["cpu_seconds"] = time.process_time() - started
    sys.stdout.buffer.write(orjson.dumps(told))


if __name__ == "__main__":
    uvloop.run(_main())
