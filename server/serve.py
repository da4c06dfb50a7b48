"""`hearth serve`: the production server, one process or several behind one socket."""

from __future__ import annotations

import asyncio
import resource
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette

from server.app import create_app
from server.database import check
from server.drain import GRACEFUL_SECONDS, Server
from server.failure import StartFailure
from server.graphql_ws import LARGEST_MESSAGE
from server.http_protocol import GuardedHttp
from server.listener import open_listener
from server.metrics import shared_metrics
from server.settings import Settings
from server.workers import parent_is_gone, run_workers
from server.ws_protocol import GuardedSocket

# How long a worker outlives whoever started it.
_LOOK_SECONDS = 1


def transport_options(settings: Settings) -> dict[str, Any]:
    """Return what development and production have in common in uvicorn's configuration."""
    return {
        "loop": "uvloop",
        "http": GuardedHttp,
        "ws": GuardedSocket,
        "ws_max_size": LARGEST_MESSAGE,
        # Events are short, and a compressor for each socket is not.
        "ws_per_message_deflate": False,
        "server_header": False,
        "access_log": False,
        "log_config": None,  # what it says goes where our own logs go
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
    }


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises StartFailure for what can be known before the first request."""
    if settings.database_url is None:
        raise StartFailure("HEARTH_DATABASE_URL is missing: only `hearth run` brings a database with it")
    asyncio.run(check(settings.database_url))
    app = create_app(settings)
    _allow_sockets()
    with open_listener(settings) as listener:
        if settings.workers > 1:
            with shared_metrics(settings):
                run_workers(settings.workers, listener, lambda parent: _serve(settings, app, listener, parent))
        else:
            _serve(settings, app, listener)


def _allow_sockets() -> None:
    """Take as many open files as we may have: each socket is one, and the usual thousand is none too many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _serve(settings: Settings, app: Starlette, listener: socket.socket, parent: int | None = None) -> None:
    """Serve in this process; a worker stops when its `parent` has gone."""
    config = uvicorn.Config(app, timeout_graceful_shutdown=GRACEFUL_SECONDS, **transport_options(settings))
    server = Server(config, app.state.drain, settings.drain_notice_seconds)
    if parent is not None:

        async def stop_alone() -> None:
            server.should_exit = server.should_exit or parent_is_gone(parent)

        config.callback_notify, config.timeout_notify = stop_alone, _LOOK_SECONDS
    server.run(sockets=[listener])
