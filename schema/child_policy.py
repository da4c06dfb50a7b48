"""What a child's line may do (F048)."""

from typing import Annotated, Any

import strawberry

from domain import child_policy as rules
from domain.access import Scope
from domain.catalogue import ServiceCategory
from domain.child_policy import TypedHours
from resolvers import child_policy
from resolvers.context import Info
from resolvers.usage_limit import key
from schema.line_payload import LinePayload
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID
from schema.scalars import MSISDN
from schema.usage_limit import line_payload
from services.child_policy import PolicyWanted

_FROM = "When they begin, on the operator's clock, such as 22:00"
_TO = "When they end; on the next day, where that is not later"
_WEEKDAYS = "On which days they begin: 1 is Monday, 7 is Sunday"


@strawberry.type(description="Hours in which a line neither calls nor writes nor goes online")
class QuietHours:
    weekdays: list[int] = strawberry.field(description=_WEEKDAYS)

    is_type_of = backed_by(rules.QuietHours)

    @strawberry.field(name="from", description=_FROM)
    def start(self: Any) -> str:
        return f"{self.start:%H:%M}"

    @strawberry.field(name="to", description=_TO)
    def end(self: Any) -> str:
        return f"{self.end:%H:%M}"


@strawberry.type(
    description="What a child's line may do. Emergency and hotline calls, always-allowed numbers, being topped up by "
    "others, blocking a lost SIM and notices of links stay possible, whatever it says"
)
class ChildPolicy:
    blocked_categories: list[ServiceCategory] = strawberry.field(description="Services that are not for this line")
    max_age_rating: int | None = strawberry.field(description="For how old people TV may be, in years; null: for all")
    quiet_hours: list[QuietHours] = strawberry.field(description="When the line is quiet")
    approval_needed_for: list[Scope] = strawberry.field(
        description="What the child asks the owner about: always SERVICES, TARIFF and TRANSFER, and PAY where it is "
        "there"
    )
    can_top_up_self: bool = strawberry.field(description="Whether the child may top up this line too; others may")
    always_allowed_numbers: list[MSISDN] = strawberry.field(description="Numbers that may be called at any time")

    is_type_of = backed_by(rules.Policy)


@strawberry.input(description="Hours in which a line is to be quiet")
class QuietHoursInput:
    start: str = strawberry.field(name="from", description=_FROM)
    end: str = strawberry.field(name="to", description=_TO)
    weekdays: list[int] = strawberry.field(description=_WEEKDAYS)


@strawberry.input(description="What a child's line may do from now on; what is left out stays as it is")
class SetChildPolicyInput:
    line_id: strawberry.ID = strawberry.field(description="A child's line that the viewer has LIMITS over")
    blocked_categories: list[ServiceCategory] | None = strawberry.field(
        default=None, description="Services that are not for this line: all of them"
    )
    max_age_rating: int | None = strawberry.field(
        default=strawberry.UNSET, description="For how old people TV may be, in years; null: for all"
    )
    quiet_hours: list[QuietHoursInput] | None = strawberry.field(
        default=None, description="When the line is quiet: all of them, at most 14, none of which overlap"
    )
    approval_needed_for: list[Scope] | None = strawberry.field(
        default=None, description="What the child asks about: SERVICES, TARIFF and TRANSFER in any case, and PAY"
    )
    can_top_up_self: bool | None = strawberry.field(default=None, description="Whether the child may top it up too")
    always_allowed_numbers: list[MSISDN] | None = strawberry.field(
        default=None, description="Numbers that may be called at any time: all of them, at most 20"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)

    def wanted(self) -> PolicyWanted:
        """The parts that are to change, for the service."""
        hours = self.quiet_hours
        return PolicyWanted(
            line_id=key(self.line_id, "Line"),
            blocked_categories=self.blocked_categories,
            max_age_rating=None if self.max_age_rating is strawberry.UNSET else self.max_age_rating,
            any_age_rating=self.max_age_rating is None,
            quiet_hours=None if hours is None else [TypedHours(each.start, each.end, each.weekdays) for each in hours],
            approval_needed_for=self.approval_needed_for,
            can_top_up_self=self.can_top_up_self,
            always_allowed_numbers=self.always_allowed_numbers,
        )


@strawberry.type
class ChildPolicyMutation:
    @strawberry.mutation(description="Say what a child's line may do (F048)")
    async def set_child_policy(
        self, info: Info, input: Annotated[SetChildPolicyInput, strawberry.argument(description="What it may do")]
    ) -> LinePayload:
        outcome = await child_policy.set_policy(info.context, input.wanted())
        return line_payload(outcome, input.client_mutation_id)
