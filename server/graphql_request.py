"""Reading a GraphQL request: every way in which a body can be wrong has a clear answer, as JSON."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request

LARGEST_BODY = 100_000
LONGEST_QUERY = 15_000
# Each has to be looked at before anything is executed.
MOST_VALUES = 2_000
BODY_SECONDS = 10.0

_NAMES = re.compile(rb'"(?:query|variables|operationName|extensions|documentId)"\s*:')


class BadRequest(Exception):
    """The request is not one that can be executed; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, message: str, code: str = "BAD_REQUEST") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client wants executed: a document by its text, by its id, or by both.

    `persisted` where the id is the hash of Apollo's protocol, whose clients expect its answers.
    """

    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    document_id: str | None = None
    persisted: bool = False


async def read(request: Request) -> GraphQLRequest:
    """The GraphQL request of a POST or a GET. Raises `BadRequest`."""
    if request.method != "POST":
        return checked(_parameters(request))
    _check_content_type(request.headers)
    body = await bounded_body(request, LARGEST_BODY)
    data = decoded(body, "The body")
    # Others on the way may have looked at the first of two queries, and we would run the second.
    if isinstance(data, dict) and (b"\\u" in body or len(_NAMES.findall(body)) > len(data)):
        _check_keys(body)
    return checked(data)


def decoded(text: bytes, what: str) -> object:
    """What is written in JSON. Raises `BadRequest`, which speaks of `what`."""
    try:
        data: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequest(400, f"{what} is not valid JSON") from None
    return data


def checked(data: object) -> GraphQLRequest:
    """The GraphQL request in what was JSON. Raises `BadRequest`."""
    if isinstance(data, list):
        raise BadRequest(400, "Send one operation at a time: lists are not taken")
    if not isinstance(data, dict):
        raise BadRequest(400, "The request must be a JSON object with a `query`")
    query, variables, name = data.get("query"), data.get("variables"), data.get("operationName")
    document_id, persisted = _document_id(data)
    if not isinstance(query, str) and (query is not None or document_id is None):
        raise BadRequest(400, "`query` must be a string")
    if query is not None and len(query) > LONGEST_QUERY:
        raise BadRequest(400, f"`query` must be at most {LONGEST_QUERY} characters")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "`variables` must be an object")
    if _holds_too_much(variables):
        raise BadRequest(400, f"`variables` must hold at most {MOST_VALUES} values")
    if name is not None and not isinstance(name, str):
        raise BadRequest(400, "`operationName` must be a string")
    return GraphQLRequest(query, variables, name or None, document_id, persisted)


def _document_id(data: dict[str, Any]) -> tuple[str | None, bool]:
    """The id of the document, and whether it is given as Apollo does: as a hash, without the name of its kind."""
    extensions, document_id = data.get("extensions"), data.get("documentId")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadRequest(400, "`extensions` must be an object")
    if document_id is not None and not isinstance(document_id, str):
        raise BadRequest(400, "`documentId` must be a string")
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return document_id, False
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise BadRequest(400, "`extensions.persistedQuery` must be an object of version 1")
    if not isinstance(persisted.get("sha256Hash"), str):
        raise BadRequest(400, "`extensions.persistedQuery.sha256Hash` must be a string")
    if document_id not in (None, persisted["sha256Hash"], f"sha256:{persisted['sha256Hash']}"):
        raise BadRequest(400, "`documentId` and `extensions.persistedQuery` name two documents")
    return persisted["sha256Hash"], True


def _holds_too_much(variables: object) -> bool:
    values, left = 0, [variables]
    while left and values <= MOST_VALUES:
        value = left.pop()
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        values += len(inside)
        left += [each for each in inside if isinstance(each, dict | list)]
    return values > MOST_VALUES


def _parameters(request: Request) -> dict[str, object]:
    """The parameters of a GET, as they would stand in a body."""
    given = request.query_params.multi_items()
    data: dict[str, object] = dict(given)
    if len(data) < len(given):
        raise BadRequest(400, "Give each parameter once")
    for name in ("variables", "extensions"):
        if (text := data.get(name)) is not None:
            data[name] = decoded(str(text).encode(errors="replace"), f"`{name}`")
    return data


def _check_keys(body: bytes) -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(named := dict(pairs)) < len(pairs):
            raise BadRequest(400, "The body names a key twice")
        return named

    try:
        json.loads(body, object_pairs_hook=once)
    except (ValueError, RecursionError):  # Python's own reader is stricter about numbers and depth
        raise BadRequest(400, "The body is not valid JSON") from None


def _check_content_type(headers: Headers) -> None:
    # Of two, others on the way may have believed the second; together they are none that is taken.
    media_type, _, parameter = ",".join(headers.getlist("content-type")).partition(";")
    if media_type.strip().lower() != "application/json":
        raise BadRequest(415, "Content-Type must be application/json")
    if parameter.strip().lower().replace('"', "") not in ("", "charset=utf-8"):
        raise BadRequest(415, "The charset must be utf-8")
    if any(coding.lower() != "identity" for coding in headers.getlist("content-encoding")):
        raise BadRequest(415, "The body must not be encoded")


async def bounded_body(request: Request, limit: int) -> bytes:
    """The body, as far as `limit` bytes and for as long as it may take to arrive. Raises `BadRequest`."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise BadRequest(413, f"The body must be at most {limit} bytes")
    except TimeoutError:
        raise BadRequest(408, f"The body must arrive within {BODY_SECONDS:.0f} seconds", "TIMEOUT") from None
    return bytes(body)
