"""The token of a quote: which change, on whose line, at exactly which price (N7); good for ten minutes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from auth import signed_token
from domain.quote import PriceQuote
from domain.quote_refusals import Quoted

SECONDS = 600
_PURPOSE = "quote"


class Change(NamedTuple):
    """A change that has a price: `what` names it in full, such as "connect:17" or "tariff:3:MINUTE=600"."""

    operator: str
    user_id: int
    line_id: int
    what: str


@dataclass(frozen=True, slots=True)
class Offered:
    """What a token offers: the quote it is of, and its price in minor units as `PriceQuote.price` has it."""

    quote: UUID
    price: tuple[int, int, int]


def sign(secret: bytes, change: Change, quote: PriceQuote) -> Quoted:
    """A quote with its token."""
    token = signed_token.sign(secret, _PURPOSE, [*change, uuid4().hex, *quote.price], SECONDS)
    return Quoted(quote, token, datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=SECONDS))


def read(secret: bytes, change: Change, token: str) -> Offered | None:
    """What a token offers for exactly this change; None where it is forged, too old, or of another one."""
    told = signed_token.read(secret, _PURPOSE, token)
    if told is None or Change(*told[:4]) != change:
        return None
    due_now, first_month, monthly = told[5:]
    return Offered(UUID(told[4]), (due_now, first_month, monthly))


def named(secret: bytes, token: str) -> tuple[Change, UUID] | None:
    """Which change a token is of, for those who are told no more than the token, and its quote; None as in `read`."""
    told = signed_token.read(secret, _PURPOSE, token)
    return None if told is None else (Change(*told[:4]), UUID(told[4]))
