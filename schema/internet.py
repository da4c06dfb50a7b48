"""The internet of a line (F131–F133)."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from domain.ticket import TicketStatus
from loaders import internet_by_line_id
from resolvers import internet
from resolvers.context import Info
from schema.catalogue import Service
from schema.line import DateRangeInput
from schema.money import Money
from schema.node import AFTER, FIRST, Connection, Node, backed_by
from schema.payload import CLIENT_MUTATION_ID
from schema.scalars import Bytes
from schema.ticket import TicketPayload, ticket_payload


@strawberry.type(description="One time that a line was online (F132)")
class InternetSession(Node):
    started_at: datetime = strawberry.field(description="When it began")
    ended_at: datetime | None = strawberry.field(description="When it ended; null while it lasts")
    ip: str | None = strawberry.field(description="The address that the line had; null where that is not known")
    received: Bytes = strawberry.field(description="What came to the line")
    sent: Bytes = strawberry.field(description="What the line sent")
    cost: Money = strawberry.field(description="What it cost")

    is_type_of = backed_by(internet.InternetSession)


@strawberry.type(description="A higher speed that was asked for (F133)")
class SpeedRequest:
    requested_mbps: int = strawberry.field(description="Which one, in megabits a second")
    status: TicketStatus = strawberry.field(description="How far the operator is with it")
    created_at: datetime = strawberry.field(description="When it was asked for")

    is_type_of = backed_by(internet_by_line_id.SpeedRequest)


@strawberry.type(description="The internet of a line (F131)")
class InternetState:
    speed_mbps: int | None = strawberry.field(
        description="Its speed in megabits a second, of its tariff or of a service that raises it; null: not known"
    )
    speed_request: SpeedRequest | None = strawberry.field(description="The last higher speed that was asked for")

    is_type_of = backed_by(internet_by_line_id.Internet)

    @strawberry.field(
        graphql_type=Connection[InternetSession] | None,
        description="When it was online, the newest first (F132); null without the scope DETAILS, and where single "
        "sessions are not recorded",
    )
    async def sessions(
        self: Any,
        info: Info,
        period: Annotated[DateRangeInput, strawberry.argument(description="When they began; at most 366 days")],
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 50,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await internet.sessions(info.context, self, (period.first, period.last), first, after)

    @strawberry.field(
        graphql_type=list[Service],
        description="What extends speed or traffic of such a line, the cheapest first; none where it is not sold",
    )
    async def extensions(self: Any, info: Info) -> object:
        return await internet.extensions(info.context, self)


@strawberry.input(description="A higher speed that the viewer wants")
class RequestSpeedIncreaseInput:
    line_id: strawberry.ID = strawberry.field(description="A line of home internet that the viewer has SERVICES over")
    mbps: int = strawberry.field(description="Which speed, in megabits a second: above the present one")
    comment: str | None = strawberry.field(default=None, description="For the operator, at most 1,000 characters")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class InternetMutation:
    @strawberry.mutation(
        description="Ask for a higher speed of home internet (F133), which people of the operator see to. One request "
        "is open for a line at a time, and the same again is answered with it"
    )
    async def request_speed_increase(
        self, info: Info, input: Annotated[RequestSpeedIncreaseInput, strawberry.argument(description="Which speed")]
    ) -> TicketPayload:
        outcome = await internet.request_speed(info.context, input.line_id, input.mbps, input.comment)
        return ticket_payload(outcome, input.client_mutation_id)
