"""uvicorn's HTTP protocol, with the patience and the bounds that it lacks: for headers, and for who does not read.

What it refuses is answered as JSON, like all else. The time for a body is that of `server.graphql_request`.
"""

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from server.graphql_answer import problem

HEADER_SECONDS = 10.0
MOST_HEADERS = 100
# Of a request's first line and headers together; also of whatever else is neither headers nor body.
LARGEST_HEAD = 65_536

# The extension of a request's scope whose `event` is set once the connection is lost, or the server stops.
OVER = "hearth.over"

_TOO_SLOW = (408, "The request's headers did not arrive in time", "TIMEOUT")
_TOO_LARGE = (431, f"Send at most {MOST_HEADERS} headers of {LARGEST_HEAD} bytes together", "BAD_REQUEST")
_HOSTLESS = (400, "Name one Host", "BAD_REQUEST")
_INVALID = (400, "This is not HTTP", "BAD_REQUEST")


# What is still on its way to us when we leave has so long to arrive.
_LAST_MOMENT_SECONDS = 0.5


class _Unwanted(Exception):
    """The parser stops, and asks for `send_400_response`."""


class Connections(ServerState):
    """What all connections share; once they `are_leaving`, each answer is the last of its connection."""

    are_leaving = False


class GuardedHttp(HttpToolsProtocol):
    """Closes a connection whose request does not arrive, or whose answer is not read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience: asyncio.TimerHandle | None = None
        self._unread = 0
        # Bytes that have come since something of the request was last complete.
        self._loose = 0
        self._begun = False
        self._refusal = _INVALID
        self._over = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()
        self._over.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._be_patient()

    def resume_writing(self) -> None:
        super().resume_writing()
        # Unless all is answered, and the next request is waited for.
        if self.cycle is not None and not self.cycle.response_complete:
            self._settle()

    def data_received(self, data: bytes) -> None:
        self._loose += len(data)
        super().data_received(data)
        if self._loose > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(_TOO_LARGE)

    def _should_upgrade(self) -> bool:
        # Any other method would wait for ever: the handshake of a socket is a GET.
        return self.scope["method"] == "GET" and super()._should_upgrade()

    def on_message_begin(self) -> None:
        self._begun = True
        super().on_message_begin()
        self.scope["extensions"] = {OVER: {"event": self._over}}

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MOST_HEADERS:
            self._refusal = _TOO_LARGE
            raise _Unwanted
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._begun = False
        self._loose = 0
        self._settle()
        # Two servers on the way of a request for two hosts may each believe another one (RFC 9112, 3.2).
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refusal = _HOSTLESS
            raise _Unwanted
        super().on_headers_complete()
        if isinstance(self.server_state, Connections) and self.server_state.are_leaving:
            self.answer_last()

    def on_body(self, body: bytes) -> None:
        self._loose = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._loose = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # Unless the next request has come already, and is being answered.
        if self.cycle.response_complete:
            self._be_patient()

    def answer_last(self) -> None:
        """Tell with the answer that is due, if one is, that no other will follow."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        self._over.set()
        self.answer_last()
        if not self._is_busy():
            self.loop.call_later(_LAST_MOMENT_SECONDS, self._leave)

    def _leave(self) -> None:
        if not self._is_busy():
            self.transport.close()

    def _is_busy(self) -> bool:
        """Whether a request has come, or begun to come, that was not answered yet."""
        return self._begun or not (self.cycle is None or self.cycle.response_complete)

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal)

    def _be_patient(self) -> None:
        self._settle()
        self._patience = self.loop.call_later(HEADER_SECONDS, self._lose_patience)

    def _settle(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        unread = self.transport.get_write_buffer_size()
        if 0 < unread != self._unread:
            # Somebody with a slow line reads on.
            self._unread = unread
            self._be_patient()
        elif unread or not self._begun:
            self.transport.abort()
        else:
            self._refuse(_TOO_SLOW)

    def _refuse(self, refusal: tuple[int, str, str]) -> None:
        status, message, code = refusal
        body = orjson.dumps({"errors": [problem(message, code)]})
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n" % len(body)
            + b"cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
            + body
        )
        self.transport.close()
