"""The ASGI application: routes, and what lives as long as the process."""

import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from domain.profile import Profile
from domain.wording import catalogues
from gateways.billing import Billing
from gateways.last_known import RememberedBilling
from gateways.ledger_billing import LedgerBilling
from gateways.simulators.billing import BrokenBilling
from models.database import process_database
from models.reader import reader_pool
from schema.schema import build_schema
from server import dev_pages, dev_payment_page, documents, graphiql, inbound, lanes, payments
from server.drain import LOOPS_SECONDS, Drain
from server.edge import AnswerHeaders, broken, no_socket, refused
from server.graphql_context import Contexts
from server.graphql_http import GraphQLEndpoint
from server.graphql_sse import EventStreams
from server.graphql_stream import Streams
from server.graphql_ws import GraphQLSockets
from server.health import healthz, readyz
from server.live import Hub
from server.logs import configure_logs
from server.loops import Loops
from server.metrics import metrics
from server.operators import served_operators
from server.payment_gateway import Providers, payment_desk
from server.settings import Settings
from server.sim_registry import sim_registry
from server.social import read_registrations, social_providers
from server.tracing import tracing
from server.trusted_documents import forget_withdrawn, trusted_manifest
from server.watching import HEADER, Watching

# Longer than the loaders' patience with billing.
_SLOW_BILLING_SECONDS = 30.0
# Most of what a request makes dies with it; looking through the rest so often only costs time. To let go of so many at
# once takes 10 ms, in which nobody is answered.
_COLLECT_AFTER = 10_000


def create_app(
    settings: Settings,
    *,
    profiles: Mapping[str, Profile] | None = None,
    billing: Billing | None = None,
    provider: Providers | None = None,
) -> Starlette:
    """The application of one process. In development it delivers the outbox itself.

    `provider` connects to whoever moves money, for as long as the application runs.
    """
    configure_logs(settings)
    served = profiles if profiles is not None else served_operators(settings)
    registrations = read_registrations(settings.oidc, served)
    schema = build_schema(
        settings.limits,
        introspection=settings.introspection,
        show_cost=settings.development,
        compiled=settings.compiled,
    )
    if settings.manifest is not None:
        schema.documents.manifest = trusted_manifest(settings.manifest, schema.documents)
    catalogues()  # read now, so that no request waits for it
    drain = Drain()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(tracing(settings))
            await stack.enter_async_context(process_database(settings.dsn, pool_size=settings.pool_size))
            pool = await stack.enter_async_context(reader_pool(settings.dsn, settings.pool_size))
            app.state.pool = pool
            await stack.enter_async_context(metrics(settings, pool, lambda: schema.operations.counts))
            told = billing or _billing(settings)
            # What our own database says needs no remembering in it: a read costs no write.
            remembered = RememberedBilling(told, pool) if told.remote else None
            social = await stack.enter_async_context(social_providers(registrations))
            desk = await stack.enter_async_context(payment_desk(settings, provider))
            app.state.desk = desk
            sims = await stack.enter_async_context(sim_registry(settings))
            contexts = Contexts(settings, served, remembered or told, pool, social, desk, sims)
            hub = Hub(settings.dsn, at_once=max(1, settings.pool_size // 2))
            streams = Streams(schema, contexts, hub)
            app.state.graphql = GraphQLEndpoint(schema, contexts, EventStreams(streams))
            app.state.sockets = GraphQLSockets(streams, drain)
            listening = await stack.enter_async_context(Loops(patience=0))
            listening.start(hub.run())
            listening.start(forget_withdrawn(hub, schema.documents))
            if remembered is not None:
                listening.start(remembered.write_for_ever())
            if settings.development:
                loops = await stack.enter_async_context(Loops(patience=LOOPS_SECONDS))
                # Not before: a server that answers only needs none of it in its memory.
                from server.background import start_background

                start_background(loops, settings, served, desk, sims)
            gc.freeze()
            gc.set_threshold(_COLLECT_AFTER)
            yield

    application = Starlette(
        routes=[
            Route(lanes.GRAPHQL.path, lanes.Endpoint(), methods=["GET", "POST"] if settings.get_queries else ["POST"]),
            WebSocketRoute("/{path:path}", no_socket),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *inbound.routes(settings, served),
            *payments.routes(served),
            *documents.routes(settings, served),
            *graphiql.routes(),
            *(_development_routes(settings, served) if settings.development else []),
        ],
        middleware=_middleware(settings),
        exception_handlers={HTTPException: refused, Exception: broken},
        lifespan=lifespan,
    )
    application.state.drain = drain
    # It would lead to whatever host the caller names.
    application.router.redirect_slashes = False
    return application


def _development_routes(settings: Settings, profiles: Mapping[str, Profile]) -> list[BaseRoute]:
    async def home(_: Request) -> Response:
        return RedirectResponse("/graphiql/")

    return [
        Route("/", home),
        dev_payment_page.ROUTE,
        *dev_pages.routes(settings, profiles),
        *inbound.development_routes(settings, profiles),
    ]


def _middleware(settings: Settings) -> list[Middleware]:
    around = [Middleware(Watching), Middleware(AnswerHeaders), Middleware(lanes.Sockets)]
    if settings.allowed_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "POST"] if settings.get_queries else ["POST"],
            allow_headers=["authorization", "content-type", "x-operator", HEADER, "traceparent"],
            expose_headers=["retry-after", "ratelimit", "ratelimit-policy", HEADER],
            allow_credentials=True,
        )
        around.append(cors)
    return [*around, Middleware(lanes.Requests)]


def _billing(settings: Settings) -> Billing:
    match settings.billing:
        case "ledger":
            return LedgerBilling()
        case "down":
            return BrokenBilling()
        case "slow":
            return BrokenBilling(_SLOW_BILLING_SECONDS)
