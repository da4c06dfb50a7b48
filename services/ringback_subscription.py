"""A tone, or status messages, as the services that they are to everybody else (F126, F128).

They are connected, charged, renewed and ended like any service (`services/service_connection.py`), and cannot be bought
without being set. Whoever calls this has the line to themselves (`services/line_change.py`).
"""

from dataclasses import replace

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import ServiceCategory
from domain.money import Money
from domain.profile import Profile
from domain.refusals import RateLimited
from domain.ringback import STATUS_MESSAGE
from domain.ringback_refusals import RingbackUnpaid
from domain.service_refusals import ServiceUnpaid
from domain.usage_limit_refusals import ApprovalRequired, ApprovedPriceChanged, LimitExceeded, OwnerToBeAsked
from models.audit import Actor
from services import approval, service_connection, service_disconnection, service_offer, service_row
from services.approval import Asked, Question
from services.service_offer import Offer, Unavailable
from services.service_row import Service
from services.serviced_line import Serviced

_STATUS = "select id from service where operator = $1 and code = $2 and not archived"

Refused = (
    ApprovalRequired
    | ApprovedPriceChanged
    | LimitExceeded
    | OwnerToBeAsked
    | RateLimited
    | RingbackUnpaid
    | Unavailable
)


async def tone(connection: BaseDBAsyncClient, profile: Profile, tone_id: int, line_id: int) -> Service | None:
    """A tone of the operator's that is sold, or that the line has still."""
    sold = await service_row.service(connection, profile, tone_id)
    if sold is None or sold.category is not ServiceCategory.RINGBACK or sold.artist is None:
        return None
    return sold if not sold.archived or await _has(connection, line_id, sold) else None


async def status_service(connection: BaseDBAsyncClient, profile: Profile) -> Service | None:
    """The service of status messages."""
    rows = await connection.execute_query_dict(_STATUS, [profile.operator.id, STATUS_MESSAGE])
    return await service_row.service(connection, profile, rows[0]["id"]) if rows else None


async def bought(
    connection: BaseDBAsyncClient,
    profile: Profile,
    actor: Actor,
    line: Serviced,
    sold: Service,
    question: Question,
    agreed: Money | None,
) -> Refused | None:
    """Let the line have it, or ask the owner where a child wants it; None: the line has it.

    `agreed` is the price that the owner agreed to, where that is why; the price of `question` is found here.
    """
    if await _has(connection, line.line_id, sold):
        return None
    offer = await service_offer.offer(connection, profile, line.of, sold.id)
    if not isinstance(offer, Offer):
        return offer
    due = offer.quote.due_now
    if agreed is not None and agreed != due:
        return ApprovedPriceChanged()
    by_owner = line.asks is not None or agreed is not None
    user_id = None if by_owner else actor.user_id
    against = await service_connection.beyond(connection, profile, line.of, offer, user_id)
    if against is not None:
        return RingbackUnpaid(due) if isinstance(against, ServiceUnpaid) else against
    if line.asks is not None:
        priced = replace(question, price=due, quote=service_offer.warned(profile, offer))
        asked = await approval.ask(connection, profile, line.asks, priced)
        return ApprovalRequired(asked.approval_id) if isinstance(asked, Asked) else asked
    await service_connection.make(connection, profile, line.of, offer, line.of.by(actor))
    return None


async def end(connection: BaseDBAsyncClient, profile: Profile, actor: Actor, line: Serviced, service_id: int) -> None:
    """Take it off the line. What was paid for stays paid for: beginning it again before then costs nothing."""
    sold = await service_row.service(connection, profile, service_id)
    if sold is not None and await _has(connection, line.line_id, sold):
        await service_disconnection.end(connection, profile, line.line_id, sold, line.of.by(actor))


async def _has(connection: BaseDBAsyncClient, line_id: int, sold: Service) -> bool:
    had = await service_row.had(connection, line_id, sold.id)
    return had is not None and had.is_active(await service_row.now(connection))
