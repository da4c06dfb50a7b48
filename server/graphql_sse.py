"""GraphQL over server-sent events: one operation a request, for clients whose proxies let no socket through.

The "distinct connections mode" of the protocol of `graphql-sse`: each answer is an event `next`, those that say why an
operation was not executed too, and `complete` follows the last. A client ends an operation by closing the connection.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types.graphql import OperationType

from auth.session import Expired, Viewer, Widget
from domain.profile import Profile
from server.graphql_answer import problem
from server.graphql_request import GraphQLRequest
from server.graphql_stream import ANY_OPERATION, ENDED, MOST_OPERATIONS, Asked, Streams
from server.http_protocol import OVER
from server.live import Guard

MEDIA_TYPE = "text/event-stream"

# What lies on the way closes a connection on which nothing is said, some after half a minute.
HEARTBEAT_SECONDS = 15.0

_HEARTBEAT = b":\n\n"
# Without a line of data a browser would not tell of it.
_COMPLETE = b"event: complete\ndata:\n\n"
_HEADERS = {
    "cache-control": "no-store",
    "vary": "accept",
    # nginx would wait until it has enough to pass on.
    "x-accel-buffering": "no",
}
_BY_GET = ANY_OPERATION - {OperationType.MUTATION}


class EventStreams:
    """Opens event streams, at most `MOST_OPERATIONS` at once for a session, as on a socket."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self._open: Counter[int] = Counter()

    def answer(self, request: Request, profile: Profile, wanted: GraphQLRequest) -> Response:
        """The answer to a request that takes events."""
        return _EventStream(self, request, profile, wanted, _BY_GET if request.method == "GET" else ANY_OPERATION)

    @contextmanager
    def counted(self, session_id: int) -> Iterator[None]:
        """Count one more for a session, for the life of the block. Raises GraphQLError for one too many."""
        if self._open[session_id] >= MOST_OPERATIONS:
            message = f"At most {MOST_OPERATIONS} operations at once in a session"
            raise GraphQLError(message, extensions={"code": "TOO_MANY_OPERATIONS"})
        self._open[session_id] += 1
        try:
            yield
        finally:
            self._open[session_id] -= 1
            if not self._open[session_id]:
                del self._open[session_id]


class _EventStream(Response):
    """One operation and the listener to it, from the request to the last event."""

    def __init__(
        self,
        opened: EventStreams,
        request: Request,
        profile: Profile,
        wanted: GraphQLRequest,
        allowed: Iterable[OperationType],
    ) -> None:
        # As Starlette's own streams do: there is no body yet whose length could be told.
        self.status_code = 200
        self.background = None
        self.media_type = MEDIA_TYPE
        self.init_headers(_HEADERS)
        self._opened = opened
        self._request = request
        self._profile = profile
        self._wanted = wanted
        self._allowed = allowed
        self._send: Send
        self._expired = False
        self._admitted = ExitStack()
        self.ear = opened.streams.hub.ear()
        self.unheard = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        operation = asyncio.create_task(self._operate())
        gone = [asyncio.create_task(ended) for ended in _ends(scope, receive)]
        heart = asyncio.create_task(self._beat())
        try:
            await asyncio.wait([operation, *gone], return_when=asyncio.FIRST_COMPLETED)
            if not operation.done():
                self.unheard = True
                self.ear.close()
                # What has begun is finished, though nobody hears of it.
                await asyncio.wait([operation])
        finally:
            for task in (operation, heart, *gone):
                task.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _operate(self) -> None:
        streams, request = self._opened.streams, self._request
        token = streams.contexts.token(request, self._profile, request.headers.get("authorization"))
        asked = Asked(streams.contexts.whence(request), self._profile, token, self._wanted, self._allowed)
        with self._admitted:
            refused = await streams.run(asked, self)
            while self.ear.listens and await self.ear.wait():
                refused = await streams.run(asked, self)
        if refused is None and self._expired:
            refused = [problem(ENDED, "SESSION_EXPIRED")]
        if refused:
            await self.tell({"errors": refused})
        await self._say(_COMPLETE)

    async def _beat(self) -> None:
        while True:
            await self._say(_HEARTBEAT)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def admit(self, caller: Viewer | Widget | Expired | None) -> None:
        """Count the operation of a viewer, and watch the session."""
        if isinstance(caller, Viewer):
            guard = Guard(
                caller.user_id, caller.session_id, self._profile.session.idle_timeout_seconds, self._end_session
            )
            self._admitted.enter_context(self._opened.counted(caller.session_id))
            self._admitted.enter_context(self._opened.streams.hub.guarding(guard))

    def _end_session(self) -> None:
        # Answers may still come, such as that of signing out; events not.
        if self.ear.listens:
            self._expired = True
            self.ear.close()

    def session_ended(self) -> None:
        """The operation itself is told of it, and its answer says so."""

    async def tell(self, told: dict[str, Any]) -> None:
        """Tell an answer."""
        await self._say(b"event: next\ndata: " + orjson.dumps(told) + b"\n\n")

    async def _say(self, event: bytes) -> None:
        if not self.unheard:
            await self._send({"type": "http.response.body", "body": event, "more_body": True})


def _ends(scope: Scope, receive: Receive) -> Iterator[Any]:
    """What is to be awaited to know that nobody listens any more: that the client left, or that the server stops."""

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    yield left()
    # uvicorn tells the last of several requests on a connection only.
    if OVER in scope.get("extensions", {}):
        yield scope["extensions"][OVER]["event"].wait()
