"""Households and their members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from domain.access import HouseholdRole, Scope
from domain.number_link import LinkStatus
from execution.batched import Load, batched
from loaders import households_by_user_id
from loaders import invitations_by_household_id as invitations
from models.invitation import InvitationStatus
from resolvers import audit_log, data_pool, household, household_spending, number_link
from resolvers.context import Info
from schema.audit_log import AuditEvent
from schema.balance import Period
from schema.data_pool import DataPool
from schema.line import DateRangeInput, Line
from schema.money import Money
from schema.node import AFTER, FIRST, Connection, Node, backed_by
from schema.number_link import NumberLink


@strawberry.type(description="A member of a household")
class HouseholdMember(Node):
    display_name: str = strawberry.field(description="How the member is called in the household")
    role: HouseholdRole = strawberry.field(description="The member's place in it")
    joined_at: datetime = strawberry.field(description="Since when")
    birth_date: date | None = strawberry.field(
        description="When a child was born: for the owner, and for the child; null for everybody else"
    )
    becomes_adult_on: date | None = strawberry.field(
        description="The day on which a child comes of age, for those who see `birthDate` (E38)"
    )
    lines: list[Line] = batched(
        list[Line],
        loader="lines_by_user_id",
        key="user_id",
        description="The lines that the member uses, those of them that the viewer may see",
    )

    is_type_of = backed_by(households_by_user_id.Member)

    @strawberry.field(graphql_type=list[Scope], description="What the viewer may do with some line of the member's")
    def scopes(parent: strawberry.Parent[households_by_user_id.Member], info: Info) -> Load[Sequence[Scope]]:
        return household.member_scopes(info.context, parent)


@strawberry.type(description="An invitation to a household, for whoever has the number or address it was sent to (E33)")
class HouseholdInvitation(Node):
    household_name: str = strawberry.field(description="What the family calls the household")
    invited_by: str = strawberry.field(description="Who invites")
    role: HouseholdRole = strawberry.field(description="As what")
    birth_date: date | None = strawberry.field(description="Of a child: when it was born, as the owner says")
    target_masked: str = strawberry.field(description="The end of the number, or the beginning of the address")
    status: InvitationStatus = strawberry.field(description="What became of it")
    created_at: datetime = strawberry.field(description="When it was sent")
    expires_at: datetime = strawberry.field(description="Until when it can be accepted")

    is_type_of = backed_by(invitations.Invitation)


@strawberry.type(description="What was spent in a calendar month")
class MonthSpending:
    month: date = strawberry.field(description="Its first day")
    total: list[Money] = strawberry.field(description="One sum for each currency")

    is_type_of = backed_by(household_spending.MonthSpending)


@strawberry.type(description="What the lines of a member spent")
class MemberSpending:
    member: HouseholdMember | None = strawberry.field(description="Whose; null: linked lines that no member uses")
    total: list[Money] = strawberry.field(description="One sum for each currency")
    by_month: list[MonthSpending] = strawberry.field(description="The same by calendar months, the earliest first")

    is_type_of = backed_by(household_spending.MemberSpending)


@strawberry.type(
    description="What a household spent: charges of the lines whose use the viewer may see. Amounts of different "
    "currencies are never added (E58)"
)
class HouseholdSpending:
    period: Period = strawberry.field(description="The period, in whole days of the operator's calendar")
    total: list[Money] = strawberry.field(description="One sum for each currency")
    by_member: list[MemberSpending] = strawberry.field(description="By who uses the lines, those who spent anything")

    is_type_of = backed_by(household_spending.HouseholdSpending)


# A transfer names the members at both ends.
TransferOfHousehold = Annotated["OwnershipTransfer", strawberry.lazy("schema.ownership_transfer")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="A family that shares numbers and accounts; exactly one member owns it")
class Household(Node):
    name: str = strawberry.field(description="What the family calls it")
    my_role: HouseholdRole = strawberry.field(description="The viewer's place in it")
    owner: HouseholdMember = strawberry.field(description="Who owns it")
    successor: HouseholdMember | None = strawberry.field(
        description="Whom the owner named to take it over when there is no owner any more (F049)"
    )
    members: list[HouseholdMember] = strawberry.field(description="Everybody in it: the owner first, then by joining")
    adults_may_invite_viewers: bool = strawberry.field(description="Whether its adults may invite a VIEWER")
    owner_absent: bool = strawberry.field(
        description="Whether nobody decides in it at the moment: its lines may be looked at and paid for (E28)"
    )
    dissolves_at: datetime | None = strawberry.field(
        description="From when on its owner may dissolve it with others in it; null: nothing of the kind was said"
    )
    invitations: list[HouseholdInvitation] = batched(
        list[HouseholdInvitation],
        loader="invitations_by_household_id",
        key="id",
        description="Those that nobody has answered: for the owner all, for others those they sent",
    )
    pending_transfer: TransferOfHousehold | None = batched(
        TransferOfHousehold | None,
        loader="transfer_by_household_id",
        key="id",
        description="The handover that is open, for the members at both ends of it (F052)",
    )

    is_type_of = backed_by(households_by_user_id.Household)

    @strawberry.field(
        graphql_type=DataPool | None,
        description="The gigabytes that its lines share (F156), for all but its VIEWERs; null where no line gives any",
    )
    async def pool(parent: strawberry.Parent[households_by_user_id.Household], info: Info) -> object:
        return await data_pool.pool_of(info.context, parent)

    @strawberry.field(
        graphql_type=list[NumberLink],
        description="The numbers and accounts that it is linked to, the oldest first, for its owner and adults (F044)",
    )
    async def links(
        parent: strawberry.Parent[households_by_user_id.Household],
        info: Info,
        status: Annotated[
            LinkStatus | None, strawberry.argument(description="In this state; left out: those that have not ended")
        ] = None,
    ) -> object:
        return await number_link.links_of(info.context, parent.id, status)

    @strawberry.field(
        graphql_type=Connection[AuditEvent],
        description="What members did with it and its numbers, newest first, for its owner and adults (I16). Who left "
        "in silence is not named (E34)",
    )
    async def audit_log(
        parent: strawberry.Parent[households_by_user_id.Household],
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await audit_log.of_household(info.context, parent.id, parent.my_role, first, after)

    @strawberry.field(
        graphql_type=HouseholdSpending | None,
        description="What it spent (F160); null where the viewer has USAGE over none of its lines",
    )
    async def spending(
        parent: strawberry.Parent[households_by_user_id.Household],
        info: Info,
        period: Annotated[
            DateRangeInput | None, strawberry.argument(description="At most 366 days; the running month when left out")
        ] = None,
    ) -> household_spending.HouseholdSpending | None:
        first, last = (period.first, period.last) if period else (None, None)
        return await household_spending.spending(info.context, parent, first, last)
