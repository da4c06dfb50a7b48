"""The token that a home-screen widget asks with (N13)."""

from typing import Annotated, Any, cast

import strawberry

from auth.widget import WidgetTokenCreated
from resolvers import widget
from resolvers.context import Info
from schema.payload import CLIENT_MUTATION_ID, Payload, errors
from schema.session import Session


@strawberry.input(description="The line that a widget is to look at")
class CreateWidgetTokenInput:
    line_id: strawberry.ID = strawberry.field(description="Its global id; the scope VIEW is needed")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A widget's token, or why there is none")
class WidgetTokenPayload(Payload):
    token: str | None = strawberry.field(
        description="Sent as `Authorization: Bearer …`; told this once. It reads `viewer { widget }` and nothing else"
    )
    session: Session | None = strawberry.field(description="Its session, which `revokeSession` ends")


@strawberry.type
class WidgetTokenMutation:
    @strawberry.mutation(
        description="Make a long-lived token that looks at one line and can change nothing, for a widget (N13)"
    )
    async def create_widget_token(
        self, info: Info, input: Annotated[CreateWidgetTokenInput, strawberry.argument(description="Which line")]
    ) -> WidgetTokenPayload:
        outcome = await widget.create_token(info.context, input.line_id)
        created = outcome if isinstance(outcome, WidgetTokenCreated) else None
        return WidgetTokenPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=errors(None if isinstance(outcome, WidgetTokenCreated) else outcome),
            token=created.token if created else None,
            session=cast(Any, created.session) if created else None,
        )
