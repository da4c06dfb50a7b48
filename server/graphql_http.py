"""GraphQL over HTTP: one operation a POST, answered as the client accepts it.

Follows the GraphQL-over-HTTP specification: request errors are 400 without `data` for clients that take
`application/graphql-response+json`, and 200 for those that take `application/json` only.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson
import structlog
from graphql import GraphQLFormattedError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from auth.session import Expired, Viewer, Widget, authenticate
from domain.profile import Profile
from gateways.billing import Billing
from gateways.oidc import SocialProviders
from loaders.batch import Batches
from models.reader import SILENT, Reader
from resolvers.context import Context
from resolvers.sign_in import cookie_name
from schema.schema import HearthSchema
from server import graphql_request
from server.graphql_request import BadRequest, GraphQLRequest
from server.operator_choice import UnknownOperator, choose
from server.settings import Settings

MODERN = "application/graphql-response+json"
LEGACY = "application/json"

_OPERATIONS = {OperationType.QUERY, OperationType.MUTATION}
_LONGEST_TOKEN = 256
_RETRY_SECONDS = "1"

# "Variable '$input' has invalid value: Expected value to include required field 'identifier', found: {…}."
_QUOTED_VALUE = re.compile(r"""(?s)^(Variable '\$.*?)(?:, found)?: (?:\[|\{|"|').*$""")

_log = structlog.get_logger()


class GraphQLEndpoint:
    """Answers POST /graphql."""

    def __init__(
        self,
        schema: HearthSchema,
        settings: Settings,
        profiles: Mapping[str, Profile],
        billing: Billing,
        pool: "asyncpg.Pool[asyncpg.Record]",
        social: SocialProviders | None = None,
    ) -> None:
        self._schema = schema
        self._settings = settings
        self._profiles = profiles
        self._billing = billing
        self._pool = pool
        self._social = social or {}
        self._secret = settings.key

    async def __call__(self, request: Request) -> Response:
        media_type = _accepted(request.headers.get("accept", "*/*"))
        try:
            if media_type is None:
                raise BadRequest(406, f"Accept must take {MODERN} or {LEGACY}")
            profile = choose(request.headers, self._settings, self._profiles)
            wanted = await graphql_request.read(request)
        except BadRequest as refused:
            return _error(refused.status, str(refused), refused.code, media_type or LEGACY)
        except UnknownOperator as refused:
            return _error(400, str(refused), "UNKNOWN_OPERATOR", media_type or LEGACY)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        reads, batches = Reader(self._pool), Batches()
        try:
            return await self._answer(request, wanted, profile, reads, batches, media_type)
        except SILENT as error:
            _log.error("the database did not answer", error=type(error).__name__)
            response = _error(503, "The service is overloaded; try again soon", "UNAVAILABLE", media_type)
            response.headers["retry-after"] = _RETRY_SECONDS
            return response
        except Exception:
            _log.exception("request failed")
            return _error(500, "Something went wrong on our side", "INTERNAL", media_type)
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
        context = Context(
            profile=profile,
            profiles=self._profiles,
            caller=await self._caller(request, profile, reads),
            reads=reads,
            billing=self._billing,
            batches=batches,
            secret=self._secret,
            network_key=self._settings.network_key.get_secret_value().encode() or None,
            secure_cookies=not self._settings.development,
            site=self._site(request),
            initiator=self._initiator(request),
            address=request.client.host if request.client else None,
            device=request.headers.get("user-agent"),
            response=response,
            social=self._social,
        )
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
        data = _formatted(result)
        if self._settings.development:
            data.setdefault("extensions", {})["hearth"] = _cost(context)
        response.status_code = 400 if "data" not in data and media_type == MODERN else 200
        response.body = orjson.dumps(data)
        response.headers["content-length"] = str(len(response.body))
        return _guarded(response)

    async def _caller(self, request: Request, profile: Profile, reads: Reader) -> Viewer | Widget | Expired | None:
        token = _bearer(request)
        if token is None:
            token = request.cookies.get(cookie_name(profile.operator.id, secure=not self._settings.development))
        if not token or len(token) > _LONGEST_TOKEN:
            return None
        return await authenticate(reads, profile, token)

    def _site(self, request: Request) -> str:
        """Where links in mails lead. What a caller names as host is believed in development only."""
        if self._settings.site_url or not self._settings.development:
            return self._settings.site_url
        return f"{request.url.scheme}://{request.headers.get('host', '')}"

    def _initiator(self, request: Request) -> str:
        """A pseudonym of the address and the client's name, which are not to be stored themselves."""
        address = request.client.host if request.client else ""
        told = f"{address}\n{request.headers.get('user-agent', '')}"
        return hmac.new(self._secret, told.encode(), hashlib.sha256).hexdigest()


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _accepted(accept: str) -> str | None:
    """The media type to answer with; None when the client takes neither of ours."""
    ranges = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    if MODERN in ranges:
        return MODERN
    if not ranges.isdisjoint({LEGACY, "application/*", "*/*", ""}):
        return LEGACY
    return None


def _formatted(result: ExecutionResult | PreExecutionError) -> dict[str, Any]:
    """The response object: no `data` where nothing was executed, no `errors` where there are none."""
    errors = [_without_values(error.formatted) for error in result.errors or ()]
    not_executed = result.data is None and errors and all(not error.path for error in result.errors or ())
    response: dict[str, Any] = {} if not_executed else {"data": result.data}
    if errors:
        response["errors"] = errors
    if result.extensions:
        response["extensions"] = dict(result.extensions)
    return response


def _without_values(error: GraphQLFormattedError) -> GraphQLFormattedError:
    """The error without the value that graphql-core quotes of a wrong variable: it may be a password."""
    return {**error, "message": _QUOTED_VALUE.sub(r"\1", error["message"])}


def _why_not(refused: Exception) -> str:
    """Why Strawberry found no operation to execute, in words for the caller."""
    match refused:
        case CannotGetOperationTypeError():
            return refused.as_http_error_reason()
        case InvalidOperationTypeError():
            return "Send queries and mutations here: subscriptions need a socket"
        case _:
            return "`query` is empty"


def _cost(context: Context) -> dict[str, Any]:
    """What the operation cost the database, for development (N15)."""
    return {
        "operator": context.profile.operator.id,
        "statements": context.reads.statements,
        "sqlMilliseconds": round(context.reads.seconds * 1000, 2),
        "batches": context.batches.sizes,
    }


def _error(status: int, message: str, code: str, media_type: str) -> Response:
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return _guarded(Response(orjson.dumps(body), status_code=status, media_type=f"{media_type}; charset=utf-8"))


def _guarded(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    response.headers["x-content-type-options"] = "nosniff"
    return response
