"""Why a payment was not taken: facts that become `userErrors`, as in `domain/refusals.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.refusals import ErrorCode, IdempotencyConflict


@dataclass(frozen=True, slots=True)
class PaymentRejected:
    """A payment that a rule of the operator's does not let through; nothing was charged, and nothing is left of it."""

    code: ErrorCode
    message: str
    field: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CardTooFrequent:
    """The card paid a short while ago, here or elsewhere; it may pay again from `next_allowed_at` (F068, E45)."""

    next_allowed_at: datetime
    message: str = "This card has just paid; it may pay again later"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CARD_TOO_FREQUENT


@dataclass(frozen=True, slots=True)
class PayeeAmbiguous:
    """A number that several accounts stand behind: `choices` are those that the caller may see (SPEC 4.5)."""

    choices: tuple[int, ...]
    message: str = "Several accounts belong to this number; choose one"
    field: tuple[str, ...] | None = ("target", "msisdn")
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class PaymentUnavailable:
    """The bank does not answer; nothing was begun."""

    message: str = "The bank does not answer; nothing was charged. Try again later"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CHANNEL_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class PaymentNotOpen:
    """The payment cannot be confirmed or given up any more; its `status` says what became of it."""

    message: str
    field: tuple[str, ...] | None = ("paymentId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


PaymentRefusal = (
    PaymentRejected | CardTooFrequent | IdempotencyConflict | PayeeAmbiguous | PaymentUnavailable | PaymentNotOpen
)
