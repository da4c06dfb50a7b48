"""Services: their exact price, switching them on and off (F112, F115, F119, F129)."""

from typing import Annotated, Any, cast

import strawberry

from domain import service_refusals as refusals
from domain.catalogue import ServiceRelationKind
from domain.quote_refusals import Quoted
from loaders.services_by_line_id import ServiceSubscription as Subscription
from resolvers import service_connection
from resolvers.context import Info
from schema.approval import ApprovalRequest
from schema.catalogue import Service, ServiceSubscription
from schema.money import Money
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError, errors
from schema.quote import QuotePayload

_KEY = "The client's own name of this wish, such as a UUID: repeated, it is done once (E46)"
_LINE = "A line that the viewer has SERVICES over"
_TOKEN = "Of `quoteService`: it is done at exactly that price. Some operators do without"  # noqa: S105


@strawberry.type(description="The line has the service already")
class ServiceAlreadyActive(UserError):
    is_type_of = backed_by(refusals.ServiceAlreadyActive)


@strawberry.type(description="The service was switched off before, or has ended")
class ServiceNotActive(UserError):
    is_type_of = backed_by(refusals.ServiceNotActive)


@strawberry.type(description="Two services stand in each other's way: they do not go together, or one needs the other")
class ServiceIncompatible(UserError):
    kind: ServiceRelationKind = strawberry.field(description="What they mean to each other")

    is_type_of = backed_by(refusals.ServiceIncompatible)

    @strawberry.field(graphql_type=Service | None, description="The one that was to be switched on or off")
    async def service(self: Any, info: Info) -> object:
        return await info.context.loaders.service_by_id.load(self.service_id)

    @strawberry.field(graphql_type=Service | None, description="The one that stands against it")
    async def other(self: Any, info: Info) -> object:
        return await info.context.loaders.service_by_id.load(self.other_id)


@strawberry.type(description="The account does not hold what is due at once; nothing was changed")
class ServiceUnpaid(UserError):
    price: Money = strawberry.field(description="What is due at once")

    is_type_of = backed_by(refusals.ServiceUnpaid)


@strawberry.type(description="There are no free days to be had: the line has had them, or the service has none (F129)")
class TrialUsed(UserError):
    is_type_of = backed_by(refusals.TrialUsed)


SERVICE_ERRORS = (ServiceAlreadyActive, ServiceNotActive, ServiceIncompatible, ServiceUnpaid, TrialUsed)


@strawberry.input(description="A service that a line may want")
class QuoteServiceInput:
    line_id: strawberry.ID = strawberry.field(description=_LINE)
    service_id: strawberry.ID = strawberry.field(description="A service of the catalogue")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A service that is to be switched on, at the price that was quoted")
class ConnectServiceInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    line_id: strawberry.ID = strawberry.field(description=_LINE)
    service_id: strawberry.ID = strawberry.field(description="A service of the catalogue")
    quote_token: str | None = strawberry.field(default=None, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A service that is to be switched off")
class DisconnectServiceInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    subscription_id: strawberry.ID = strawberry.field(description="One of `Line.connectedServices`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Speed or traffic that is to be added to a line, at the price that was quoted")
class ExtendInternetInput:
    idempotency_key: strawberry.ID = strawberry.field(description=_KEY)
    line_id: strawberry.ID = strawberry.field(description=_LINE)
    service_id: strawberry.ID = strawberry.field(description="A service of the category INTERNET_EXTENSION")
    quote_token: str | None = strawberry.field(default=None, description=_TOKEN)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Television that is to be tried")
class StartTvTrialInput:
    line_id: strawberry.ID = strawberry.field(description=_LINE)
    service_id: strawberry.ID = strawberry.field(description="A service of the category TV")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A service of a line as it is now, or why nothing was changed")
class ServicePayload(Payload):
    subscription: ServiceSubscription | None = strawberry.field(description="The service; null where nothing was done")
    approval: ApprovalRequest | None = strawberry.field(
        description="The question to the owner of the household, where a child asked for it (F053)"
    )


@strawberry.type
class ServiceMutation:
    @strawberry.mutation(
        description="What a service costs on a line, exactly: now, in the first month and in each one after (F115). "
        "Nothing is changed; the token is good for ten minutes and for one change"
    )
    async def quote_service(
        self, info: Info, input: Annotated[QuoteServiceInput, strawberry.argument(description="Which service, where")]
    ) -> QuotePayload:
        outcome = await service_connection.quote(info.context, input.line_id, input.service_id)
        quoted = outcome if isinstance(outcome, Quoted) else None
        return QuotePayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=errors(None if quoted is not None else outcome),
            quote=cast(Any, quoted),
        )

    @strawberry.mutation(
        description="Switch a service on at exactly the price that was quoted (F112, N7): it is charged and works, or "
        "nothing changes. What is paid for from before is not paid again. A child asks its owner"
    )
    async def connect_service(
        self, info: Info, input: Annotated[ConnectServiceInput, strawberry.argument(description="Which service, where")]
    ) -> ServicePayload:
        outcome = await service_connection.connect(
            info.context, input.idempotency_key, input.line_id, input.service_id, input.quote_token
        )
        return await _payload(info, outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Switch a service off at once (F112); what is paid for can be used until it was to end, and coming "
        "back before then costs nothing. Who uses a line may switch off whatever others connected to it (E51)"
    )
    async def disconnect_service(
        self, info: Info, input: Annotated[DisconnectServiceInput, strawberry.argument(description="Which service")]
    ) -> ServicePayload:
        outcome = await service_connection.disconnect(info.context, input.idempotency_key, input.subscription_id)
        return await _payload(info, outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Add speed or traffic to a line (F119), as `connectService` does. What is bought once can be "
        "bought again before it is used up: its days and gigabytes are added"
    )
    async def extend_internet(
        self, info: Info, input: Annotated[ExtendInternetInput, strawberry.argument(description="What to add, where")]
    ) -> ServicePayload:
        outcome = await service_connection.connect(
            info.context, input.idempotency_key, input.line_id, input.service_id, input.quote_token, extends=True
        )
        return await _payload(info, outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Begin the free days of television, which a line has once (F129). The fee is charged when they are "
        "over, unless it is switched off before; people are told three days ahead"
    )
    async def start_tv_trial(
        self, info: Info, input: Annotated[StartTvTrialInput, strawberry.argument(description="Which service, where")]
    ) -> ServicePayload:
        outcome = await service_connection.try_tv(info.context, input.line_id, input.service_id)
        return await _payload(info, outcome, input.client_mutation_id)


async def _payload(info: Info, outcome: object, client_mutation_id: str | None) -> ServicePayload:
    done = outcome if isinstance(outcome, Subscription) else None
    return ServicePayload(
        client_mutation_id=client_mutation_id,
        user_errors=errors(None if done is not None else outcome),
        subscription=cast(Any, done),
        approval=cast(Any, await service_connection.asked(info.context, outcome)),
    )
