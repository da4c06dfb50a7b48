"""Keeping means of payment, and forgetting them."""

from typing import Annotated, Any, cast

import strawberry

from domain.payment import PaymentMethodKind
from resolvers import payment_method as resolved
from resolvers.context import Info
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, UserError
from schema.payment_method import PaymentMethod


@strawberry.input(description="A means of payment to be kept; giving it is the consent")
class AddPaymentMethodInput:
    kind: PaymentMethodKind = strawberry.field(description="What it is")
    token: str = strawberry.field(description="What the bank's form made of it: never a card's number or code")
    share_in_household: bool = strawberry.field(
        default=False, description="Whether the adults of the household may pay with it too"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A means of payment that is to be forgotten")
class RemovePaymentMethodInput:
    payment_method_id: strawberry.ID = strawberry.field(description="One of the viewer's own")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A kept means of payment, or why it is not kept")
class PaymentMethodPayload(Payload):
    method: PaymentMethod | None = strawberry.field(description="As it is kept")


@strawberry.type
class PaymentMethodMutation:
    @strawberry.mutation(description="Keep a card or a wallet, to pay with it later (F077, F079)")
    async def add_payment_method(
        self, info: Info, input: Annotated[AddPaymentMethodInput, strawberry.argument(description="Which one")]
    ) -> PaymentMethodPayload:
        outcome = await resolved.add(info.context, input.kind, input.token, shared=input.share_in_household)
        kept = isinstance(outcome, resolved.PaymentMethod)
        return PaymentMethodPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=[] if kept else [cast(UserError, outcome)],
            method=cast(Any, outcome) if kept else None,
        )

    @strawberry.mutation(description="Forget a kept means of payment; what it paid stays in the history (F079)")
    async def remove_payment_method(
        self, info: Info, input: Annotated[RemovePaymentMethodInput, strawberry.argument(description="Which one")]
    ) -> SimplePayload:
        refused = await resolved.remove(info.context, input.payment_method_id)
        return SimplePayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=[] if refused is None else [cast(UserError, refused)],
        )
