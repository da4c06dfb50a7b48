"""Making and revoking links for guests (F054)."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain.access import Scope
from resolvers import guest_grant
from resolvers.context import Info
from schema.guest_grant import GuestGrant
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, UserError
from services.guest_grant import GrantRevoked


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
    ) -> SimplePayload:
        outcome = await guest_grant.revoke(info.context, input.grant_id)
        errors = [] if isinstance(outcome, GrantRevoked) else [cast(UserError, outcome)]
        return SimplePayload(client_mutation_id=input.client_mutation_id, user_errors=errors)
