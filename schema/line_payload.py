"""What everything that changes a line answers."""

from typing import Annotated, Any, cast

import strawberry

from loaders import visible
from schema.payload import Payload, errors

# A line names what its mutations answer with.
LineItself = Annotated["Line", strawberry.lazy("schema.line")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="A line as it is now, or why nothing was changed")
class LinePayload(Payload):
    line: LineItself | None = strawberry.field(description="The line; null where nothing was done")


def line_payload(outcome: object, client_mutation_id: str | None) -> LinePayload:
    """The payload of an outcome that is the line or a refusal."""
    line = outcome if isinstance(outcome, visible.Line) else None
    return LinePayload(
        client_mutation_id=client_mutation_id,
        user_errors=errors(None if line is not None else outcome),
        line=cast(Any, line),
    )
