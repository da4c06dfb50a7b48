"""Switching services off (F112, E51): at once, and what is paid for stays to be used until it was to end.

Nobody loses more than they see: a service that another one needs is not switched off before that one.
"""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import AccessLevel, Scope, needs_approval
from domain.catalogue import ServiceAction, ServiceRelationKind
from domain.fees import PERIODIC, Sold
from domain.payment_rules import check_key
from domain.profile import Profile
from domain.refusals import Forbidden, IdempotencyConflict, InputRejected, NotFound, RateLimited
from domain.ringback import STATUS_MESSAGE
from domain.service_price import paid_until
from domain.service_refusals import ServiceIncompatible, ServiceNotActive
from domain.usage_limit_refusals import ApprovalRequired, OwnerToBeAsked
from models import audit
from models.audit import About, TheUser
from models.database import tx
from models.notify import notify
from services import (
    approval,
    fees,
    line_change,
    package_fill,
    payment_entry,
    service_history,
    service_notice,
    service_row,
)
from services.approval import Agreed, Asked, Question
from services.line_change import Named, Repeated
from services.service_history import By
from services.service_row import LineOf, Service

ACTION = "DISCONNECT_SERVICE"
"""What a child asks for when it wants to be rid of a paid service."""

NO_SUBSCRIPTION = NotFound("There is no such service on a line of yours", ("subscriptionId",))
_NOT_YOURS = Forbidden("The services of this line are not yours to manage", ("subscriptionId",))

_FIND = """
select ss.line_id, ss.service_id from service_subscription ss join line l on l.id = ss.line_id
where ss.id = $1 and l.operator = $2
"""
_NEEDED_BY = """
select o.id, o.name from service_relation r join service o on o.id = r.service_id
join service_subscription ss on ss.line_id = $1 and ss.service_id = o.id and ss.ended_at is null
  and (ss.valid_until is null or ss.valid_until > now())
where r.other_id = $2 and r.kind = 'REQUIRES' order by o.id limit 1
"""
# Rules and words that it paid for have nobody to play or show them.
_UNSET = """
with rules as (delete from ringback_rule where line_id = $1 and tone_id = $2)
delete from status_message where line_id = $1 and $3
"""
_END = """
update service_subscription set ended_at = now(), paid_until = $2, next_charge_at = null, unpaid_since = null,
  trial_step_at = null
where id = $1
"""


@dataclass(frozen=True, slots=True)
class ServiceDisconnected:
    """The service is off; its subscription stays, to be told of."""

    subscription_id: int


Refused = (
    InputRejected
    | IdempotencyConflict
    | NotFound
    | Forbidden
    | ServiceNotActive
    | ServiceIncompatible
    | ApprovalRequired
    | OwnerToBeAsked
    | RateLimited
)


async def disconnect(profile: Profile, viewer: Viewer, key: str, subscription_id: int) -> ServiceDisconnected | Refused:
    """Switch a service off, once for each key of the viewer's; a child's owner is asked about paid ones.

    Neither a new SIM nor a block stands against it: it costs nothing.
    """
    if refused := check_key(key):
        return refused

    async def work(connection: BaseDBAsyncClient) -> ServiceDisconnected | Refused:
        rows = await connection.execute_query_dict(_FIND, [subscription_id, profile.operator.id])
        if not rows:
            return NO_SUBSCRIPTION
        line_id, service_id = rows[0]["line_id"], rows[0]["service_id"]
        asked = payment_entry.digest(ACTION, subscription_id)
        named = Named(viewer.user_id, line_id, key, asked)
        before = await line_change.before(connection, named)
        if isinstance(before, Repeated):
            return ServiceDisconnected(subscription_id)
        if isinstance(before, IdempotencyConflict):
            return before
        line = await service_row.line_of(connection, profile, viewer.user_id, line_id, viewer.access_level)
        if line is None or Scope.VIEW not in line.rights:
            return NO_SUBSCRIPTION
        if Scope.SERVICES not in line.rights:
            return _NOT_YOURS
        service = await service_row.service(connection, profile, service_id)
        assert service is not None, "a subscription's service stays in the catalogue"
        if refused := await _impossible(connection, line, service):
            return refused
        if service.fee and needs_approval(line.standing, Scope.SERVICES):
            if line.child is None:
                return OwnerToBeAsked()
            question = await approval.ask(connection, profile, line.child, _question(line, service, subscription_id))
            return ApprovalRequired(question.approval_id) if isinstance(question, Asked) else question
        await _switch_off(connection, profile, line, service, subscription_id, line.by(viewer))
        await line_change.done(connection, named, subscription_id)
        return ServiceDisconnected(subscription_id)

    return await tx(work)


async def disconnect_agreed(
    connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed
) -> NotFound | ServiceNotActive | ServiceIncompatible | None:
    """Switch off what the owner agreed to, in the owner's transaction."""
    child = TheUser(profile.operator.id, agreed.child_id)
    subscription_id: int = agreed.subject["subscription_id"]
    # Nobody types a key with a space.
    named = Named(agreed.child_id, agreed.line_id, f"approval {agreed.approval_id}", f"{subscription_id}")
    await line_change.before(connection, named)
    line = await service_row.line_of(connection, profile, agreed.child_id, agreed.line_id, AccessLevel.FULL)
    service = await service_row.service(connection, profile, agreed.subject["service_id"])
    if line is None or service is None or Scope.SERVICES not in line.rights:
        return NO_SUBSCRIPTION
    if refused := await _impossible(connection, line, service):
        return refused
    await _switch_off(connection, profile, line, service, subscription_id, line.by(child))
    await line_change.done(connection, named, subscription_id)
    return None


async def end(connection: BaseDBAsyncClient, profile: Profile, line_id: int, service: Service, by: By | None) -> None:
    """Write down that a service is off, after all that has fallen due before was charged."""
    had = await service_row.had(connection, line_id, service.id)
    assert had is not None, "it is on"
    await fees.catch_up(connection, profile, Sold.SERVICE, had.id)
    had = await service_row.had(connection, line_id, service.id)
    assert had is not None, "its row stays for ever"
    now = await service_row.now(connection)
    until = paid_until(had.next_charge_at, had.valid_until, now, unpaid=had.unpaid_since is not None)
    await connection.execute_query(_END, [had.id, until])
    if until is not None or service.fee_period in PERIODIC:
        await package_fill.end_service(connection, line_id, service.id, until or now)
    await service_history.note(connection, line_id, service.id, ServiceAction.DISCONNECT, by=by)
    await notify(connection, f"services:{line_id}")


async def _impossible(
    connection: BaseDBAsyncClient, line: LineOf, service: Service
) -> ServiceNotActive | ServiceIncompatible | None:
    had = await service_row.had(connection, line.id, service.id)
    if had is None or not had.is_active(line.now):
        return ServiceNotActive()
    for other in await connection.execute_query_dict(_NEEDED_BY, [line.id, service.id]):
        message = f"{other['name']} needs {service.name}: switch it off first"
        kind = ServiceRelationKind.REQUIRES
        return ServiceIncompatible(service.id, other["id"], kind, message, ("subscriptionId",))
    return None


async def _switch_off(
    connection: BaseDBAsyncClient, profile: Profile, line: LineOf, service: Service, subscription_id: int, by: By
) -> None:
    await end(connection, profile, line.id, service, by)
    if service.artist is not None or service.code == STATUS_MESSAGE:
        await connection.execute_query(_UNSET, [line.id, service.id, service.code == STATUS_MESSAGE])
    subject_id = line.user_id if line.user_id != by.actor.user_id else None
    about = About(line_id=line.id, subject_id=subject_id, role=by.role)
    await audit.record(connection, by.actor, "SERVICE_DISCONNECTED", about, service=service.name)
    if line.user_id != by.actor.user_id:
        await service_notice.disconnected(connection, profile, line.id, service.name)


def _question(line: LineOf, service: Service, subscription_id: int) -> Question:
    return Question(
        line_id=line.id,
        scope=Scope.SERVICES,
        action=ACTION,
        title=f"− {service.name[:150]}",
        subject={"subscription_id": subscription_id, "service_id": service.id},
        subject_key=payment_entry.digest(ACTION, subscription_id),
        price=None,
    )
