"""Means of payment that a user keeps."""

from datetime import date, datetime
from typing import Any

import strawberry

from domain.payment import CardScheme, PaymentMethodKind
from resolvers import payment_method as resolved
from resolvers.context import Info
from schema.node import Node, backed_by


@strawberry.type(description="A kept means of payment; the provider has it, and here is only its name there (F079)")
class PaymentMethod(Node):
    kind: PaymentMethodKind = strawberry.field(description="What it is")
    scheme: CardScheme | None = strawberry.field(description="Of a card; null for what is none (F069)")
    masked: str = strawberry.field(description="To recognise it by, such as ***2204")
    issuer_country: str | None = strawberry.field(description="Where its bank is, by ISO 3166; null if not told (F070)")
    expires_on: date | None = strawberry.field(description="Its last day; null for what has none")
    shareable_in_household: bool = strawberry.field(
        description="Whether the adults of its owner's household may pay with it"
    )
    is_own: bool = strawberry.field(description="Whether it is the viewer's own; only they may remove it")

    is_type_of = backed_by(resolved.PaymentMethod)

    @strawberry.field(description="When it may pay again, if it has just paid, whoever paid with it (F068); else null")
    def next_allowed_at(self: Any, info: Info) -> datetime | None:
        return resolved.next_allowed_at(self, info.context.profile, info.context.now)
