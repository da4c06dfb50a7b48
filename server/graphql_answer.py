"""What an operation answers, as the response object of the specification; transports put it into their own frame."""

import re
from collections.abc import Iterable
from typing import Any

from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from resolvers.context import Context

OVERLOADED = "The service is overloaded; try again soon"
BROKEN = "Something went wrong on our side"

# "Variable '$input' has invalid value: Expected value to include required field 'identifier', found: {…}."
# "Int cannot represent non-integer value: 271828", "Expected Name, found String '271828'."
_QUOTED_VALUE = re.compile(
    r"""(?s)^(Variable '\$.*?(?=, found: |: [\[{"'])|.*?(?=, found: )|.*? cannot represent .*?value(?=: )"""
    r"""|.*? found (?:String|BlockString|Int|Float)(?= ))[,: ].*$"""
)

_HINT = re.compile(r"(?s) Did you mean .*\?")
# A name of the caller's own is quoted, however long.
_LONGEST_MESSAGE = 500


def answer(
    result: ExecutionResult | PreExecutionError, context: Context, *, development: bool, hints: bool
) -> dict[str, Any]:
    """The response object: no `data` where nothing was executed, no `errors` where there are none.

    Without `hints` errors do not say what the caller may have meant, which would tell what the schema holds.
    """
    errors = result.errors or []
    if errors and result.data is None and all(not error.path for error in errors):
        response: dict[str, Any] = {"errors": refusals(errors, hints=hints)}
    else:
        response = {"data": result.data}
        if errors:
            response["errors"] = [_told(error, hints) for error in errors]
    if result.extensions:
        response["extensions"] = dict(result.extensions)
    if development:
        response.setdefault("extensions", {})["hearth"] = _cost(context)
    return response


def refusals(errors: Iterable[GraphQLError], *, hints: bool) -> list[dict[str, Any]]:
    """The errors of an operation that was not executed, each with a code."""
    told = [_told(error, hints) for error in errors]
    for error in told:
        error.setdefault("extensions", {}).setdefault("code", "BAD_REQUEST")
    return told


def problem(message: str, code: str) -> dict[str, Any]:
    """An error of ours, without anything executed."""
    return {"message": message, "extensions": {"code": code}}


def _told(error: GraphQLError, hints: bool) -> dict[str, Any]:
    """The error without the value that graphql-core quotes of a wrong variable, which may be a password."""
    told: dict[str, Any] = {**error.formatted}
    message = _QUOTED_VALUE.sub(r"\1", error.message)
    if not hints:
        message = _HINT.sub("", message)
    told["message"] = message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"
    if error.extensions:
        told["extensions"] = {**error.extensions}
    return told


def _cost(context: Context) -> dict[str, Any]:
    """What the operation cost the database, for development (N15)."""
    return {
        "operator": context.profile.operator.id,
        "statements": context.reads.statements,
        "sqlMilliseconds": round(context.reads.seconds * 1000, 2),
        "batches": context.batches.sizes,
    }
