"""Automatic payments as their payer sees them."""

from datetime import datetime
from typing import Any, cast

import strawberry

from domain.payment import AutopayTrigger, DeclineReason
from domain.payment_refusals import PaymentRejected
from domain.refusals import ErrorCode
from resolvers import autopay as resolved
from resolvers.context import Info
from schema.line import Line, PersonalAccount
from schema.money import Money
from schema.node import Node, backed_by
from schema.payload import UserError
from schema.payment_method import PaymentMethod


@strawberry.type(description="What somebody has agreed to pay without being asked (F080)")
class AutopayRule(Node):
    trigger: AutopayTrigger = strawberry.field(description="What sets a payment off")
    day_of_month: int | None = strawberry.field(
        description="Of SCHEDULE: 1 to 31, where a shorter month pays on its last day; else null"
    )
    active: bool = strawberry.field(
        description="Whether it pays; false once it was turned off, was stopped, or has failed too often"
    )
    last_run_at: datetime | None = strawberry.field(description="When it began its last payment; null: never yet")
    threshold: Money | None = strawberry.field(description="Of BALANCE_BELOW: it pays below this balance; else null")
    amount: Money = strawberry.field(
        description="What one payment credits; of BEFORE_SUBSCRIPTION_FEE the most, since it pays what is missing"
    )
    monthly_cap: Money | None = strawberry.field(
        description="The most that it takes in a calendar month, the operator's fee included; null: no limit"
    )
    method: PaymentMethod = strawberry.field(description="What it pays with: a kept means of the payer's own")

    is_type_of = backed_by(resolved.AutopayRule)

    @strawberry.field(graphql_type=Line | None, description="The line it pays for; null for an account, or if unseen")
    async def line(self: Any, info: Info) -> Any:
        return None if self.line_id is None else await info.context.loaders.line_by_id.load(self.line_id)

    @strawberry.field(graphql_type=PersonalAccount | None, description="The account it pays into; null if unseen")
    async def personal_account(self: Any, info: Info) -> Any:
        return await info.context.loaders.account_by_id.load(self.account_id)

    @strawberry.field(description="Why its last payment was not made; null once one was, or the rule was set again")
    def last_failure(self: Any) -> UserError | None:
        if self.failure is None:
            return None
        message = _DECLINED.get(self.failure_detail) or _FAILED.get(self.failure, "The payment was not taken")
        return cast(UserError, PaymentRejected(self.failure, message))


_DECLINED = {
    DeclineReason.INSUFFICIENT_FUNDS: "There was not enough money on the card",
    DeclineReason.METHOD_EXPIRED: "The card has expired",
    DeclineReason.METHOD_UNUSABLE: "The card cannot pay any more",
    DeclineReason.NOT_CONFIRMED: "The bank wants its payer to be there",
}
_FAILED = {
    ErrorCode.PAYMENT_DECLINED: "The bank did not make the payment",
    ErrorCode.LIMIT_EXCEEDED: "The limit for a month is reached",
    ErrorCode.FORBIDDEN: "You may not pay for this automatically any more",
    ErrorCode.CARD_NOT_ACCEPTED: "The card is not kept any more, or not taken by this operator",
    ErrorCode.PAYMENTS_BANNED: "Payments to this account are banned; ask the operator why",
}
