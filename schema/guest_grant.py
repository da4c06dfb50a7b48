"""Links for guests (F054)."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain import guest_grant as rules
from domain.access import Scope
from resolvers import guest_grant
from resolvers.context import Info
from schema.balance import Balance
from schema.line import Line
from schema.node import Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError
from schema.scalars import URL
from services.guest_grant import GrantRevoked, Guest


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


@strawberry.input(description="A link that is to be made")
class CreateGuestGrantInput:
    line_id: strawberry.ID = strawberry.field(description="A line of the viewer's own, or of a child they look after")
    scopes: list[Scope] = strawberry.field(description="VIEW, PAY, or both")
    expires_at: datetime = strawberry.field(description="Until when it works: 30 days at the most")
    max_uses: int | None = strawberry.field(
        default=None, description="How many payments it is good for, 1 to 100; any number when left out"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A link that is to work no more")
class RevokeGuestGrantInput:
    grant_id: strawberry.ID = strawberry.field(description="One of `viewer.guestGrants`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A link, or why there is none")
class GuestGrantPayload(Payload):
    grant: GuestGrant | None = strawberry.field(description="The link, with its `url` this once")


@strawberry.type(description="Whether a link was revoked")
class RevokeGuestGrantPayload(Payload):
    pass


@strawberry.type
class GuestGrantQuery:
    @strawberry.field(
        graphql_type=GuestAccess | None,
        description="What a link opens (F054), without any session; null for one that does not work, or not any more",
    )
    async def guest_grant(
        self, info: Info, token: Annotated[str, strawberry.argument(description="What the link ends in")]
    ) -> Guest | None:
        return await guest_grant.guest(info.context, token)


@strawberry.type
class GuestGrantMutation:
    @strawberry.mutation(
        description='Make a "pay for me" link to a line (F054): of one\'s own, or of a child. It dies with the SIM'
    )
    async def create_guest_grant(
        self, info: Info, input: Annotated[CreateGuestGrantInput, strawberry.argument(description="Which link")]
    ) -> GuestGrantPayload:
        outcome = await guest_grant.create(info.context, input.line_id, input.scopes, input.expires_at, input.max_uses)
        made = outcome if isinstance(outcome, guest_grant.GuestGrant) else None
        return GuestGrantPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=[] if made is not None else [cast(UserError, outcome)],
            grant=cast(Any, made),
        )

    @strawberry.mutation(
        description="Let a link work no more (F054): who made it may, and who uses the line. Again is no error"
    )
    async def revoke_guest_grant(
        self, info: Info, input: Annotated[RevokeGuestGrantInput, strawberry.argument(description="Which one")]
    ) -> RevokeGuestGrantPayload:
        outcome = await guest_grant.revoke(info.context, input.grant_id)
        errors = [] if isinstance(outcome, GrantRevoked) else [cast(UserError, outcome)]
        return RevokeGuestGrantPayload(client_mutation_id=input.client_mutation_id, user_errors=errors)
