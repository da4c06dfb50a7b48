"""Why a change is not made at the price that was quoted (N7, E49)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.money import Money
from domain.quote import PriceLine, PriceQuote
from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote with the token that a change at this price is made with, until it expires."""

    quote: PriceQuote
    token: str
    expires_at: datetime

    @property
    def due_now(self) -> Money:
        return self.quote.due_now

    @property
    def first_month_total(self) -> Money:
        return self.quote.first_month

    @property
    def monthly_total(self) -> Money:
        return self.quote.monthly

    @property
    def lines(self) -> tuple[PriceLine, ...]:
        return self.quote.lines

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.quote.warnings


@dataclass(frozen=True, slots=True)
class PriceChanged:
    """It costs something else by now, or is no longer what was quoted: nothing was done. `quoted` is the new price."""

    quoted: Quoted
    message: str = "The price has changed; nothing was done"
    field: tuple[str, ...] | None = ("quoteToken",)
    code: ClassVar[ErrorCode] = ErrorCode.PRICE_CHANGED


@dataclass(frozen=True, slots=True)
class QuoteRejected:
    """The token is not one of this change, has expired, or was used: a new quote is needed."""

    message: str = "This quote is not good for this change any more; ask for the price again"
    field: tuple[str, ...] | None = ("quoteToken",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT
