"""GraphQL in this process, over HTTP, without the loops of a whole application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

from schema.schema import build_schema
from server.graphql_context import Contexts
from server.graphql_http import GraphQLEndpoint

# One for all tests of a process: to make it takes longer than most of them, and it knows their documents already.
SCHEMA = build_schema(compile_after=1)


@asynccontextmanager
async def served(contexts: Contexts) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the cabinet with those contexts."""
    endpoint = GraphQLEndpoint(SCHEMA, contexts)
    application = Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])
    transport = httpx2.ASGITransport(app=application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
