"""Money as whole minor units (kopecks) with a currency: never a float, never rounded (DESIGN 4).

Every currency here has two decimals, so one minor unit is a hundredth.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache, total_ordering
from typing import Self

MAX_MINOR = 10**15
"""The largest amount, either way, in minor units: ten trillion roubles, far inside a PostgreSQL bigint."""

MAX_AMOUNT_TEXT = 20
"""The longest text, in characters, that is read as an amount."""

_DECIMALS = 2
_PLAIN_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class CurrencyCode(StrEnum):
    """An ISO 4217 currency that some operator sells in (SPEC 5.3 `operator.currency`)."""

    RUB = "RUB"
    BYN = "BYN"


class MoneyRejected(ValueError):
    """An amount that Hearth does not take; the text says why."""


class CurrencyMismatch(TypeError):
    """Amounts in two currencies met in one sum or comparison, which only a bug can cause (E58)."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency; negative amounts are debits.

    `==` between currencies is false; `<`, `+` and `-` between currencies raise `CurrencyMismatch`.
    Raises `MoneyRejected` beyond `MAX_MINOR` either way.
    """

    minor: int
    currency: CurrencyCode

    def __post_init__(self) -> None:
        # A bool is an int to Python, and a float passes unnoticed at run time: both are refused here.
        if type(self.minor) is not int:
            raise MoneyRejected(f"minor units are a whole number, not {type(self.minor).__name__}")
        if abs(self.minor) > MAX_MINOR:
            raise MoneyRejected("the amount is too large")

    @classmethod
    def from_decimal(cls, amount: Decimal, currency: CurrencyCode) -> Self:
        """The money of a decimal amount in whole units, such as 157.50.

        Raises `MoneyRejected` for NaN, infinities, more than two decimals and amounts beyond `MAX_MINOR`.
        """
        return cls(_minor_units(amount), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in whole units with exactly two decimals."""
        return _whole_units(self.minor)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._comparable(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._comparable(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._comparable(other)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _comparable(self, other: "Money") -> int:
        """The minor units of `other`, which has to be of the same currency."""
        if self.currency is not other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not mix")
        return other.minor


# The same fees are told again and again.
@lru_cache(1_000)
def _whole_units(minor: int) -> Decimal:
    # Read from its digits, because Decimal arithmetic would round by the caller's context.
    whole, rest = divmod(abs(minor), 10**_DECIMALS)
    return Decimal(f"{'-' if minor < 0 else ''}{whole}.{rest:0{_DECIMALS}}")


def parse_amount(text: str) -> Decimal:
    """The number that a person typed in plain decimal notation: `157`, `157.50`, `-1`.

    Raises `MoneyRejected` for anything else (`1e3`, `1_000`, `+1`, `157,50`, `NaN`, other scripts' digits)
    and beyond `MAX_AMOUNT_TEXT` characters. How many decimals an amount may have is for `Money` to say.
    """
    if len(text) > MAX_AMOUNT_TEXT:
        raise MoneyRejected(f"an amount has at most {MAX_AMOUNT_TEXT} characters")
    if not _PLAIN_AMOUNT.fullmatch(text):
        raise MoneyRejected("an amount is written in digits with a point, such as 157.50")
    return Decimal(text)


def _minor_units(amount: Decimal) -> int:
    """The whole number of minor units in a decimal amount; see `Money.from_decimal` for what is refused."""
    sign, digits, exponent = amount.as_tuple()
    # NaN and the infinities carry a letter in the place of the exponent.
    if not isinstance(exponent, int):
        raise MoneyRejected("the amount is not a number")
    if exponent < -_DECIMALS:
        raise MoneyRejected(f"the amount has more than {_DECIMALS} decimals")
    if not amount:
        return 0
    # Asked before the zeros are written out: 1e400 is finite.
    if amount.adjusted() > len(str(MAX_MINOR)) - _DECIMALS:
        raise MoneyRejected("the amount is too large")
    minor = int("".join(map(str, digits)) + "0" * (exponent + _DECIMALS))
    return -minor if sign else minor
