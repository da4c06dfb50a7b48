"""GraphQL over HTTP: one operation a POST, or a query a GET where that is switched on, answered as the client accepts.

Follows the GraphQL-over-HTTP specification: request errors are 400 without `data` for clients that take
`application/graphql-response+json`, and 200 for those that take `application/json` only.
"""

import gzip
from typing import Any

import orjson
import structlog
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from auth.session import Expired, Viewer, Widget
from domain.profile import Profile
from loaders.batch import Batches
from models import watch
from models.counter import Standing, standings
from models.reader import SILENT, Reader
from schema.schema import HearthSchema
from server import graphql_request, watching
from server.accepted import weights
from server.document_lookup import DocumentLookup
from server.graphql_answer import BROKEN, OVERLOADED, answer, problem
from server.graphql_context import Contexts, address_of
from server.graphql_request import BadRequest, GraphQLRequest
from server.graphql_sse import MEDIA_TYPE as EVENTS
from server.graphql_sse import EventStreams
from server.operator_choice import UnknownOperator, choose
from server.rate_limit import Admission, headers, refusal

MODERN = "application/graphql-response+json"
LEGACY = "application/json"

_OPERATIONS = {OperationType.QUERY, OperationType.MUTATION}
_RETRY_SECONDS = "1"
# Less than this leaves in one packet or two anyway.
_WORTH_COMPRESSING = 2_000
_QUICKLY = 1

_log = structlog.get_logger()


class GraphQLEndpoint:
    """Answers /graphql; with `events` also those who want their answers as server-sent events."""

    def __init__(self, schema: HearthSchema, contexts: Contexts, events: EventStreams | None = None) -> None:
        self._schema = schema
        self._contexts = contexts
        self._events = events
        self._lookup = DocumentLookup(schema.documents, contexts.settings.documents)
        self._development = contexts.settings.development
        self._hints = contexts.settings.introspection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application: a route's own wrapping of functions would come on top for every request."""
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """The answer to a request, whatever is wrong with it."""
        media_type = _accepted(request.headers.get("accept", "*/*"))
        events = self._events if media_type == EVENTS else None
        if media_type == EVENTS:
            media_type = LEGACY if events else None
        try:
            if media_type is None:
                raise BadRequest(406, f"Accept must take {MODERN}, {LEGACY} or {EVENTS}")
            profile = choose(request.headers, self._contexts.settings, self._contexts.profiles)
            token = self._contexts.token(request, profile, request.headers.get("authorization"))
            admission = self._contexts.rates.admit(token, address_of(request))
            if admission is not None and not admission.is_allowed:
                return _too_many(admission, media_type)
            wanted = await graphql_request.read(request)
            if events is not None:
                return events.answer(request, profile, wanted)
        except BadRequest as refused:
            return _error(refused.status, str(refused), refused.code, media_type or LEGACY)
        except UnknownOperator as refused:
            return _error(400, str(refused), "UNKNOWN_OPERATOR", media_type or LEGACY)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        reads, batches = self._contexts.reader(), Batches()
        counted: dict[str, Standing] = {}
        listening = standings.set(counted)
        try:
            caller = await self._contexts.caller(token, profile, reads)
            if token is not None and isinstance(caller, Viewer | Widget):
                admission = self._contexts.rates.recognise(token, admission)
            response = await self._answer(request, wanted, profile, caller, reads, batches, media_type)
            told = headers(admission, counted.values())
            response.raw_headers += [(name.encode(), value.encode()) for name, value in told.items()]
            return response
        except SILENT as error:
            _log.error("the database did not answer", error=type(error).__name__)
            return _overloaded(media_type)
        except Exception:
            _log.exception("request failed")
            return _error(500, BROKEN, "INTERNAL", media_type)
        finally:
            standings.reset(listening)
            # Fields may still be on their way when a sibling has failed and the answer is made.
            batches.cancel()
            await reads.close()

    async def _answer(
        self,
        request: Request,
        wanted: GraphQLRequest,
        profile: Profile,
        caller: Viewer | Widget | Expired | None,
        reads: Reader,
        batches: Batches,
        media_type: str,
    ) -> Response:
        response = Response(media_type=f"{media_type}; charset=utf-8")
        whence = self._contexts.whence(request)
        context = self._contexts.context(whence, profile, caller, reads, batches, response=response)
        try:
            query = await self._lookup.text(wanted, reads)
        except GraphQLError as refused:
            code = str((refused.extensions or {})["code"])
            return _error(400 if media_type == MODERN else 200, refused.message, code, media_type)
        try:
            with watch.span("operation"):
                result = await self._schema.execute(
                    query,
                    variable_values=wanted.variables,
                    context_value=context,
                    operation_name=wanted.operation_name,
                    allowed_operation_types=_OPERATIONS if request.method == "POST" else {OperationType.QUERY},
                )
                data = answer(result, context, development=self._development, hints=self._hints)
                watching.named(self._schema.documents, query, wanted.operation_name, data)
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError) as refused:
            if request.method != "POST" and isinstance(refused, InvalidOperationTypeError):
                return _only_by_post(media_type)
            return _error(400 if media_type == MODERN else 200, _why_not(refused), "BAD_REQUEST", media_type)
        if context.unanswered:
            return _overloaded(media_type)
        response.status_code = 400 if "data" not in data and media_type == MODERN else 200
        response.body = orjson.dumps(data)
        if self._may_compress(request, query, wanted.operation_name, response):
            response.body = gzip.compress(response.body, _QUICKLY, mtime=0)
            response.headers["content-encoding"] = "gzip"
        response.headers["content-length"] = str(len(response.body))
        return _guarded(response)

    def _may_compress(self, request: Request, query: str, operation_name: str | None, response: Response) -> bool:
        """Whether an answer is large, and holds no token: beside what a caller can choose, a length would tell of it.

        Tokens are answered by mutations only.
        """
        return (
            len(response.body) >= _WORTH_COMPRESSING
            and response.status_code == 200
            and weights(request.headers.get("accept-encoding", "")).get("gzip", 0) > 0
            and "set-cookie" not in response.headers
            and self._schema.documents.reads_only(query, operation_name)
        )


def _accepted(accept: str) -> str | None:
    """The media type to answer with; None when the client takes none of ours."""
    named = weights(accept or "*/*")
    if named.get(EVENTS, 0.0) > max(named.get(MODERN, 0.0), named.get(LEGACY, 0.0)):
        return EVENTS
    anything = named.get("application/*", named.get("*/*", 0.0))
    # Who does not name the newer one may not know it.
    modern, legacy = named.get(MODERN, 0.0), named.get(LEGACY, anything)
    if modern > 0 and modern >= named.get(LEGACY, 0.0):
        return MODERN
    return LEGACY if legacy > 0 else None


def _why_not(refused: Exception) -> str:
    """Why Strawberry found no operation to execute, in words for the caller."""
    match refused:
        case CannotGetOperationTypeError():
            return refused.as_http_error_reason()
        case InvalidOperationTypeError():
            return f"Send queries and mutations here: subscriptions need a socket, or {EVENTS}"
        case _:
            return "`query` is empty"


def _only_by_post(media_type: str) -> Response:
    response = _error(405, "Only queries are answered over GET; send this by POST", "METHOD_NOT_ALLOWED", media_type)
    response.headers["allow"] = "POST"
    return response


def _too_many(admission: Admission, media_type: str) -> Response:
    response = _refused(429, refusal(admission), media_type)
    response.headers["retry-after"] = str(admission.wait_seconds)
    response.headers.update(headers(admission))
    return response


def _overloaded(media_type: str) -> Response:
    response = _error(503, OVERLOADED, "UNAVAILABLE", media_type)
    response.headers["retry-after"] = _RETRY_SECONDS
    return response


def _error(status: int, message: str, code: str, media_type: str) -> Response:
    return _refused(status, problem(message, code), media_type)


def _refused(status: int, error: dict[str, Any], media_type: str) -> Response:
    body = {"errors": [error]}
    return _guarded(Response(orjson.dumps(body), status_code=status, media_type=f"{media_type}; charset=utf-8"))


def _guarded(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    response.headers["vary"] = "accept, accept-encoding"
    response.headers["x-content-type-options"] = "nosniff"
    return response
