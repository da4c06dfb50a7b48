"""Why a line was not blocked or unblocked: facts that become `userErrors`, as in `domain/refusals.py` (2.I)."""

from dataclasses import dataclass
from typing import ClassVar

from domain.money import Money
from domain.refusals import ErrorCode, OfficeRequired


@dataclass(frozen=True, slots=True)
class LineBlocked:
    """The line does not work already: it is blocked, suspended by the operator, or leaves."""

    message: str = "The line is blocked or suspended already"
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.LINE_BLOCKED


@dataclass(frozen=True, slots=True)
class LineNotBlocked:
    """Nobody has blocked the line; what the operator suspended is not undone this way."""

    message: str = "The line is not blocked by those who use it"
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.LINE_NOT_BLOCKED


@dataclass(frozen=True, slots=True)
class OnlyContractHolder:
    """Here the holder of the contract alone blocks and unblocks (F123)."""

    message: str = "Only the holder of the contract may do this"
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.ONLY_CONTRACT_HOLDER


@dataclass(frozen=True, slots=True)
class BlockUnpaid:
    """The account does not hold the price of a block (F125); nothing was changed."""

    price: Money
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.INSUFFICIENT_FUNDS

    @property
    def message(self) -> str:
        return f"A block costs {self.price}, which the account does not hold"


LineBlockRefusal = LineBlocked | LineNotBlocked | OnlyContractHolder | OfficeRequired | BlockUnpaid
