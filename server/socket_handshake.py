"""Whether a handshake opens a socket at /graphql: what is refused is answered as JSON, before there is a socket."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from server import rate_limit
from server.graphql_answer import problem
from server.graphql_context import Contexts, address_of

PROTOCOL = "graphql-transport-ws"


def denial(websocket: WebSocket, contexts: Contexts, full: int | None) -> JSONResponse | None:
    """Why a handshake is refused, if it is; `full` is the most sockets of a network, where that many are open."""
    if not _is_welcome(websocket, contexts):
        return _denied(403, problem("This origin may not open a socket", "FORBIDDEN"))
    if PROTOCOL not in websocket.scope["subprotocols"]:
        return _denied(400, problem(f"Sec-WebSocket-Protocol must offer {PROTOCOL}", "BAD_REQUEST"))
    if full is not None:
        return _denied(429, problem(f"At most {full} sockets at once from a network", "TOO_MANY_SOCKETS"))
    admission = contexts.rates.admit(None, address_of(websocket))
    if admission is not None and not admission.is_allowed:
        return _denied(429, rate_limit.refusal(admission), {"retry-after": str(admission.wait_seconds)})
    return None


def _is_welcome(websocket: WebSocket, contexts: Contexts) -> bool:
    """Whether the page that asks may use the browser's cookies here; a client without an origin is no browser."""
    origin = websocket.headers.get("origin")
    if origin is None or origin in contexts.settings.allowed_origins:
        return True
    scheme = {"ws": "http", "wss": "https"}[websocket.scope["scheme"]]
    return origin.lower() == f"{scheme}://{websocket.headers.get('host', '')}".lower()


def _denied(status: int, error: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"errors": [error]}, status_code=status, headers=headers)
