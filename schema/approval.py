"""Asking to buy (F053)."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain import usage_limit_refusals as refusals
from domain.access import Scope
from models.approval import ApprovalStatus
from resolvers import approval
from resolvers.context import Info
from schema.household import HouseholdMember
from schema.line import Line
from schema.money import Money
from schema.node import Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError
from schema.quote import PriceQuote


@strawberry.type(
    description="What a child asks the owner of its household for: exactly this, at exactly this price, for a day"
)
class ApprovalRequest(Node):
    action: str = strawberry.field(description="What is to be done, such as PAY_FROM_BALANCE")
    scope: Scope = strawberry.field(description="The right that it takes")
    title: str = strawberry.field(description="What it is, such as 100.00 RUB → ***1005")
    price: Money | None = strawberry.field(
        description="What it costs the line; null for nothing. At another price it has to be asked for again"
    )
    status: ApprovalStatus = strawberry.field(description="What became of it")
    created_at: datetime = strawberry.field(description="When it was asked")
    expires_at: datetime = strawberry.field(description="Until when it can be answered")
    comment: str | None = strawberry.field(description="What the owner said to it")

    is_type_of = backed_by(approval.Approval)

    @strawberry.field(
        graphql_type=PriceQuote | None,
        description="The exact price as it was asked for, item by item; null where it costs nothing. Its token is for "
        "who does it without answering",
    )
    def quote(self: Any, info: Info) -> object:
        return approval.quote(info.context, self)

    @strawberry.field(graphql_type=Line | None, description="The line; null where the viewer may not see it any more")
    async def line(self: Any, info: Info) -> object:
        return await info.context.loaders.line_by_id.load(self.line_id)

    @strawberry.field(
        graphql_type=HouseholdMember | None, description="Who asked; null when they are not in the household any more"
    )
    async def requested_by(self: Any, info: Info) -> object:
        return await approval.requested_by(info.context, self)


@strawberry.type(description="Nothing was done yet: the owner of the household was asked (F053)")
class ApprovalRequired(UserError):
    is_type_of = backed_by(refusals.ApprovalRequired)

    @strawberry.field(graphql_type=ApprovalRequest | None, description="The question")
    async def approval(self: Any, info: Info) -> object:
        return await approval.by_id(info.context, self.approval_id)


@strawberry.type(description="The question was answered otherwise, has expired, or is not open any more")
class ApprovalClosed(UserError):
    is_type_of = backed_by(refusals.ApprovalClosed)


@strawberry.type(description="What was asked for costs something else by now: nothing was done, ask again (I14)")
class ApprovedPriceChanged(UserError):
    is_type_of = backed_by(refusals.ApprovedPriceChanged)


APPROVAL_ERRORS = (ApprovalRequired, ApprovalClosed, ApprovedPriceChanged)


@strawberry.input(description="The owner's answer to a question")
class ResolveApprovalInput:
    approval_id: strawberry.ID = strawberry.field(description="One of `viewer.approvalRequests`")
    approve: bool = strawberry.field(description="True: do it now; false: do not do it")
    comment: str | None = strawberry.field(default=None, description="For who asked, at most 500 characters")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A question as it is now, or why it was not answered")
class ApprovalPayload(Payload):
    approval: ApprovalRequest | None = strawberry.field(description="The question")


@strawberry.type
class ApprovalMutation:
    @strawberry.mutation(
        description="Answer a child's question as the owner of its household (F053): what is agreed to is done at "
        "once, exactly as it was asked"
    )
    async def resolve_approval(
        self, info: Info, input: Annotated[ResolveApprovalInput, strawberry.argument(description="Which answer")]
    ) -> ApprovalPayload:
        outcome = await approval.resolve(info.context, input.approval_id, approve=input.approve, comment=input.comment)
        found = outcome if isinstance(outcome, approval.Approval) else None
        return ApprovalPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=[] if found is not None else [cast(UserError, outcome)],
            approval=cast(Any, found),
        )


@strawberry.type
class ApprovalSubscription:
    @strawberry.subscription(
        graphql_type=ApprovalRequest,
        description="Questions of children, to who owns their household and to themselves: the open ones at once, then "
        "each new one, and each answer (F155)",
    )
    def approval_requested(self, info: Info) -> AsyncGenerator[approval.Approval, None]:
        return approval.approval_requested(info.context)
