"""uvicorn's WebSocket protocol, which tells every client why it is let go, and logs nobody's rubbish as our error.

It keeps little for a socket on which nothing is said: there may be thousands.
"""

import asyncio
import logging
from collections import deque
from typing import Any

import orjson
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from server.graphql_answer import problem

# How long a client that broke the protocol may take to read why it is let go.
FAREWELL_SECONDS = 2.0
# How long the application may take to close its sockets when the server leaves.
_LEAVE_SECONDS = 4.0
_BROKEN_TEXT = 1007
# uvicorn tells of each handshake, with the address and the words of whoever asks: `server.watching` tells what counts.
_QUIET = logging.getLogger("uvicorn.error.sockets")
_QUIET.setLevel(logging.WARNING)


class _Handshakes(ServerProtocol):
    """Refuses a handshake with a body of JSON, as all that we refuse is refused."""

    def reject(self, status: StatusLike, text: str) -> Response:
        response = super().reject(status, text)
        response.body = orjson.dumps({"errors": [problem(text.strip(), "BAD_REQUEST")]})
        told = {"content-type": "application/json; charset=utf-8", "content-length": str(len(response.body))}
        for name, value in (told | {"cache-control": "no-store", "x-content-type-options": "nosniff"}).items():
            response.headers.pop(name, None)
            response.headers[name] = value
        return response


# Never cleared, so that nobody ever waits for it: one for all sockets that may be written to.
_WRITABLE = asyncio.Event()
_WRITABLE.set()


class _Inbox:
    """What was received and not taken yet: what a socket needs of `asyncio.Queue`, without its 2 kB while empty."""

    __slots__ = ("_messages", "_waits")

    def __init__(self) -> None:
        self._messages: deque[ASGIReceiveEvent] | None = None
        self._waits: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return self._messages is None

    def put_nowait(self, message: ASGIReceiveEvent) -> None:
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(None)

    async def get(self) -> ASGIReceiveEvent:
        """The next message; one at a time may ask."""
        while self._messages is None:
            self._waits = asyncio.get_running_loop().create_future()
            await self._waits
        message = self._messages.popleft()
        if not self._messages:
            self._messages = None
        return message


class GuardedSocket(WebSocketsSansIOProtocol):
    """Answers a handshake that it cannot read, and lingers until a client has read the close frame."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = _QUIET
        self.conn = _Handshakes(max_size=self.config.ws_max_size, logger=_QUIET)
        self.queue = _Inbox()  # type: ignore[assignment]
        self.writable = _WRITABLE

    def pause_writing(self) -> None:
        self.writable = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # The first data is all of the handshake: where it makes no request there is none to come.
        if not self.handshake_initiated and not self.transport.is_closing():
            body = orjson.dumps({"errors": [problem("This handshake cannot be read", "BAD_REQUEST")]})
            self.transport.write(
                STATUS_LINE[400]
                + b"content-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n" % len(body)
                + b"connection: close\r\n\r\n"
                + body
            )
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        # Any number of empty parts is within the limit of a message, and would be kept.
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        super().handle_ping()
        # Who asks for pongs and reads none would fill the memory with them.
        if not self.writable.is_set():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.writable.set()
        self.writable = _WRITABLE
        if not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> ASGIReceiveEvent:
        # Each message that is taken lets more pings in.
        await self.writable.wait()
        return await super().receive()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._show_out(FAREWELL_SECONDS)

    def _show_out(self, seconds: float) -> None:
        """Let go, in so many seconds, of a client that does not even read the goodbye: a close would wait for it."""
        self.loop.call_later(seconds, self.transport.abort)

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.close":
            self._show_out(self.close_timeout + FAREWELL_SECONDS)
        elif message["type"] == "websocket.accept":
            # They are in the scope, for whoever still wants them; here they would be kept as long as the socket.
            self.request.headers.clear()
            self.response.headers.clear()
        # A handshake that was refused with an answer is over too, and no error of ours.
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True

    def shutdown(self) -> None:
        """The application says goodbye itself, when it has answered what is under way; if it does not, we do."""
        if self.close_sent:
            super().shutdown()
        else:
            self.loop.call_later(_LEAVE_SECONDS, self._leave)

    def _leave(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(_BROKEN_TEXT)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Say goodbye to a client that broke the protocol.

        Closing at once, with something unread, would reset the connection, and the goodbye with it.
        """
        if self.close_sent:
            return
        close = self.conn.close_sent
        assert close is not None
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self.close_timer = self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
