"""Services of several kinds together (F110)."""

from decimal import Decimal

import strawberry

from domain.line import ServiceKind
from resolvers import bundle
from schema.money import Money
from schema.node import Node, backed_by


@strawberry.type(description="Services of several kinds together at a discount, sold on request (F110)")
class Bundle(Node):
    code: str = strawberry.field(description="The operator's own code")
    name: str = strawberry.field(description="The name that people know it by")
    kinds: list[ServiceKind] = strawberry.field(description="Which kinds of line it puts together")
    fee: Money = strawberry.field(description="What all of it costs a month, with the discount taken off")
    discount_percent: Decimal = strawberry.field(description="How much less that is than its parts one by one")
    terms: str | None = strawberry.field(description="The conditions in words")
    archived: bool = strawberry.field(description="True when nobody can ask for it any more")

    is_type_of = backed_by(bundle.Bundle)
