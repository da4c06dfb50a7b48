"""A fresh proof for what must not be done by whoever finds an open screen (DESIGN 4, F028)."""

from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, identifier, lost_sim
from auth.challenge import Challenge, CodeAccepted, CodeRequest
from auth.session import Viewer
from domain.challenge import ChallengeChannel
from domain.profile import Profile
from domain.refusals import CodeRejected, MethodDisabled, RateLimited
from models import audit
from models.challenge import ChallengePurpose
from models.database import tx
from models.user import number_of

# A proof in an open session needs an address that was bound before whoever sits there came.
STEP_UP_ADDRESS_HOURS = 24

_NUMBER = f"select {number_of('$1')} as msisdn"
_STEP_UP = "update session set stepped_up_at = now() where id = $1"


async def request(profile: Profile, secret: bytes, viewer: Viewer) -> Challenge | RateLimited | MethodDisabled:
    """Send a code to the viewer's own number; it counts in this session only.

    Where the number's SIM was reported lost it goes to an address that has been the viewer's for a while (E63, E64).
    """

    async def send(connection: BaseDBAsyncClient) -> Challenge | RateLimited | MethodDisabled:
        [user] = await connection.execute_query_dict(_NUMBER, [viewer.user_id])
        if user["msisdn"] is None:
            return MethodDisabled("There is no number to send a code to")
        target, channel = user["msisdn"], ChallengeChannel.SMS
        if await lost_sim.is_lost(connection, viewer.operator, target):
            address = await identifier.proven_address(connection, viewer.user_id, hours=STEP_UP_ADDRESS_HOURS)
            if address is None:
                return MethodDisabled("The number's SIM was reported lost, and no address is proven; ask support")
            target, channel = address, ChallengeChannel.EMAIL
        wanted = CodeRequest(ChallengePurpose.STEP_UP, target, viewer.user_id, viewer.initiator, channel)
        return await challenge.request(connection, profile, secret, wanted)

    return await tx(send)


async def confirm(
    profile: Profile, secret: bytes, viewer: Viewer, challenge_id: UUID, code: str
) -> CodeRejected | None:
    """Prove by the code that was sent; for ten minutes the session may do what needs it."""

    async def prove(connection: BaseDBAsyncClient) -> CodeRejected | None:
        outcome = await challenge.confirm(
            connection, profile, secret, ChallengePurpose.STEP_UP, challenge_id, code, initiator=viewer.initiator
        )
        if not isinstance(outcome, CodeAccepted):
            return outcome
        await connection.execute_query(_STEP_UP, [viewer.session_id])
        await audit.record(connection, viewer, "STEPPED_UP")
        return None

    return await tx(prove)
