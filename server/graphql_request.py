"""Reading a GraphQL request: every way in which a body can be wrong has a clear answer, as JSON."""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request

LARGEST_BODY = 100_000
LONGEST_QUERY = 15_000


class BadRequest(Exception):
    """The request is not one that can be executed; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, message: str, code: str = "BAD_REQUEST") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client wants executed."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


async def read(request: Request) -> GraphQLRequest:
    """The GraphQL request of a POST. Raises `BadRequest`."""
    _check_content_type(request.headers)
    return parse(await bounded_body(request, LARGEST_BODY))


def parse(body: bytes) -> GraphQLRequest:
    """The GraphQL request in a JSON body. Raises `BadRequest`."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "The body is not valid JSON") from None
    return checked(data)


def checked(data: object) -> GraphQLRequest:
    """The GraphQL request in what was JSON. Raises `BadRequest`."""
    if isinstance(data, list):
        raise BadRequest(400, "Send one operation at a time: lists are not taken")
    if not isinstance(data, dict):
        raise BadRequest(400, "The request must be a JSON object with a `query`")
    query, variables, name = data.get("query"), data.get("variables"), data.get("operationName")
    if not isinstance(query, str):
        raise BadRequest(400, "`query` must be a string")
    if len(query) > LONGEST_QUERY:
        raise BadRequest(400, f"`query` must be at most {LONGEST_QUERY} characters")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "`variables` must be an object")
    if name is not None and not isinstance(name, str):
        raise BadRequest(400, "`operationName` must be a string")
    if data.get("extensions") is not None and not isinstance(data["extensions"], dict):
        raise BadRequest(400, "`extensions` must be an object")
    return GraphQLRequest(query, variables, name)


def _check_content_type(headers: Headers) -> None:
    media_type, _, parameter = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise BadRequest(415, "Content-Type must be application/json")
    if parameter.strip().lower().replace('"', "") not in ("", "charset=utf-8"):
        raise BadRequest(415, "The charset must be utf-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest(415, "The body must not be encoded")


async def bounded_body(request: Request, limit: int) -> bytes:
    """The body, as far as `limit` bytes; nobody sends more than that into memory. Raises `BadRequest`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BadRequest(413, f"The body must be at most {limit} bytes")
    return bytes(body)
