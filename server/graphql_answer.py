"""What an operation answers, as the response object of the specification; transports put it into their own frame."""

import re
from typing import Any

from graphql import GraphQLFormattedError
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


def answer(result: ExecutionResult | PreExecutionError, context: Context, *, development: bool) -> dict[str, Any]:
    """The response object: no `data` where nothing was executed, no `errors` where there are none."""
    errors = [_without_values(error.formatted) for error in result.errors or ()]
    not_executed = result.data is None and errors and all(not error.path for error in result.errors or ())
    response: dict[str, Any] = {} if not_executed else {"data": result.data}
    if errors:
        response["errors"] = errors
    if result.extensions:
        response["extensions"] = dict(result.extensions)
    if development:
        response.setdefault("extensions", {})["hearth"] = _cost(context)
    return response


def problem(message: str, code: str) -> dict[str, Any]:
    """An error of ours, without anything executed."""
    return {"message": message, "extensions": {"code": code}}


def _without_values(error: GraphQLFormattedError) -> GraphQLFormattedError:
    """The error without the value that graphql-core quotes of a wrong variable: it may be a password."""
    return {**error, "message": _QUOTED_VALUE.sub(r"\1", error["message"])}


def _cost(context: Context) -> dict[str, Any]:
    """What the operation cost the database, for development (N15)."""
    return {
        "operator": context.profile.operator.id,
        "statements": context.reads.statements,
        "sqlMilliseconds": round(context.reads.seconds * 1000, 2),
        "batches": context.batches.sizes,
    }
