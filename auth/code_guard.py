"""How often codes are sent, and how often they may be guessed (SPEC 4.7, E11, E16).

Requests and guesses are different counters, in PostgreSQL: they hold for all workers, addresses and sessions at once.
"""

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices
from domain.challenge import ChallengeChannel
from domain.profile import Profile
from domain.refusals import RateLimited
from domain.wording import Wording
from models import counter
from models.challenge import ChallengePurpose

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400
# What a network may still ask for in a minute in which the budget is used up: a family does, a flood does not.
FEW_PER_NETWORK = 3

_GUESSED = Wording("Somebody is guessing codes to your number.")

_log = structlog.get_logger()


async def admit(
    connection: BaseDBAsyncClient,
    profile: Profile,
    purpose: ChallengePurpose,
    target: str,
    channel: ChallengeChannel,
    network: str | None,
) -> RateLimited | None:
    """Count one code to `target`, known or not, and refuse it where there were enough."""
    operator, otp = profile.operator.id, profile.auth.otp
    key, most = f"{channel.lower()}:{_whose(purpose)}{operator}:{target}", otp.max_sms_per_number_per_hour
    count, ends_at = await counter.count(connection, key, _HOUR, most, shared=not is_own(purpose))
    if count > most:
        return RateLimited(ends_at)
    if is_own(purpose) or channel is ChallengeChannel.EMAIL:
        return None
    return await _spend(connection, profile, network)


async def may_guess(
    connection: BaseDBAsyncClient,
    profile: Profile,
    purpose: ChallengePurpose,
    target: str,
    channel: ChallengeChannel,
    user_id: int | None,
) -> bool:
    """Count one guess at the codes of a number, over all its challenges; the last one of a day warns its user (E11).

    Each channel has a count of its own: when the SMS codes of a number are used up by a stranger, a call still works.
    """
    key = f"guess:{_whose(purpose)}{channel.lower()}:{profile.operator.id}:{target}"
    guesses, _ = await counter.count(connection, key, _DAY)
    most = profile.auth.otp.max_guesses_per_number_per_day
    if guesses == most:  # where there is nobody to warn, as much is written for nothing
        await notices.security(connection, profile, user_id or 0, _GUESSED)
    return guesses <= most


def is_own(purpose: ChallengePurpose) -> bool:
    """Whether only somebody who is signed in asks for such a code, to an address of their own."""
    return purpose in (ChallengePurpose.STEP_UP, ChallengePurpose.CHANGE_CONTACT, ChallengePurpose.PAYMENT)


async def _spend(connection: BaseDBAsyncClient, profile: Profile, network: str | None) -> RateLimited | None:
    """Take one code out of the minute's budget, whether or not the number is known.

    A budget that is used up raises an alarm, and slows down the networks that ask for most. It shuts nobody else
    out: otherwise a flood of requests for strangers' numbers would be a way to close the cabinet for everybody.
    """
    operator, most = profile.operator.id, profile.auth.otp.max_sms_per_minute
    key = f"codes:{operator}:{network}"
    asked, ends_at = await counter.count(connection, key, _MINUTE)
    # Last, since it is one row for everybody: it is held for as short as can be.
    spent, _ = await counter.count(connection, f"codes:{operator}", _MINUTE)
    if spent == most + 1:
        _log.error("alarm: more codes were asked for than the budget of a minute", operator=operator, budget=most)
    if spent <= most or network is None or asked <= FEW_PER_NETWORK:
        return None
    counter.note(key, FEW_PER_NETWORK, _MINUTE, 0, ends_at)
    return RateLimited(ends_at, "Too many requests from one network")


def _whose(purpose: ChallengePurpose) -> str:
    """Codes that only somebody who is signed in can ask for are counted apart: strangers use up none of them."""
    return "own:" if is_own(purpose) else ""
