"""What every answer over HTTP has, whichever route it comes from: headers of safety, and errors as JSON."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from server.graphql_answer import BROKEN, problem
from server.watching import HEADER

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
# Pages have a policy of their own; nothing else is to be shown as one.
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_ENCRYPTED = (b"strict-transport-security", b"max-age=31536000")
_STARTS = {"http.response.start", "websocket.http.response.start"}


class AnswerHeaders:
    """Adds to each answer the headers that its route has not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in _STARTS:
                _complete(message["headers"], scope["scheme"])
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def refused(_: Request, error: Exception) -> Response:
    """What routing refuses: 404 and 405, as JSON."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return _error(status, status.phrase, status.name, dict(error.headers or {}))


async def no_socket(websocket: WebSocket) -> None:
    """A handshake where there is no socket to open."""
    status = HTTPStatus.NOT_FOUND
    await websocket.send_denial_response(_error(status, status.phrase, status.name, {}))


async def broken(request: Request, _: Exception) -> Response:
    """What only a bug can cause, in a route that has no answer of its own for it."""
    # By now the request has left what gives the others their id.
    request_id = {HEADER: request.scope[HEADER]} if HEADER in request.scope else {}
    response = _error(HTTPStatus.INTERNAL_SERVER_ERROR, BROKEN, "INTERNAL", request_id)
    _complete(response.raw_headers, request.scope["scheme"])
    return response


def _error(status: int, message: str, code: str, headers: dict[str, str]) -> Response:
    return JSONResponse({"errors": [problem(message, code)]}, status_code=status, headers=headers)


def _complete(headers: list[tuple[bytes, bytes]], scheme: str) -> None:
    """Add what a route has not set itself; names are in small letters, as ASGI asks for."""
    given = dict(headers)
    headers += [each for each in _ALWAYS if each[0] not in given]
    if _POLICY[0] not in given and not given.get(b"content-type", b"").startswith(b"text/html"):
        headers.append(_POLICY)
    if scheme in ("https", "wss") and _ENCRYPTED[0] not in given:
        headers.append(_ENCRYPTED)
