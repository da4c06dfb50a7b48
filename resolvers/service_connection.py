"""Services of lines: their price, switching them on and off (F112, F115, F119, F129)."""

from domain.access import Scope
from domain.quote_refusals import Quoted
from domain.usage_limit_refusals import ApprovalRequired
from loaders.services_by_line_id import ServiceSubscription
from resolvers import approval
from resolvers.approval import Approval
from resolvers.context import Context
from resolvers.usage_limit import key
from services import service_connection, service_disconnection, service_offer
from services.service_connection import ServiceConnected, ServiceWanted
from services.service_disconnection import ServiceDisconnected

Refused = service_offer.Unavailable | service_connection.Refused | service_disconnection.Refused


async def quote(context: Context, line_id: str, service_id: str) -> Quoted | Refused:
    """The exact price of a service on a line."""
    viewer, line, service = context.require_viewer(), key(line_id, "Line"), key(service_id, "Service")
    return await context.change(service_offer.quote(context.profile, context.secret, viewer, line, service))


async def connect(
    context: Context, name: str, line_id: str, service_id: str, token: str | None, *, extends: bool = False
) -> ServiceSubscription | Refused:
    """Switch a service on; `name` is what the client calls this wish."""
    line, service = key(line_id, "Line"), key(service_id, "Service")
    wanted = ServiceWanted(name, line, service, token, extends)
    viewer = context.require_viewer()
    return await _on(
        context, await context.change(service_connection.connect(context.profile, context.secret, viewer, wanted))
    )


async def try_tv(context: Context, line_id: str, service_id: str) -> ServiceSubscription | Refused:
    """Begin the free days of television."""
    line, service = key(line_id, "Line"), key(service_id, "Service")
    trying = service_connection.try_tv(context.profile, context.require_viewer(), line, service)
    return await _on(context, await context.change(trying))


async def disconnect(context: Context, name: str, subscription_id: str) -> ServiceSubscription | Refused:
    """Switch a service off; answers what is left of it."""
    viewer, subscription = context.require_viewer(), key(subscription_id, "ServiceSubscription")
    outcome = await context.change(service_disconnection.disconnect(context.profile, viewer, name, subscription))
    if not isinstance(outcome, ServiceDisconnected):
        return outcome
    return await _seen(context, outcome.subscription_id)


async def by_id(context: Context, subscription_id: int) -> ServiceSubscription | None:
    """A service of a line that the viewer may look at, one that was switched off included."""
    found = await context.loaders.service_subscription_by_id.load(subscription_id)
    line = None if found is None else await context.loaders.line_by_id.load(found.line_id)
    return found if line is not None and line.allows(Scope.VIEW) else None


async def can_disconnect(context: Context, subscription: ServiceSubscription) -> bool:
    """Whether the viewer may switch it off, or ask for it."""
    line = await context.loaders.line_by_id.load(subscription.line_id)
    return line is not None and line.allows(Scope.SERVICES) and subscription.ended_at is None


async def asked(context: Context, outcome: object) -> Approval | None:
    """The question that was asked instead."""
    return await approval.by_id(context, outcome.approval_id) if isinstance(outcome, ApprovalRequired) else None


async def _on(context: Context, outcome: ServiceConnected | Refused) -> ServiceSubscription | Refused:
    return await _seen(context, outcome.subscription_id) if isinstance(outcome, ServiceConnected) else outcome


async def _seen(context: Context, subscription_id: int) -> ServiceSubscription | Refused:
    # Whoever repeats what they did may have lost the line since.
    found = await by_id(context, subscription_id)
    return service_disconnection.NO_SUBSCRIPTION if found is None else found
