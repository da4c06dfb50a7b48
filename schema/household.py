"""Households and their members."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.access import HouseholdRole
from domain.number_link import LinkStatus
from loaders import households_by_user_id
from resolvers import audit_log, number_link
from resolvers.context import Info
from schema.audit_log import AuditEvent
from schema.node import AFTER, FIRST, Connection, Node, backed_by
from schema.number_link import NumberLink


@strawberry.type(description="A member of a household")
class HouseholdMember(Node):
    display_name: str = strawberry.field(description="How the member is called in the household")
    role: HouseholdRole = strawberry.field(description="The member's place in it")
    joined_at: datetime = strawberry.field(description="Since when")

    is_type_of = backed_by(households_by_user_id.Member)


@strawberry.type(description="A family that shares numbers and accounts; exactly one member owns it")
class Household(Node):
    name: str = strawberry.field(description="What the family calls it")
    my_role: HouseholdRole = strawberry.field(description="The viewer's place in it")
    owner: HouseholdMember = strawberry.field(description="Who owns it")
    members: list[HouseholdMember] = strawberry.field(description="Everybody in it: the owner first, then by joining")

    is_type_of = backed_by(households_by_user_id.Household)

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
