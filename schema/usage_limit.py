"""Limits on what a line may use or spend (F048)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast

import strawberry

from domain import usage_limit_refusals as refusals
from domain.child_policy import LimitAnswer
from domain.usage import UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod
from loaders import limits_by_line_id, visible
from resolvers import usage_limit
from resolvers.context import Info
from resolvers.usage_limit import Form
from schema.audit_log import AuditActor
from schema.line_payload import LinePayload
from schema.node import Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, UserError


@strawberry.type(description="A limit of the line, or what is said of a child's, stands against it (F048, E36)")
class LimitExceeded(UserError):
    answer: LimitAnswer = strawberry.field(description="Which of them")

    is_type_of = backed_by(refusals.LimitExceeded)


@strawberry.type(description="Only with the owner's approval, and nobody has asked for it")
class OwnerToBeAsked(UserError):
    is_type_of = backed_by(refusals.OwnerToBeAsked)


@strawberry.type(description="How much of something a line may use in a period; one for each unit and period")
class UsageLimit(Node):
    unit: UsageUnit = strawberry.field(description="What is counted")
    per: LimitPeriod = strawberry.field(description="Over which time, on the operator's calendar")
    limit: Decimal = strawberry.field(description="How much: money in whole units of its currency, data in bytes")
    used: Decimal = strawberry.field(
        description="What was used of it in the period that runs; of money, what was spent, whoever topped up (E36)"
    )
    on_reach: LimitAction = strawberry.field(
        description="What happens when it is reached. People are told at 80 and at 100 %, once in a period each"
    )
    set_at: datetime = strawberry.field(description="Since when it is so")

    is_type_of = backed_by(limits_by_line_id.UsageLimit)

    @strawberry.field(
        graphql_type=AuditActor | None, description="Who set it as it is; null where their cabinet is gone"
    )
    def set_by(parent: strawberry.Parent[limits_by_line_id.UsageLimit], info: Info) -> object:
        return usage_limit.set_by(info.context, parent)


@strawberry.input(description="A limit that is to hold from now on, also for what was used already (E35)")
class SetUsageLimitInput:
    line_id: strawberry.ID = strawberry.field(description="A line that the viewer has LIMITS over")
    unit: UsageUnit = strawberry.field(description="What is counted: what the kind of line has, and money")
    per: LimitPeriod = strawberry.field(description="Over which time")
    limit: Decimal = strawberry.field(description="How much: money in whole units of its currency, data in bytes")
    on_reach: LimitAction = strawberry.field(description="What happens when it is reached")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A limit that is to be taken away")
class RemoveUsageLimitInput:
    limit_id: strawberry.ID = strawberry.field(description="One of `Line.limits`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class UsageLimitMutation:
    @strawberry.mutation(
        description="Limit what a line may use or spend (F048): one's own, as an adult; that of a child, or of "
        "somebody who allows it. Emergency calls, top-ups and blocking a lost SIM stay possible, whatever is set"
    )
    async def set_usage_limit(
        self, info: Info, input: Annotated[SetUsageLimitInput, strawberry.argument(description="Which limit")]
    ) -> LinePayload:
        form = Form(input.line_id, input.unit, input.per, str(input.limit), input.on_reach)
        return line_payload(await usage_limit.set_limit(info.context, form), input.client_mutation_id)

    @strawberry.mutation(description="Take a limit away (F048)")
    async def remove_usage_limit(
        self, info: Info, input: Annotated[RemoveUsageLimitInput, strawberry.argument(description="Which one")]
    ) -> LinePayload:
        return line_payload(await usage_limit.remove_limit(info.context, input.limit_id), input.client_mutation_id)


def line_payload(outcome: object, client_mutation_id: str | None) -> LinePayload:
    """A line as it is now, or why nothing was changed."""
    line = outcome if isinstance(outcome, visible.Line) else None
    return LinePayload(
        client_mutation_id=client_mutation_id,
        user_errors=[] if line is not None else [cast(UserError, outcome)],
        line=cast(Any, line),
    )
