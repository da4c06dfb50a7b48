"""Refunds (E43)."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain import refund as domain_refund
from domain.refund import RefundStatus
from loaders import refunds_by_payment_id
from resolvers import payment, refund
from resolvers.context import Info
from schema.money import MoneyInput
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError
from schema.payment import Payment
from services.refund_settlement import RefundRow


@strawberry.type(description="This payment, or so much of it, cannot be given back; no money moved (E43)")
class RefundRejected(UserError):
    is_type_of = backed_by(domain_refund.RefundRejected)


@strawberry.type(description="Money that the viewer asked to have back")
class Refund:
    status: RefundStatus = strawberry.field(description="How far it has come; the operator decides")
    reason: str = strawberry.field(description="Why it was asked for")
    answer: str | None = strawberry.field(description="What the operator said to it; null before that")
    created_at: datetime = strawberry.field(description="When it was asked for")

    is_type_of = backed_by(RefundRow, refunds_by_payment_id.Refund)

    @strawberry.field(graphql_type=Payment | None, description="The payment; `refunded` there says how much went back")
    async def payment(self: Any, info: Info) -> Any:
        return await payment.by_id(info.context, cast(RefundRow, self).payment_id)


@strawberry.input(description="A payment that is to be given back")
class RequestRefundInput:
    payment_id: strawberry.ID = strawberry.field(description="One that the viewer made through a bank")
    reason: str = strawberry.field(description="Why, for the operator, who decides")
    amount: MoneyInput | None = strawberry.field(default=None, description="How much of it; all when left out")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A refund as far as it has come, or why there is none")
class RefundPayload(Payload):
    refund: Refund | None = strawberry.field(description="The one that is open, asked for now or before")


@strawberry.type
class RefundMutation:
    @strawberry.mutation(
        description="Ask to have a payment back, such as one to a wrong number (E43). The operator decides; nothing is "
        "taken from anybody in silence"
    )
    async def request_refund(
        self, info: Info, input: Annotated[RequestRefundInput, strawberry.argument(description="Which, and why")]
    ) -> RefundPayload:
        amount = (str(input.amount.amount), input.amount.currency) if input.amount else None
        outcome = await refund.request(info.context, input.payment_id, input.reason, amount)
        asked = outcome if isinstance(outcome, RefundRow) else None
        return RefundPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=[] if isinstance(outcome, RefundRow) else [cast(UserError, outcome)],
            refund=cast(Any, asked),
        )
