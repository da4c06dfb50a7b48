"""Promised (trust) payments (F081)."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from domain.promised_payment import PromisedPaymentUnavailable as Unavailable
from domain.refusals import ErrorCode
from resolvers import promised_payment
from resolvers.context import Info
from schema.line_payload import LinePayload, line_payload
from schema.money import Money
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, UserError

if TYPE_CHECKING:
    pass

# A line names its promised payment, and taking one answers the line.


@strawberry.type(description="There is no promised payment for this line now; nothing was credited (F081)")
class PromisedPaymentUnavailable(UserError):
    is_type_of = backed_by(Unavailable)


@strawberry.type(description="Money that can be had on trust; the next top-up gives it back")
class PromisedPaymentOffer:
    id: strawberry.ID = strawberry.field(description="For `takePromisedPayment`: it names these very terms")
    amount: Money = strawberry.field(description="What the account is credited with")
    fee: Money = strawberry.field(description="What it costs: owed on top of the amount")
    days: int = strawberry.field(description="Days until all of it is due")


@strawberry.type(description="Money that was had on trust and is not repaid")
class PromisedPayment:
    amount: Money = strawberry.field(description="What the account was credited with")
    fee: Money = strawberry.field(description="What it costs")
    due_at: datetime = strawberry.field(description="From when on it is taken from whatever the account has")


@strawberry.type(description="How it stands with promised payments for a line")
class PromisedPaymentState:
    reason: ErrorCode | None = strawberry.field(description="Why there is none to be had; null when there is")
    offers: list[PromisedPaymentOffer] = strawberry.field(description="What the viewer may take, smallest first")
    active: PromisedPayment | None = strawberry.field(description="The one that is owed; null where none is")

    @strawberry.field(description="Whether the viewer may take one now")
    def available(self: Any) -> bool:
        return self.reason is None


@strawberry.input(description="A promised payment that is to be taken")
class TakePromisedPaymentInput:
    idempotency_key: strawberry.ID = strawberry.field(
        description="The client's own name of it, such as a UUID: whatever is repeated with it is taken once"
    )
    line_id: strawberry.ID = strawberry.field(description="A number that the viewer uses, or that of a child (E48)")
    offer_id: strawberry.ID = strawberry.field(description="One of `Line.promisedPayment.offers`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class PromisedPaymentMutation:
    @strawberry.mutation(
        description="Take money on trust (F081): only who uses the number, and who owns the household "
        "of a child (E48). One at a time"
    )
    async def take_promised_payment(
        self, info: Info, input: Annotated[TakePromisedPaymentInput, strawberry.argument(description="Which one")]
    ) -> LinePayload:
        outcome = await promised_payment.take(info.context, input.idempotency_key, input.line_id, input.offer_id)
        return line_payload(outcome, input.client_mutation_id)
