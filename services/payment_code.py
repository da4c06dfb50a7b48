"""The code by which a payer confirms a payment (F073, F082)."""

from dataclasses import replace

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge
from auth.challenge import Challenge, CodeRequest
from auth.session import Viewer
from domain.profile import Profile
from domain.refusals import RateLimited
from models.challenge import ChallengePurpose
from services.payment_row import PaymentRow

_ASKED_FOR = "update payment set challenge_id = $2 where id = $1"


async def ask_for_code(
    connection: BaseDBAsyncClient, profile: Profile, secret: bytes, viewer: Viewer, begun: PaymentRow, msisdn: str
) -> PaymentRow | RateLimited:
    """Send a code to the payer's own number; after a new sign-in the same payment gets a new one (E54)."""
    wanted = CodeRequest(ChallengePurpose.PAYMENT, msisdn, viewer.user_id, viewer.initiator, subject=begun.id)
    sent = await challenge.request(connection, profile, secret, wanted)
    if not isinstance(sent, Challenge):
        return sent
    await connection.execute_query(_ASKED_FOR, [begun.id, sent.id])
    return replace(begun, challenge_id=sent.id)
