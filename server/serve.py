"""`hearth serve`: the production server, one process or several behind one socket."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from schema.schema import build_schema
from server.app import create_app
from server.database import check
from server.failure import StartFailure
from server.graphql_ws import LARGEST_MESSAGE
from server.http_protocol import GuardedHttp
from server.listener import open_listener
from server.logs import configure_logs
from server.metrics import shared_metrics
from server.operators import served_operators
from server.settings import Settings, load_settings
from server.trusted_documents import trusted_manifest
from server.ws_protocol import GuardedSocket

_GRACEFUL_SECONDS = 20


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
    served_operators(settings)
    if settings.manifest is not None:
        schema = build_schema(settings.limits, introspection=settings.introspection)
        trusted_manifest(settings.manifest, schema.documents)
    configure_logs(settings)
    config = uvicorn.Config(
        "server.serve:application",
        factory=True,
        workers=settings.workers,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
        **transport_options(settings),
    )
    with open_listener(settings) as listener:
        if settings.workers > 1:
            with shared_metrics(settings):
                Multiprocess(config, sockets=[listener]).run()
        else:
            server = uvicorn.Server(config)
            server.run(sockets=[listener])


def application() -> Starlette:
    """Return the application of one worker process, which reads the environment anew."""
    return create_app(load_settings())
