"""GraphQL over HTTP: one operation a POST, answered as the client accepts it.

Follows the GraphQL-over-HTTP specification: request errors are 400 without `data` for clients that take
`application/graphql-response+json`, and 200 for those that take `application/json` only.
"""

import asyncio

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from domain.profile import Profile
from loaders.batch import Batches
from models.reader import SILENT, Reader
from schema.schema import HearthSchema
from server import graphql_request
from server.graphql_answer import BROKEN, OVERLOADED, answer, problem
from server.graphql_context import Contexts
from server.graphql_request import BadRequest, GraphQLRequest
from server.operator_choice import UnknownOperator, choose

MODERN = "application/graphql-response+json"
LEGACY = "application/json"

_OPERATIONS = {OperationType.QUERY, OperationType.MUTATION}
_RETRY_SECONDS = "1"

_log = structlog.get_logger()


class GraphQLEndpoint:
    """Answers POST /graphql."""

    def __init__(self, schema: HearthSchema, contexts: Contexts) -> None:
        self._schema = schema
        self._contexts = contexts
        self._development = contexts.settings.development

    async def __call__(self, request: Request) -> Response:
        media_type = _accepted(request.headers.get("accept", "*/*"))
        try:
            if media_type is None:
                raise BadRequest(406, f"Accept must take {MODERN} or {LEGACY}")
            profile = choose(request.headers, self._contexts.settings, self._contexts.profiles)
            wanted = await graphql_request.read(request)
        except BadRequest as refused:
            return _error(refused.status, str(refused), refused.code, media_type or LEGACY)
        except UnknownOperator as refused:
            return _error(400, str(refused), "UNKNOWN_OPERATOR", media_type or LEGACY)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        reads, batches = self._contexts.reader(), Batches()
        try:
            return await self._answer(request, wanted, profile, reads, batches, media_type)
        except SILENT as error:
            _log.error("the database did not answer", error=type(error).__name__)
            response = _error(503, OVERLOADED, "UNAVAILABLE", media_type)
            response.headers["retry-after"] = _RETRY_SECONDS
            return response
        except Exception:
            _log.exception("request failed")
            return _error(500, BROKEN, "INTERNAL", media_type)
        finally:
            # Fields may still be on their way when a sibling has failed and the answer is made.
            batches.cancel()
            await asyncio.shield(reads.close())

    async def _answer(
        self,
        request: Request,
        wanted: GraphQLRequest,
        profile: Profile,
        reads: Reader,
        batches: Batches,
        media_type: str,
    ) -> Response:
        response = Response(media_type=f"{media_type}; charset=utf-8")
        token = self._contexts.token(request, profile, request.headers.get("authorization"))
        caller = await self._contexts.caller(token, profile, reads)
        context = self._contexts.context(request, profile, caller, reads, batches, response=response)
        try:
            result = await self._schema.execute(
                wanted.query,
                variable_values=wanted.variables,
                context_value=context,
                operation_name=wanted.operation_name,
                allowed_operation_types=_OPERATIONS,
            )
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError) as refused:
            return _error(400 if media_type == MODERN else 200, _why_not(refused), "BAD_REQUEST", media_type)
        for error in result.errors or ():
            if isinstance(error.original_error, SILENT):
                raise error.original_error
        data = answer(result, context, development=self._development)
        response.status_code = 400 if "data" not in data and media_type == MODERN else 200
        response.body = orjson.dumps(data)
        response.headers["content-length"] = str(len(response.body))
        return _guarded(response)


def _accepted(accept: str) -> str | None:
    """The media type to answer with; None when the client takes neither of ours."""
    ranges = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    if MODERN in ranges:
        return MODERN
    if not ranges.isdisjoint({LEGACY, "application/*", "*/*", ""}):
        return LEGACY
    return None


def _why_not(refused: Exception) -> str:
    """Why Strawberry found no operation to execute, in words for the caller."""
    match refused:
        case CannotGetOperationTypeError():
            return refused.as_http_error_reason()
        case InvalidOperationTypeError():
            return "Send queries and mutations here: subscriptions need a socket"
        case _:
            return "`query` is empty"


def _error(status: int, message: str, code: str, media_type: str) -> Response:
    body = {"errors": [problem(message, code)]}
    return _guarded(Response(orjson.dumps(body), status_code=status, media_type=f"{media_type}; charset=utf-8"))


def _guarded(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    response.headers["x-content-type-options"] = "nosniff"
    return response
