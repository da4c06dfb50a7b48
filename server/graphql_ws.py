"""GraphQL over WebSocket: the protocol `graphql-transport-ws`, and no other.

Queries and mutations obey the same rules as over HTTP. A client that completes an operation early only stops waiting
for it (`server.graphql_stream`).
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from auth.session import Expired, Viewer, Widget
from domain.profile import Profile
from models.reader import SILENT
from models.watch import Work
from server import rate_limit, watching
from server.drain import Drain
from server.graphql_answer import OVERLOADED, problem
from server.graphql_context import Whence, address_of
from server.graphql_request import BadRequest, checked, decoded
from server.graphql_stream import ENDED, MOST_OPERATIONS, Asked, Streams
from server.live import Ear, Guard
from server.operator_choice import UnknownOperator, choose
from server.rate_limit import network_of
from server.socket_handshake import PROTOCOL, denial
from server.socket_limits import Places

# uvicorn closes a socket that sends a longer message, with 1009.
LARGEST_MESSAGE = 65_536

_INIT_SECONDS = 5.0
_FAREWELL_SECONDS = 3.0
_LONGEST_ID = 128
_LONGEST_REASON = 123

_BAD_MESSAGE = 4400
_UNAUTHORIZED = 4401
_FORBIDDEN = 4403
_INIT_TIMEOUT = 4408
_ID_TAKEN = 4409
_SECOND_INIT = 4429
_TRY_AGAIN_LATER = 1013
_GOING_AWAY = 1001
_STOPPING = "The server stops; connect again"


class _Close(Exception):
    """The socket is to be closed, with a code of the protocol and the reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLSockets:
    """Answers the sockets at /graphql."""

    def __init__(self, streams: Streams, drain: Drain | None = None) -> None:
        self.streams = streams
        self.contexts = streams.contexts
        self.hub = streams.hub
        self.drain = drain or Drain()
        self.users = Places(streams.contexts.settings.sockets_per_user)
        self._networks = Places(streams.contexts.settings.sockets_per_network)

    async def __call__(self, websocket: WebSocket) -> None:
        with self._networks.taken(network_of(address_of(websocket))) as has_place:
            refusal = denial(websocket, self.contexts, None if has_place else self._networks.most)
            if refusal is not None:
                await websocket.send_denial_response(refusal)
                return
            await websocket.accept(PROTOCOL)
            socket = _Socket(self, websocket)
            with self.drain.telling(socket.leave):
                await socket.serve()


@dataclass(eq=False, slots=True)
class _Operation:
    """One operation of a socket, and the listener to it."""

    id: str
    socket: "_Socket"
    asked: Asked
    ear: Ear
    unheard: bool = False
    work: Work = field(default_factory=Work)
    began: float = field(default_factory=time.perf_counter)

    def admit(self, _: object) -> None:
        """The socket has counted it, and watches the session for all of its operations."""

    def session_ended(self) -> None:
        """End the socket with it."""
        self.socket.end_session()
        self.unheard = True

    async def tell(self, told: dict[str, Any]) -> None:
        """Tell an answer."""
        await self.socket.tell(self, "next", told)

    def stop(self) -> None:
        self.unheard = True
        self.ear.close()


class _Socket:
    """One socket, from its first message to its last."""

    __slots__ = (
        "_abandoned",
        "_contexts",
        "_conversation",
        "_farewell",
        "_hub",
        "_operations",
        "_profile",
        "_streams",
        "_surroundings",
        "_tasks",
        "_token",
        "_users",
        "_websocket",
        "_whence",
    )

    def __init__(self, endpoint: GraphQLSockets, websocket: WebSocket) -> None:
        self._streams = endpoint.streams
        self._contexts = endpoint.contexts
        self._hub = endpoint.hub
        self._users = endpoint.users
        self._websocket = websocket
        self._profile: Profile
        self._whence: Whence
        self._token: str | None = None
        # In which the log and the spans find the request that opened the socket, whoever wakes an operation.
        self._surroundings = copy_context()
        self._operations: dict[str, _Operation] = {}
        # Those that were stopped are among them, for as long as they have something to finish.
        self._tasks: set[asyncio.Task[None]] = set()
        self._farewell: asyncio.Task[None] | None = None
        self._abandoned = False

    async def serve(self) -> None:
        """Talk until somebody closes the socket."""
        self._conversation = asyncio.current_task()
        try:
            await self._converse()
        except _Close as close:
            await self._close(close.code, close.reason)
        except WebSocketDisconnect:
            pass
        except asyncio.CancelledError:
            if not self._abandoned:
                raise
        finally:
            await self._end_operations()

    async def _converse(self) -> None:
        try:
            async with asyncio.timeout(_INIT_SECONDS):
                payload = await self._first_payload()
        except TimeoutError:
            raise _Close(_INIT_TIMEOUT, "Connection initialisation timeout") from None
        viewer = await self._open(payload)
        del payload
        with self._users.taken(viewer.user_id if viewer else None) as has_place:
            if not has_place:
                raise _Close(_TRY_AGAIN_LATER, f"At most {self._users.most} sockets at once for a user")
            with self._guarding(viewer):
                await self._send({"type": "connection_ack"})
                while True:
                    await self._handle(await self._receive())

    async def _first_payload(self) -> Mapping[str, Any]:
        """What the client says of itself in `connection_init`, keys in lower case."""
        while True:
            message = await self._receive()
            match message["type"]:
                case "connection_init":
                    return {key.lower(): value for key, value in _payload(message).items()}
                case "ping" | "pong":
                    await self._handle(message)
                case "subscribe":
                    raise _Close(_UNAUTHORIZED, "Unauthorized")
                case _:
                    raise _Close(_BAD_MESSAGE, "The first message must be connection_init")

    async def _open(self, payload: Mapping[str, Any]) -> Viewer | None:
        """Find out for which operator and for whom the socket is."""
        operator, authorization = payload.get("operator"), payload.get("authorization")
        if not isinstance(operator, str | None) or not isinstance(authorization, str | None):
            raise _Close(_BAD_MESSAGE, "`operator` and `authorization` must be strings")
        headers = self._websocket.headers
        try:
            self._profile = choose(headers, self._contexts.settings, self._contexts.profiles, operator)
        except UnknownOperator as refused:
            raise _Close(_BAD_MESSAGE, str(refused)) from None
        given = authorization if authorization is not None else headers.get("authorization")
        self._token = self._contexts.token(self._websocket, self._profile, given)
        self._whence = self._contexts.whence(self._websocket)
        # Nothing else of the handshake is asked for; it would be kept as long as the socket.
        self._websocket.scope["headers"].clear()
        reads = self._contexts.reader()
        try:
            caller = await self._contexts.caller(self._token, self._profile, reads)
        except SILENT:
            raise _Close(_TRY_AGAIN_LATER, OVERLOADED) from None
        finally:
            await reads.close()
        if isinstance(caller, Expired):
            raise _Close(_FORBIDDEN, ENDED)
        if isinstance(caller, Widget):
            raise _Close(_FORBIDDEN, "A widget asks over HTTP")
        if self._token is not None and caller is not None:
            self._contexts.rates.recognise(self._token, None)
        return caller

    def _guarding(self, viewer: Viewer | None) -> AbstractContextManager[None]:
        if viewer is None:
            return nullcontext()
        idle = self._profile.session.idle_timeout_seconds
        return self._hub.guarding(Guard(viewer.user_id, viewer.session_id, idle, self.end_session))

    async def _receive(self) -> dict[str, Any]:
        """The next message: an object with a type. Raises WebSocketDisconnect when there is none to come."""
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code") or 1005)
        if (text := received.get("text")) is None:
            raise _Close(_BAD_MESSAGE, "Messages must be text")
        try:
            message = decoded(text.encode(), "The message")
        except BadRequest as refused:
            raise _Close(_BAD_MESSAGE, str(refused)) from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(_BAD_MESSAGE, "Messages must be objects with a type")
        return message

    async def _handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "subscribe":
                await self._begin(_id(message), message.get("payload"))
            case "complete":
                if operation := self._operations.pop(_id(message), None):
                    operation.stop()
            case "ping":
                _payload(message)
                await self._send({"type": "pong"})
            case "pong":
                _payload(message)
            case "connection_init":
                raise _Close(_SECOND_INIT, "Too many initialisation requests")
            case _:
                raise _Close(_BAD_MESSAGE, "Unknown message type")

    async def _begin(self, operation_id: str, payload: object) -> None:
        try:
            wanted = checked(payload)
        except BadRequest as refused:
            raise _Close(_BAD_MESSAGE, str(refused)) from None
        if operation_id in self._operations:
            raise _Close(_ID_TAKEN, f"Subscriber for {operation_id} already exists")
        if self._farewell is not None:
            return
        if len(self._operations) >= MOST_OPERATIONS:
            refusal = problem(f"At most {MOST_OPERATIONS} operations at once on a socket", "TOO_MANY_OPERATIONS")
            await self._send({"id": operation_id, "type": "error", "payload": [refusal]})
            return
        if (admission := self._contexts.rates.admit(self._token, self._whence.address)) and not admission.is_allowed:
            await self._send({"id": operation_id, "type": "error", "payload": [rate_limit.refusal(admission)]})
            return
        # Who begins and stops faster than operations end is not listened to meanwhile.
        while len(self._tasks) >= 2 * MOST_OPERATIONS:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        asked = Asked(self._whence, self._profile, self._token, wanted)
        operation = self._operations[operation_id] = _Operation(operation_id, self, asked, self._hub.ear())
        self._start(operation)

    def _start(self, operation: _Operation) -> None:
        task = asyncio.create_task(self._operate(operation), context=self._surroundings.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _go_on(self, operation: _Operation) -> None:
        """Run an operation that has waited, unless what it heard is its end."""
        if operation.ear.closed:
            self._surroundings.copy().run(watching.tell_operation, operation.work, operation.began)
        else:
            self._start(operation)

    async def _operate(self, operation: _Operation) -> None:
        """Run one operation as far as it goes, and tell its answers to whoever still waits for them."""
        work = operation.work
        with watching.socket_operation(work):
            refused = await self._streams.run(operation.asked, operation)
            if operation.ear.listens:
                operation.ear.when_heard(partial(self._go_on, operation))
                return
            if refused:
                unavailable = refused[0]["extensions"]["code"] == "UNAVAILABLE"
                work.outcome = "unavailable" if unavailable else work.outcome or "refused"
            watching.tell_operation(work, operation.began)
        await self.tell(operation, "error" if refused else "complete", refused or None)

    async def tell(self, operation: _Operation, kind: str, payload: object) -> None:
        """Tell the client of an operation, unless it waits no more."""
        if operation.unheard:
            return
        if kind != "next":
            # Its id may be used again as soon as the client hears of the end.
            operation.unheard = True
            del self._operations[operation.id]
        message = {"id": operation.id, "type": kind, "payload": payload}
        await self._send({key: value for key, value in message.items() if value is not None})

    async def _send(self, message: dict[str, Any]) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        # RuntimeError: uvicorn has closed the socket of its own accord, and we have not heard of it yet.
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.send_text(orjson.dumps(message).decode())

    def leave(self) -> None:
        """The server stops: what was asked is answered, and the client comes back to another."""
        if self._farewell is None:
            self._farewell = asyncio.create_task(self._say_farewell(_GOING_AWAY, _STOPPING))

    def end_session(self) -> None:
        """Close the socket, once what is under way has been answered."""
        if self._farewell is None:
            self._farewell = asyncio.create_task(self._say_farewell(_FORBIDDEN, ENDED))

    async def _say_farewell(self, code: int, reason: str) -> None:
        """Close the socket: answers may still come, events not."""
        for operation in self._operations.values():
            if operation.ear.listens:
                operation.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FAREWELL_SECONDS)
        if not await self._close(code, reason) and self._conversation is not None:
            self._abandoned = True
            self._conversation.cancel()

    async def _close(self, code: int, reason: str) -> bool:
        """Whether the close could be sent: a client that reads nothing would be waited for."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return True
        short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        with suppress(WebSocketDisconnect, RuntimeError):
            try:
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await self._websocket.close(code, short)
            except TimeoutError:
                return False
        return True

    async def _end_operations(self) -> None:
        for operation in self._operations.values():
            operation.stop()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            if self._farewell is not None:
                self._farewell.cancel()


def _id(message: Mapping[str, Any]) -> str:
    given = message.get("id")
    if not isinstance(given, str) or not 0 < len(given) <= _LONGEST_ID:
        raise _Close(_BAD_MESSAGE, f"`id` must be a string of at most {_LONGEST_ID} characters")
    return given


def _payload(message: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a message that may come without one."""
    payload = message.get("payload")
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise _Close(_BAD_MESSAGE, "`payload` must be an object")
    return payload
