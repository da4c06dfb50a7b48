"""Making, changing and removing automatic payments."""

from typing import Annotated, Any, cast

import strawberry

from domain.autopay import Typed
from domain.payment import AutopayTrigger
from resolvers import autopay as resolved
from resolvers.autopay import Form
from resolvers.context import Info
from schema.autopay_rule import AutopayRule
from schema.money import MoneyInput
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, UserError, done


@strawberry.input(description="What is to be paid without asking; whatever is left out of an old rule is gone from it")
class SetAutopayInput:
    rule_id: strawberry.ID | None = strawberry.field(
        default=None, description="A rule to change; without it, one for this account and trigger is changed or made"
    )
    line_id: strawberry.ID | None = strawberry.field(default=None, description="A line to pay for: this, or an account")
    personal_account_id: strawberry.ID | None = strawberry.field(default=None, description="An account to pay into")
    trigger: AutopayTrigger = strawberry.field(description="What sets a payment off; a rule keeps its own")
    threshold: MoneyInput | None = strawberry.field(
        default=None, description="For BALANCE_BELOW: below which balance, once for each time that it falls below"
    )
    amount: MoneyInput = strawberry.field(
        description="What one payment credits; for BEFORE_SUBSCRIPTION_FEE the most, since what is missing is paid"
    )
    monthly_cap: MoneyInput | None = strawberry.field(
        default=None, description="The most for a calendar month, with room for one payment and its fee at least"
    )
    day_of_month: int | None = strawberry.field(
        default=None, description="For SCHEDULE: 1 to 31; a shorter month pays on its last day"
    )
    payment_method_id: strawberry.ID = strawberry.field(
        description="A kept means of payment of the viewer's own, of `viewer.paymentMethods`"
    )
    active: bool = strawberry.field(default=True, description="Whether it pays")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A rule that is to pay no more")
class DeleteAutopayInput:
    rule_id: strawberry.ID = strawberry.field(description="One of `viewer.autopayRules`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A rule, or why there is none")
class AutopayPayload(Payload):
    rule: AutopayRule | None = strawberry.field(description="The rule as it is now")


@strawberry.type
class AutopayMutation:
    @strawberry.mutation(
        description="Agree to pay without being asked, for a line or an account that one may do so for; needs a fresh "
        "proof (F080)"
    )
    async def set_autopay(
        self, info: Info, input: Annotated[SetAutopayInput, strawberry.argument(description="What to pay, and when")]
    ) -> AutopayPayload:
        typed = Typed(
            trigger=input.trigger,
            amount=_typed(input.amount),
            threshold=None if input.threshold is None else _typed(input.threshold),
            monthly_cap=None if input.monthly_cap is None else _typed(input.monthly_cap),
            day_of_month=input.day_of_month,
        )
        form = Form(
            rule_id=input.rule_id,
            line_id=input.line_id,
            personal_account_id=input.personal_account_id,
            typed=typed,
            method_id=input.payment_method_id,
            active=input.active,
        )
        outcome = await resolved.set_autopay(info.context, form)
        made = isinstance(outcome, resolved.AutopayRule)
        return AutopayPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=[] if made else [cast(UserError, outcome)],
            rule=cast(Any, outcome) if made else None,
        )

    @strawberry.mutation(description="Remove a rule; a payment that it has begun goes to its target")
    async def delete_autopay(
        self, info: Info, input: Annotated[DeleteAutopayInput, strawberry.argument(description="Which rule")]
    ) -> SimplePayload:
        return done(cast(Any, await resolved.delete_autopay(info.context, input.rule_id)), input.client_mutation_id)


def _typed(money: MoneyInput) -> tuple[str, str]:
    return str(money.amount), money.currency
