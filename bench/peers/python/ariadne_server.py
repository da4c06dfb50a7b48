"""Ariadne on asyncpg: one loader for each batch, and documents parsed and validated once."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import asyncpg
import orjson
from aiodataloader import DataLoader
from ariadne import ObjectType, QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.asgi.handlers import GraphQLHTTPHandler
from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from bench.peers.python import dashboard
from bench.peers.python.access import USAGE, VIEW
from bench.peers.python.peer import SETUP, Reads, open_pool

Batch = Callable[["Context", Sequence[Any]], Awaitable[dict[Any, Any]]]

_KNOWN_DOCUMENTS = 256
_pool: "asyncpg.Pool[asyncpg.Record]"


class Context:
    """One request: its reads, its viewer and its loaders."""

    def __init__(self, reads: Reads, viewer: dashboard.Viewer | None) -> None:
        self.reads: Reads = reads
        self.viewer = viewer
        self._loaders: dict[str, Any] = {}

    @property
    def signed_in(self) -> dashboard.Viewer:
        assert self.viewer is not None
        return self.viewer

    async def load(self, name: str, key: int) -> Any:
        loader = self._loaders.get(name)
        if loader is None:
            loader = self._loaders[name] = DataLoader(self._batch(_BATCHES[name]))
        return await loader.load(key)

    def _batch(self, read: Batch) -> Callable[[list[Any]], Coroutine[Any, Any, list[Any]]]:
        async def load(keys: list[Any]) -> list[Any]:
            found = await read(self, keys)
            return [found.get(key) for key in keys]

        return load


_BATCHES: dict[str, Batch] = {
    "household": lambda context, keys: dashboard.households(context.reads, keys),
    "account": lambda context, keys: dashboard.accounts(context.reads, context.signed_in, keys),
    "balance": lambda context, keys: dashboard.balances(context.reads, keys),
    "remains": lambda context, keys: dashboard.remains(context.reads, keys),
    "usage": lambda context, keys: dashboard.usage(context.reads, keys),
    "tariff": lambda context, keys: dashboard.tariffs(context.reads, keys),
    "services": lambda context, keys: dashboard.services(context.reads, keys),
}


async def _context(request: Request, _data: object) -> Context:
    reads = request.state.reads = Reads(_pool)
    return Context(reads, await dashboard.authenticate(reads, request.headers.get("authorization")))


query, viewer, line, personal_account = (
    QueryType(),
    ObjectType("Viewer"),
    ObjectType("Line"),
    ObjectType("PersonalAccount"),
)


@query.field("viewer")
def _viewer(_: object, info: Any) -> Any:
    return info.context.viewer


@viewer.field("user")
def _user(parent: dashboard.Viewer, _info: Any) -> Any:
    return {"displayName": parent.display_name}


@viewer.field("household")
async def _household(parent: dashboard.Viewer, info: Any) -> Any:
    return await info.context.load("household", parent.user_id)


@viewer.field("linkedNumbers")
async def _linked_numbers(parent: dashboard.Viewer, info: Any, first: int) -> Any:
    return dashboard.page(await dashboard.linked_numbers(info.context.reads, parent, first))


@viewer.field("personalAccounts")
async def _personal_accounts(parent: dashboard.Viewer, info: Any, first: int) -> Any:
    return dashboard.page(await dashboard.personal_accounts(info.context.reads, parent, first))


@line.field("balance")
@personal_account.field("balance")
async def _balance(parent: Any, info: Any) -> Any:
    return await info.context.load("balance", parent["account_id"]) if parent["may"] & VIEW else None


@line.field("remains")
async def _remains(parent: Any, info: Any) -> Any:
    return await info.context.load("remains", parent["key"]) or [] if parent["may"] & VIEW else None


@line.field("usage")
async def _usage(parent: Any, info: Any) -> Any:
    return {"items": await info.context.load("usage", parent["key"]) or []} if parent["may"] & USAGE else None


@line.field("tariff")
async def _tariff(parent: Any, info: Any) -> Any:
    return await info.context.load("tariff", parent["key"]) if parent["may"] & VIEW else None


@line.field("connectedServices")
async def _connected_services(parent: Any, info: Any, first: int) -> Any:
    if not parent["may"] & VIEW:
        return None
    return dashboard.page((await info.context.load("services", parent["key"]) or [])[:first])


@line.field("personalAccount")
async def _personal_account(parent: Any, info: Any) -> Any:
    return await info.context.load("account", parent["account_id"])


_parse = lru_cache(_KNOWN_DOCUMENTS)(parse)


@lru_cache(_KNOWN_DOCUMENTS)
def _validate(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    return validate(schema, document)


class _Handler(GraphQLHTTPHandler):
    """Gives the connection back, and writes JSON by orjson."""

    async def graphql_http_server(self, request: Request) -> Response:
        try:
            response: Response = await super().graphql_http_server(request)
            return response
        finally:
            await request.state.reads.release()

    async def create_json_response(self, _request: Request, result: dict[str, Any], success: bool) -> Response:
        return Response(orjson.dumps(result), 200 if success else 400, media_type="application/json")


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    global _pool
    _pool = await open_pool()
    yield
    await _pool.close()


app = Starlette(lifespan=_lifespan)
app.mount(
    "/graphql",
    GraphQL(
        make_executable_schema(SETUP["schema"], query, viewer, line, personal_account),
        context_value=_context,
        query_parser=lambda _context, data: _parse(data["query"]),
        query_validator=lambda schema, document, *_, **__: _validate(schema, document),
        http_handler=_Handler(),
    ),
)
