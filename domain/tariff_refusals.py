"""Why the tariff of a line was not changed: facts that become `userErrors`, as in `domain/refusals.py` (2.G)."""

from dataclasses import dataclass
from typing import ClassVar

from domain.line import LineStatus
from domain.money import Money
from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class TariffNotAvailable:
    """Nobody changes this line to it: it is archived, of another kind, or not sold where the line is (E50)."""

    message: str = "This tariff is not sold for this line"
    field: tuple[str, ...] | None = ("tariffId",)
    code: ClassVar[ErrorCode] = ErrorCode.TARIFF_NOT_AVAILABLE


@dataclass(frozen=True, slots=True)
class TariffUnchanged:
    """The line has exactly this already."""

    message: str = "The line has this tariff already, put together just so"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class TariffChangeAwaited:
    """A change of this line's tariff waits for its next period: one at a time."""

    message: str = "A change waits for the next period; cancel it first"
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class NoTariffChangeAwaited:
    """No change of this line's tariff waits, or not any more."""

    message: str = "No change waits for the next period"
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class TariffNotReverted:
    """Nothing is left of the tariff before that could be had back, or something newer was taken back since (F108)."""

    message: str = "Nothing is left of the tariff before; change to it if it is still sold"
    field: tuple[str, ...] | None = ("historyEntryId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class TariffUnpaid:
    """The account does not hold what the change costs now; nothing was changed."""

    price: Money
    available: Money
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.INSUFFICIENT_FUNDS

    @property
    def message(self) -> str:
        return f"It costs {self.price} now, and the account has {self.available}"


_STATES = {
    LineStatus.BLOCKED_BY_USER: "The line is blocked; unblock it first",
    LineStatus.SUSPENDED_NONPAYMENT: "The line is suspended until its fee is paid; top up first",
    LineStatus.SUSPENDED_FRAUD: "The operator suspended the line",
    LineStatus.PORTING_OUT: "The number is leaving for another operator",
}


@dataclass(frozen=True, slots=True)
class LineNotInService:
    """The line does not work at the moment, or not any more; `status` says why."""

    status: LineStatus
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.LINE_BLOCKED

    @property
    def message(self) -> str:
        return _STATES.get(self.status, "The line has ended")


TariffRefusal = (
    TariffNotAvailable
    | TariffUnchanged
    | TariffChangeAwaited
    | NoTariffChangeAwaited
    | TariffNotReverted
    | TariffUnpaid
    | LineNotInService
)
