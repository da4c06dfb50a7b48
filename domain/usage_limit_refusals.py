"""Why something that a line is to spend, or that a child asks for, is not done (F048, F053)."""

from dataclasses import dataclass
from typing import ClassVar

from domain.child_policy import LimitAnswer
from domain.refusals import ErrorCode

_FORBIDDEN = {
    LimitAnswer.LIMIT_REACHED: "A limit of this line stands against it",
    LimitAnswer.QUIET_HOURS: "It is quiet hours on this line",
    LimitAnswer.CATEGORY_BLOCKED: "Services of this kind are not for this line",
    LimitAnswer.AGE_RATING: "It is for older people",
}


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """A limit or the policy of the line stands against it; `answer` says which (E36)."""

    answer: LimitAnswer = LimitAnswer.LIMIT_REACHED
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.LIMIT_EXCEEDED

    @property
    def message(self) -> str:
        return _FORBIDDEN[self.answer]


@dataclass(frozen=True, slots=True)
class OwnerToBeAsked:
    """Only with the approval of who owns the household; whoever can ask for it does (`services/approval.py`)."""

    message: str = "The owner of the household has to be asked for this"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.APPROVAL_REQUIRED


@dataclass(frozen=True, slots=True)
class ApprovalRequired:
    """The owner of the household was asked, and nothing was done yet; `approval_id` is the question."""

    approval_id: int
    message: str = "The owner of the household was asked; it is done when they agree"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.APPROVAL_REQUIRED


@dataclass(frozen=True, slots=True)
class ApprovedPriceChanged:
    """What was asked for costs something else by now: nothing was done, and the child has to ask again (I14)."""

    message: str = "The price has changed since; it has to be asked for again"
    field: tuple[str, ...] | None = ("approvalId",)
    code: ClassVar[ErrorCode] = ErrorCode.PRICE_CHANGED


@dataclass(frozen=True, slots=True)
class ApprovalClosed:
    """The question was answered otherwise, has expired, or is not open any more."""

    message: str = "The question is not open any more"
    field: tuple[str, ...] | None = ("approvalId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT
