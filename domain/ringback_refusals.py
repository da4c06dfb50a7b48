"""Why a tone or a status message was not set: facts that become `userErrors`, as in `domain/refusals.py`."""

from dataclasses import dataclass
from typing import ClassVar

from domain.money import Money
from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class RingbackUnpaid:
    """The account does not hold what it costs now; nothing was changed."""

    price: Money
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.INSUFFICIENT_FUNDS

    @property
    def message(self) -> str:
        return f"It costs {self.price} now, which the account does not hold"


@dataclass(frozen=True, slots=True)
class ToneNotTaken:
    """The number takes no such gift. It is not told why: whether it is ours, what it has, what its owner allows."""

    message: str = "This number cannot be given this tone"
    field: tuple[str, ...] | None = ("toMsisdn",)
    code: ClassVar[ErrorCode] = ErrorCode.NOT_FOUND
