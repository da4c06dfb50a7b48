"""A code once more, or by another channel: an SMS may be late, or not arrive at all (N10, E7, E8, E9)."""

from typing import Any
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, code_guard, identifier, link_code, lockout, recovery_channels
from auth.challenge import Challenge, CodeRequest, alternatives
from auth.new_cabinet import free_line
from auth.session import Viewer
from auth.sign_in import Caller
from auth.step_up import STEP_UP_ADDRESS_HOURS
from domain.challenge import ChallengeChannel
from domain.profile import Profile
from domain.refusals import ChannelUnavailable, CodeRejected, RateLimited
from domain.sign_in import RecoveryChannel
from models.challenge import ChallengePurpose
from models.database import tx

_ASKED = """
select purpose, channel, target, user_id, subject, initiator, consumed_at is not null as used
from challenge
where id = $1 and operator = $2 and initiator = any($3::text[]) and created_at > now() - interval '1 hour'
"""


async def resend(
    profile: Profile,
    secret: bytes,
    challenge_id: UUID,
    channel: ChallengeChannel | None,
    caller: Caller,
    viewer: Viewer | None,
) -> Challenge | RateLimited | CodeRejected | ChannelUnavailable:
    """Send a new code for what an earlier one was asked for by the same caller; the earlier one ends (E8).

    Without a `channel` it goes the same way. The resend pause holds, unless a message of one's own is known to have
    failed. An id that was never given out, or to somebody else, answers like one of long ago.
    """
    initiators = [caller.initiator, *([viewer.initiator] if viewer else [])]

    async def again(
        connection: BaseDBAsyncClient,
    ) -> Challenge | RateLimited | CodeRejected | ChannelUnavailable:
        rows = await connection.execute_query_dict(_ASKED, [challenge_id, profile.operator.id, initiators])
        if not rows or rows[0]["used"]:
            return challenge.used_up()
        asked = rows[0]
        wanted = await _wanted(connection, profile, asked, channel, caller)
        if wanted is None:
            return ChannelUnavailable()
        if wanted.purpose is ChallengePurpose.LINK_NUMBER:
            return await link_code.send_again(connection, profile, secret, wanted)
        return await challenge.request(connection, profile, secret, wanted)

    return await tx(again)


async def _wanted(
    connection: BaseDBAsyncClient,
    profile: Profile,
    asked: dict[str, Any],
    channel: ChallengeChannel | None,
    caller: Caller,
) -> CodeRequest | None:
    """The same request by the wanted channel; None where it cannot go that way."""
    purpose, before = ChallengePurpose(asked["purpose"]), ChallengeChannel(asked["channel"])
    channel = channel or before
    others = alternatives(profile, purpose, asked["target"], before)
    if channel is not before and channel not in caller.channels.intersection(others):
        return None
    own = code_guard.is_own(purpose)
    decoy = await _leads_nowhere(connection, profile, purpose, asked)
    address = None
    if channel is ChallengeChannel.EMAIL and "@" not in asked["target"]:
        hours = STEP_UP_ADDRESS_HOURS if own else 0
        address = await identifier.proven_address(connection, asked["user_id"], hours=hours)
        # Whoever is signed in may know that there is no address; a stranger gets an answer like any other.
        if address is None and own:
            return None
    return CodeRequest(
        purpose,
        asked["target"],
        asked["user_id"],
        asked["initiator"],
        channel,
        address=address,
        subject=asked["subject"],
        decoy=decoy,
        network=None if own else lockout.network_of(caller.address),
    )


async def _leads_nowhere(
    connection: BaseDBAsyncClient, profile: Profile, purpose: ChallengePurpose, asked: dict[str, Any]
) -> bool:
    """Whether the code would open nothing by now: the number has a cabinet, or its user has closed the way (F018)."""
    if purpose is ChallengePurpose.REGISTER:
        return await free_line(connection, profile, asked["target"]) is None
    if purpose is ChallengePurpose.RECOVER:
        way = RecoveryChannel.EMAIL if "@" in asked["target"] else RecoveryChannel.SMS
        return not await recovery_channels.leaves_open(connection, profile, asked["user_id"], way)
    return False
