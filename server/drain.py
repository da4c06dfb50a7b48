"""Leaving without losing a request: what a server does between SIGTERM and its end, within ten seconds.

First `/readyz` fails and every answer over HTTP is the last of its connection, while new ones are still taken: a
balancer needs a moment to send people elsewhere. Then nobody is let in any more, sockets are closed with 1001 once
their operations have been answered, and what is under way is finished.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import uvicorn

from server.http_protocol import Connections, GuardedHttp

# For what is under way; with the notice and what ends after it, all of it is over in ten.
GRACEFUL_SECONDS = 5
LOOPS_SECONDS = 2.0
_TICK_SECONDS = 0.05
# As many connections can wait in the listener's queue.
_MOST_WAITING = 4_096


class Drain:
    """How far a process is on its way out."""

    def __init__(self) -> None:
        self.has_begun = False
        self._is_closing = False
        self._sockets: set[Callable[[], None]] = set()

    @contextmanager
    def telling(self, leave: Callable[[], None]) -> Iterator[None]:
        """For the life of the block, `leave` is called when sockets are to be closed."""
        self._sockets.add(leave)
        try:
            if self._is_closing:
                leave()
            yield
        finally:
            self._sockets.discard(leave)

    def begin(self) -> None:
        """From now on this process is not ready for requests, and still answers them."""
        self.has_begun = True

    def close_sockets(self) -> None:
        """Tell all sockets to say goodbye."""
        self._is_closing = True
        for leave in list(self._sockets):
            leave()


class Server(uvicorn.Server):
    """uvicorn's server, which takes its leave in order; `notice_seconds` is how long it still takes connections."""

    def __init__(self, config: uvicorn.Config, drain: Drain, notice_seconds: float) -> None:
        super().__init__(config)
        self._connections = Connections()
        self.server_state = self._connections
        self._drain = drain
        self._notice_seconds = notice_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._drain.begin()
        self._connections.are_leaving = True
        for connection in list(self._connections.connections):
            if isinstance(connection, GuardedHttp):
                connection.answer_last()
        await self._give_notice()
        await self._take_those_at_the_door(sockets or [])
        self._drain.close_sockets()
        await super().shutdown(sockets)

    async def _give_notice(self) -> None:
        over = asyncio.get_running_loop().time() + self._notice_seconds
        while asyncio.get_running_loop().time() < over and not self.force_exit:  # noqa: ASYNC110 - a flag of uvicorn
            await asyncio.sleep(_TICK_SECONDS)

    async def _take_those_at_the_door(self, listeners: Sequence[socket.socket]) -> None:
        """Stop listening, and take whoever has connected and was not heard yet: closing would turn them out."""
        doors = [listener.dup() for listener in listeners]
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        for door in doors:
            with door, suppress(BlockingIOError):
                door.setblocking(False)
                for _ in range(_MOST_WAITING):
                    connection, _ = door.accept()
                    await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> GuardedHttp:
        return GuardedHttp(config=self.config, server_state=self._connections, app_state=self.lifespan.state)
