"""What users ask people for (F110, F133)."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain import ticket_refusals as refusals
from domain.ticket import TicketCategory, TicketStatus
from resolvers import ticket
from resolvers.context import Info
from schema.line import Line
from schema.node import AFTER, FIRST, Connection, Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError, errors


@strawberry.type(description="The operator is still busy with another request like this one")
class RequestOpen(UserError):
    is_type_of = backed_by(refusals.RequestOpen)


@strawberry.type(description="What was said in a ticket")
class TicketMessage(Node):
    at: datetime = strawberry.field(description="When")
    from_staff: bool = strawberry.field(description="Whether the operator said it")
    text: str = strawberry.field(description="The words")

    is_type_of = backed_by(ticket.TicketMessage)


@strawberry.type(description="Something that the viewer asked the operator for, to be answered by people")
class Ticket(Node):
    number: str = strawberry.field(description="What to name it by to support")
    category: TicketCategory = strawberry.field(description="What it is about")
    status: TicketStatus = strawberry.field(description="How far it is")
    comment: str | None = strawberry.field(description="What the viewer added")
    created_at: datetime = strawberry.field(description="When it was asked")
    answer_due_at: datetime = strawberry.field(description="By when the operator promises to answer")
    closed_at: datetime | None = strawberry.field(description="When it was closed; null while it is not")

    is_type_of = backed_by(ticket.Ticket)

    @strawberry.field(description="What is asked for, in the viewer's language")
    def subject(self: Any, info: Info) -> str:
        return ticket.subject(info.context, self)

    @strawberry.field(
        graphql_type=Line | None,
        description="The line that it is about; null for none, and where the viewer may not see it any more",
    )
    async def line(self: Any, info: Info) -> object:
        return None if self.line_id is None else await info.context.loaders.line_by_id.load(self.line_id)

    @strawberry.field(graphql_type=Connection[TicketMessage], description="What was said since, in its order")
    async def messages(
        self: Any,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 50,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await ticket.messages(info.context, self, first, after)


@strawberry.type(description="A ticket as it is now, or why the operator was not asked")
class TicketPayload(Payload):
    ticket: Ticket | None = strawberry.field(description="The ticket")


@strawberry.input(description="A bundle that the viewer wants")
class RequestBundleInput:
    bundle_id: strawberry.ID = strawberry.field(description="One of `bundles`")
    comment: str | None = strawberry.field(default=None, description="For the operator, at most 1,000 characters")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class TicketMutation:
    @strawberry.mutation(
        description="Ask for a bundle (F110), which people of the operator make up; nothing is charged before they do. "
        "While a request is open, asking again is answered with it"
    )
    async def request_bundle(
        self, info: Info, input: Annotated[RequestBundleInput, strawberry.argument(description="Which one")]
    ) -> TicketPayload:
        outcome = await ticket.request_bundle(info.context, input.bundle_id, input.comment)
        return ticket_payload(outcome, input.client_mutation_id)


def ticket_payload(outcome: object, client_mutation_id: str | None) -> TicketPayload:
    """A ticket, or why there is none."""
    found = outcome if isinstance(outcome, ticket.Ticket) else None
    return TicketPayload(
        client_mutation_id=client_mutation_id,
        user_errors=errors(None if found is not None else outcome),
        ticket=cast(Any, found),
    )
