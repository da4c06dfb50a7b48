"""Payments from the balance of a mobile number (F082). Pure rules."""

from dataclasses import dataclass
from typing import ClassVar

from domain.ledger import Funds
from domain.money import Money
from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class BalanceTooLow:
    """The account has less than this to give away; nothing moved."""

    available: Money
    field: tuple[str, ...] | None = ("amount",)
    code: ClassVar[ErrorCode] = ErrorCode.INSUFFICIENT_FUNDS

    @property
    def message(self) -> str:
        return f"The account has {self.available} to give away"


def giveable(funds: Funds | None, owed: int) -> int:
    """How much of its own money an account can give away, in minor units.

    Credit is for the operator's services, and what was had on trust belongs to the operator until it is repaid.
    """
    if funds is None:
        return 0
    return max(0, funds.balance - funds.reserved - owed)
