"""Services of a child's line that the owner of its household agrees to (F053, I14)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from domain.refusals import Forbidden
from domain.usage_limit_refusals import ApprovedPriceChanged, LimitExceeded
from services import service_connection, service_disconnection
from services.approval import Agreed, Stopped
from services.service_connection import ServiceConnected


async def connect(connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed) -> Stopped | None:
    """Switch it on at the price that was agreed to."""
    outcome = await service_connection.connect_agreed(connection, profile, agreed)
    if isinstance(outcome, ServiceConnected):
        return None
    # It was possible when the child asked; the owner is told why it is not now.
    if isinstance(outcome, LimitExceeded | ApprovedPriceChanged):
        return outcome
    return Forbidden(outcome.message, ("approvalId",))


async def disconnect(connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed) -> Stopped | None:
    """Switch it off."""
    refused = await service_disconnection.disconnect_agreed(connection, profile, agreed)
    return None if refused is None else Forbidden(refused.message, ("approvalId",))


ACTIONS = {service_connection.ACTION: connect, service_disconnection.ACTION: disconnect}
"""What an owner can agree to, by the name that questions have."""
