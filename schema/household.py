"""Households and their members."""

from datetime import datetime

import strawberry

from domain.access import HouseholdRole
from loaders import households_by_user_id
from schema.node import Node, backed_by


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
