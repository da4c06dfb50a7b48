"""What is told of each request and each operation: a request id, one line in the log, a span, and the metrics.

The line says which operation, how long and how it ended; never what was asked with it, nor an address that holds a
token: of a path the route is told.
"""

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models import watch
from models.watch import Told, Work
from schema.documents import Documents
from server import tracing

HEADER = "x-request-id"
_HEADER = HEADER.encode()
# Long enough for whatever numbers requests elsewhere, and nothing that could forge a line.
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=-]{8,64}", re.ASCII)
_ANSWERS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}
# Asked every few seconds by machines: told only when something is wrong.
_QUIET = {"/healthz", "/readyz"}

_log = structlog.get_logger()


class Watching:
    """Gives each request its id, and tells how it ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(HEADER, "")
        request_id = given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(16)
        scope[HEADER] = request_id
        status = 500  # what is answered when nothing is

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in _ANSWERS:
                status = message.get("status", 101)
                # Nobody else sets it: to look for it among the others would take longer than to add it.
                message["headers"] = [*message.get("headers", ()), (_HEADER, request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "websocket":
                with tracing.of_socket(headers):
                    del headers  # they would be kept as long as the socket
                    await self._app(scope, receive, send_with_id)
                # Of one that was accepted its operations tell.
                if status >= 400:
                    _log.info("handshake", route=_route(scope), status=status)
                return
            with tracing.request(scope["method"], headers), _working(Work()) as work:
                began = time.perf_counter()
                try:
                    await self._app(scope, receive, send_with_id)
                finally:
                    _tell_request(scope, work, status, time.perf_counter() - began)


def named(documents: Documents, query: str, operation_name: str | None, told: Mapping[str, Any]) -> None:
    """Note which operation it was that is answered with `told`, and how it ended."""
    if (work := watch.work.get()) is None:
        return
    if "data" not in told:
        work.outcome = "refused"
        return
    work.outcome = "errors" if "errors" in told else "ok"
    if work.kind is None and (operation := documents.operation(query, operation_name)) is not None:
        watch.is_operation(operation.operation.value, operation.name.value if operation.name else None)


@contextmanager
def socket_operation(work: Work) -> Iterator[None]:
    """A stretch of an operation of a socket: all of it, or as much as a subscription has to tell."""
    with watch.span("operation"), _working(work):
        if work.kind is not None:
            watch.is_operation(work.kind, work.operation)
        yield


def tell_operation(work: Work, began: float) -> None:
    """Tell how an operation of a socket ended that began at `began`, of `time.perf_counter`."""
    seconds = time.perf_counter() - began
    _count(work, seconds)
    _log.info("operation", **_line(work, seconds))


@contextmanager
def _working(work: Work) -> Iterator[Work]:
    token = watch.work.set(work)
    try:
        yield work
    finally:
        watch.work.reset(token)


def _tell_request(scope: Scope, work: Work, status: int, seconds: float) -> None:
    route = _route(scope)
    if route == "/graphql":
        work.outcome = (work.outcome or "refused") if status < 300 else _refusal(status)
        _count(work, seconds)
    watch.describe(f"{scope['method']} {route}", {"http.route": route, "http.response.status_code": status})
    if route not in _QUIET or status >= 400:
        _log.info("request", method=scope["method"], route=route, status=status, **_line(work, seconds))


def _route(scope: Scope) -> str:
    """The route that was found, as it is written: what a caller names may hold a token."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _refusal(status: int) -> str:
    return "refused" if 400 <= status < 500 else "unavailable" if status == 503 else "broken"


def _count(work: Work, seconds: float) -> None:
    # What was not executed has no name of its own: a caller could make up any number of them.
    operation = work.operation or ("anonymous" if work.kind else "refused")
    watch.note(Told.OPERATION, (operation, work.kind or "unknown", work.outcome or "broken"), seconds)
    # A subscription asks again for every event, for as long as somebody listens.
    if work.kind != "subscription":
        watch.note(Told.STATEMENTS, (operation,), work.statements)


def _line(work: Work, seconds: float) -> dict[str, Any]:
    told = {"ms": round(seconds * 1000, 1), "statements": work.statements}
    about = {"operation": work.operation, "kind": work.kind, "outcome": work.outcome}
    return {key: value for key, value in about.items() if value is not None} | told
