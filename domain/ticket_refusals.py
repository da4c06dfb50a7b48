"""Why something was not asked for, or answered: facts that become `userErrors`, as in `domain/refusals.py`."""

from dataclasses import dataclass
from typing import ClassVar

from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class RequestOpen:
    """The operator is still busy with another request of this kind; it has to be answered first."""

    message: str = "The operator is still busy with another request like this one; wait for its answer"
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class TicketRejected:
    """Why an employee does not answer or close a ticket."""

    message: str
