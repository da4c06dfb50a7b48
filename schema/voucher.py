"""Vouchers (F159)."""

from typing import Annotated, Any, cast

import strawberry

from domain.voucher import VoucherRejected as Rejected
from resolvers import voucher
from resolvers.context import Info
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, UserError
from schema.payment import IDEMPOTENCY_KEY, PaymentTargetInput, TopUpPayload, paid


@strawberry.type(
    description="No voucher to be had by this code: wrong, used, expired and foreign ones are told alike (F159)"
)
class VoucherRejected(UserError):
    is_type_of = backed_by(Rejected)


@strawberry.input(description="A voucher, and whose account it is for")
class RedeemVoucherInput:
    idempotency_key: strawberry.ID = strawberry.field(description=IDEMPOTENCY_KEY)
    target: PaymentTargetInput = strawberry.field(description="For whom")
    code: str = strawberry.field(description="The 16 digits on it, with or without spaces and dashes")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class VoucherMutation:
    @strawberry.mutation(
        description="Credit an account with a voucher (F159). After five wrong codes there is a pause of a day"
    )
    async def redeem_voucher(
        self, info: Info, input: Annotated[RedeemVoucherInput, strawberry.argument(description="Which one, for whom")]
    ) -> TopUpPayload:
        outcome = await voucher.redeem(info.context, input.idempotency_key, input.target.wanted(), input.code)
        return paid(cast(Any, outcome), input.client_mutation_id)
