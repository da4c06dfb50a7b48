"""The exact price of a change before it is made (N7)."""

from datetime import datetime
from typing import Any

import strawberry

from domain import quote_refusals
from domain.catalogue import FeePeriod
from schema.money import Money
from schema.node import backed_by
from schema.payload import Payload, UserError


@strawberry.type(description="One item of a price")
class PriceQuoteLine:
    label: str = strawberry.field(description="What it is paid for, in the operator's language")
    amount: Money = strawberry.field(description="Paid once in each `period`")
    period: FeePeriod = strawberry.field(description="How often it is paid")
    free_days: int = strawberry.field(description="Days at the beginning that cost nothing; 0: none")


@strawberry.type(description="The exact price of a change, good for ten minutes and for one change (N7, F115)")
class PriceQuote:
    due_now: Money = strawberry.field(description="Charged at once")
    first_month_total: Money = strawberry.field(description="All that the first month costs, `dueNow` included")
    monthly_total: Money = strawberry.field(description="What each month after it costs; a month has thirty days here")
    lines: list[PriceQuoteLine] = strawberry.field(description="What the price is made of")
    token: str = strawberry.field(description="Hand this in with the change; it is refused at any other price")
    expires_at: datetime = strawberry.field(description="Until when the token is good")
    warnings: list[str] = strawberry.field(description="What to know before saying yes, in the operator's language")


@strawberry.type(description="It costs something else by now: nothing was done, and `quote` is the new price (E49)")
class PriceChanged(UserError):
    is_type_of = backed_by(quote_refusals.PriceChanged)

    @strawberry.field(graphql_type=PriceQuote, description="The price now, with its own token")
    def quote(self: Any) -> object:
        return self.quoted


@strawberry.type(description="The token is not of this change, has expired or was used: ask for the price again")
class QuoteRejected(UserError):
    is_type_of = backed_by(quote_refusals.QuoteRejected)


QUOTE_ERRORS = (PriceChanged, QuoteRejected)


@strawberry.type(description="A price, or why there is none")
class QuotePayload(Payload):
    quote: PriceQuote | None = strawberry.field(default=None, description="What it costs")
