"""An e-mail address of one's own, proven by a code (F031); from then on it restores access and signs in."""

from dataclasses import dataclass
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, notices, own_password
from auth.challenge import Challenge, CodeAccepted, CodeRequest
from auth.own_password import Proof
from auth.session import Viewer
from domain.challenge import ChallengeChannel
from domain.email import normalize_email
from domain.profile import Profile
from domain.refusals import CodeRejected, InputRejected, RateLimited
from domain.sign_in import LoginIdentifier
from domain.wording import Wording
from models import audit
from models.challenge import ChallengePurpose
from models.database import tx


@dataclass(frozen=True, slots=True)
class EmailBound:
    """The address is the user's, proven now."""


_EMAIL_BOUND = Wording("An e-mail address was added to your account.")

_BIND = """
insert into contact (operator, user_id, kind, value, verified_at) values ($1, $2, 'EMAIL', $3, now())
on conflict (user_id, kind, value) do update set verified_at = now()
"""
# An address is the login of one cabinet; whoever proved it last reads its mail, but does not take a login away.
_LOGIN = """
insert into login (operator, user_id, kind, value) values ($1, $2, 'EMAIL', $3)
on conflict (operator, kind, value) do nothing
"""


async def request(
    profile: Profile, secret: bytes, viewer: Viewer, email: str
) -> Challenge | RateLimited | InputRejected:
    """Send a code to the address; it counts in this session only."""
    address = normalize_email(email)
    if address is None:
        return InputRejected("Give an e-mail address such as anna@example.org", ("email",))
    wanted = CodeRequest(
        ChallengePurpose.CHANGE_CONTACT, address, viewer.user_id, viewer.initiator, ChallengeChannel.EMAIL
    )
    return await tx(lambda connection: challenge.request(connection, profile, secret, wanted))


async def confirm(
    profile: Profile, secret: bytes, viewer: Viewer, challenge_id: UUID, code: str
) -> EmailBound | CodeRejected:
    """Prove the address with the code."""

    async def bind(connection: BaseDBAsyncClient) -> EmailBound | CodeRejected:
        outcome = await challenge.confirm(
            connection,
            profile,
            secret,
            ChallengePurpose.CHANGE_CONTACT,
            challenge_id,
            code,
            initiator=viewer.initiator,
        )
        if not isinstance(outcome, CodeAccepted):
            return outcome
        # An address is a way back in: whoever was thrown out meanwhile leaves none behind.
        if not await own_password.still_holds(connection, viewer, Proof()):
            return challenge.used_up()
        await connection.execute_query(_BIND, [viewer.operator, viewer.user_id, outcome.target])
        if LoginIdentifier.EMAIL in profile.auth.identifiers:
            await connection.execute_query(_LOGIN, [viewer.operator, viewer.user_id, outcome.target])
        await audit.record(connection, viewer, "EMAIL_BOUND")
        await notices.security(connection, profile, viewer.user_id, _EMAIL_BOUND)
        return EmailBound()

    return await tx(bind)
