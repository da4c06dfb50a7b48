"""Links for guests (F054)."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain import guest_grant as rules
from domain.access import Scope
from execution.once import Once
from resolvers import guest_grant
from resolvers.context import Info
from schema.balance import Balance
from schema.line import Line
from schema.node import Node, backed_by
from schema.payload import UserError
from schema.scalars import URL
from services.guest_grant import Guest


@strawberry.type(description="No such link: revoked, expired, used up, foreign and made-up ones are told alike (F054)")
class GuestGrantRejected(UserError):
    is_type_of = backed_by(rules.GuestGrantRejected)


@strawberry.type(description="A link by which somebody without a part in the household looks at a line or pays for it")
class GuestGrant(Node):
    scopes: list[Scope] = strawberry.field(description="VIEW: to see the balance; PAY: to top up")
    created_at: datetime = strawberry.field(description="Since when it works")
    expires_at: datetime = strawberry.field(description="Until when it works")
    uses_left: int | None = strawberry.field(description="How many payments it is good for; null: any number")
    url: URL | None = strawberry.field(
        description="The link, in the answer to `createGuestGrant` only: nobody can tell it again"
    )

    is_type_of = backed_by(guest_grant.GuestGrant)

    @strawberry.field(graphql_type=Line | None, description="The line; null where the viewer may not see it any more")
    async def line(self: Any, info: Info) -> object:
        return await info.context.loaders.line_by_id.load(self.line_id)


@strawberry.type(description="What a link opens, to anybody who has it")
class GuestAccess:
    target_masked: str = strawberry.field(
        resolver=lambda root: cast(Guest, root).named, description="Whose line it is, such as ***4501, and no more"
    )
    expires_at: datetime = strawberry.field(description="Until when it works")
    uses_left: int | None = strawberry.field(description="How many payments it is good for; null: any number")

    is_type_of = backed_by(Guest)

    @strawberry.field(description="VIEW: to see the balance; PAY: to top up, with the token as the target `guest`")
    def scopes(self: Any) -> list[Scope]:
        return [scope for scope in Scope if scope in self.scopes]

    @strawberry.field(graphql_type=Balance | None, description="The money of the line; null without the scope VIEW")
    async def balance(self: Any, info: Info) -> object:
        return await guest_grant.balance(info.context, self)


@strawberry.type
class GuestGrantQuery:
    @strawberry.field(
        graphql_type=GuestAccess | None,
        extensions=[Once()],
        description="What a link opens (F054), without any session; null for one that does not work, or not any more",
    )
    async def guest_grant(
        self, info: Info, token: Annotated[str, strawberry.argument(description="What the link ends in")]
    ) -> Guest | None:
        return await guest_grant.guest(info.context, token)
