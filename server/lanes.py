"""Ways to GraphQL past routing, which is there for everybody else: most requests come for it, and all sockets."""

from collections.abc import Awaitable
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket


class Lane(NamedTuple):
    """Stands in the place of a route; the log tells its path."""

    path: str


GRAPHQL = Lane("/graphql")


class Sockets:
    """Leads to their endpoint those that come for one, past what is there for requests.

    Whatever a socket passes through is kept for as long as it is open, thousands of times.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "websocket" and scope["path"] == GRAPHQL.path:
            scope["route"] = GRAPHQL
            answered: Awaitable[None] = scope["app"].state.sockets(WebSocket(scope, receive, send))
            return answered
        return self._app(scope, receive, send)


class Requests:
    """Leads requests by POST to their endpoint; what else comes for it is for the router to refuse, or to let in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"] == GRAPHQL.path and scope["method"] == "POST":
            scope["route"] = GRAPHQL
            return graphql(scope, receive, send)
        return self._app(scope, receive, send)


def graphql(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """The endpoint for requests, which is made when the application starts."""
    endpoint: Any = scope["app"].state.graphql
    answered: Awaitable[None] = endpoint(scope, receive, send)
    return answered


class Endpoint:
    """The same for a route, which takes functions for something else."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return graphql(scope, receive, send)
