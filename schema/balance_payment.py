"""Paying from the balance of one's own number (F082)."""

from typing import Annotated, Any, cast

import strawberry

from domain.balance_payment import BalanceTooLow as TooLow
from resolvers import balance_payment
from resolvers.context import Info
from schema.money import Money, MoneyInput
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, UserError
from schema.payment import IDEMPOTENCY_KEY, PaymentTargetInput, TopUpPayload, paid


@strawberry.type(description="The balance has less than that to give away; nothing moved (F082)")
class BalanceTooLow(UserError):
    available: Money = strawberry.field(
        description="What could be given away: neither credit, nor what was reserved or had on trust"
    )

    is_type_of = backed_by(TooLow)


@strawberry.input(description="Money that is to go from the balance of a number into an account")
class PayFromBalanceInput:
    idempotency_key: strawberry.ID = strawberry.field(description=IDEMPOTENCY_KEY)
    from_line_id: strawberry.ID = strawberry.field(description="A mobile number that the viewer uses")
    target: PaymentTargetInput = strawberry.field(description="For whom")
    amount: MoneyInput = strawberry.field(description="How much, within the limits of top-ups")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class BalancePaymentMutation:
    @strawberry.mutation(
        description="Pay from the balance of one's own number (F082). A code goes to that number: give it to "
        "`confirmPayment`, and the money moves"
    )
    async def pay_from_balance(
        self, info: Info, input: Annotated[PayFromBalanceInput, strawberry.argument(description="How much, for whom")]
    ) -> TopUpPayload:
        outcome = await balance_payment.pay(
            info.context,
            input.idempotency_key,
            input.from_line_id,
            input.target.wanted(),
            str(input.amount.amount),
            input.amount.currency,
        )
        return paid(cast(Any, outcome), input.client_mutation_id)
