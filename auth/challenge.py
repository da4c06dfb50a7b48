"""One-time codes: stored as an HMAC, counted before they are compared, won once (SPEC 4.7, I10, E7, E8, E10)."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.code_message import code_message
from domain.challenge import ChallengeChannel
from domain.profile import Profile
from domain.refusals import CodeRejected, ErrorCode, RateLimited
from domain.wording import language_of
from models import counter, outbox
from models.challenge import ChallengePurpose

_HOUR = 3600
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the caller may know of a code that was asked for; the same for known and unknown numbers."""

    id: UUID
    purpose: ChallengePurpose
    channel: ChallengeChannel
    expires_at: datetime
    attempts_left: int
    resend_allowed_at: datetime


@dataclass(frozen=True, slots=True)
class CodeAccepted:
    """The right code, used for the first and only time; `target` is where it was sent."""

    user_id: int
    target: str


# One at a time for each number, so that two requests at once send one code.
_LOCK = "select pg_advisory_xact_lock(hashtextextended($1, 0))"

# The newest code of this initiator in the pause; and when the pause of the number's newest code ends.
_PAUSED = """
select id, channel, created_at, expires_at, attempts, max_attempts, consumed_at, initiator = $5 as is_mine
from challenge
where operator = $1 and target = $2 and purpose = $3 and created_at > now() - make_interval(secs => $4)
  and (initiator = $5 or sent)
order by initiator = $5 desc, created_at desc limit 1
"""

# A new code ends the older ones of the same initiator (E8): nobody ends a code that somebody else asked for.
_KILL_OLDER = """
update challenge set expires_at = now()
where operator = $1 and target = $2 and purpose = $3 and initiator = $4
  and expires_at > now() and consumed_at is null
"""

_CREATE = """
insert into challenge
  (id, operator, purpose, channel, target, user_id, code_hmac, attempts, max_attempts, created_at, expires_at,
   initiator, sent)
values ($1, $2, $3, $4, $5, $6, $7, 0, $8, now(), now() + make_interval(secs => $9), $10, $11)
returning created_at, expires_at, (select u.language from app_user u where u.id = challenge.user_id) as language
"""

_TRY = """
update challenge set attempts = attempts + 1
where id = $1 and operator = $2 and purpose = $3 and ($4::text is null or initiator = $4)
  and consumed_at is null and expires_at > now() and attempts < max_attempts
returning target, user_id, sent, code_hmac, attempts, max_attempts
"""

_WHY_NOT = """
select consumed_at is not null as used, attempts >= max_attempts as burnt
from challenge where id = $1 and operator = $2 and purpose = $3 and ($4::text is null or initiator = $4)
"""


async def request(
    connection: BaseDBAsyncClient,
    profile: Profile,
    secret: bytes,
    purpose: ChallengePurpose,
    target: str,
    user_id: int | None,
    initiator: str,
    channel: ChallengeChannel = ChallengeChannel.SMS,
) -> Challenge | RateLimited:
    """Send a new code to `target` by SMS or e-mail, or give the initiator's running one in the resend pause (E21).

    Without a `user_id` all looks and costs the same, and nothing is sent. The same holds for a second initiator
    during the pause: whoever asks for somebody else's number can neither use up the tries of a code that the
    number's holder waits for, nor learn that there is one.
    """
    operator, otp = profile.operator.id, profile.auth.otp
    await connection.execute_query(_LOCK, [f"challenge:{operator}:{target}"])
    pause = timedelta(seconds=otp.resend_after_seconds)
    paused = await connection.execute_query_dict(_PAUSED, [operator, target, purpose, pause.total_seconds(), initiator])
    if paused and paused[0]["is_mine"]:
        return _still_running(paused[0], purpose, pause)
    sent = not paused
    if sent:
        count, window_ends_at = await counter.count(
            connection, f"{channel.lower()}:{_whose(purpose)}{operator}:{target}", _HOUR
        )
        if count > otp.max_sms_per_number_per_hour:
            return RateLimited(retry_at=window_ends_at)

    challenge_id = uuid4()
    code = "".join(secrets.choice("0123456789") for _ in range(otp.length))
    await connection.execute_query(_KILL_OLDER, [operator, target, purpose, initiator])
    [row] = await connection.execute_query_dict(
        _CREATE,
        [
            challenge_id,
            operator,
            purpose,
            channel,
            target,
            user_id if sent else None,
            _hmac(secret, challenge_id, code),
            otp.max_attempts,
            float(otp.ttl_seconds),
            initiator,
            sent,
        ],
    )
    language = language_of(profile, row["language"])
    said = code_message(profile, language, channel, purpose, code, tag="")
    await outbox.enqueue(
        connection,
        operator,
        channel.lower() if sent and user_id is not None else "void",
        {"to": target, "code": code, **said},
        dedup=f"challenge:{challenge_id}",
        ttl_seconds=otp.ttl_seconds,
    )
    return Challenge(
        id=challenge_id,
        purpose=purpose,
        channel=channel,
        expires_at=row["expires_at"],
        attempts_left=otp.max_attempts,
        resend_allowed_at=row["created_at"] + pause,
    )


async def confirm(
    connection: BaseDBAsyncClient,
    profile: Profile,
    secret: bytes,
    purpose: ChallengePurpose,
    challenge_id: UUID,
    code: str,
    *,
    initiator: str | None = None,
) -> CodeAccepted | CodeRejected:
    """Try a code. A failure is returned, never raised: raising would roll the count of tries back.

    With an `initiator` the code counts for whoever asked for it only (I10); before anybody is signed in the
    challenge's own id, which nobody else was told, is that proof.
    """
    operator = profile.operator.id
    tried = await connection.execute_query_dict(_TRY, [challenge_id, operator, purpose, initiator])
    if not tried:
        return await _why_not(connection, operator, purpose, challenge_id, initiator)
    [row] = tried
    # A challenge that was never sent holds no code: guesses at it are nobody's, and take nothing from the number.
    guesses = 0
    if row["sent"]:
        guesses, _ = await counter.count(connection, f"guess:{_whose(purpose)}{operator}:{row['target']}", _DAY)
    right = hmac.compare_digest(row["code_hmac"], _hmac(secret, challenge_id, code))
    if guesses > profile.auth.otp.max_guesses_per_number_per_day:
        return _rejected(ErrorCode.CODE_ATTEMPTS_EXCEEDED, 0)
    if not right or row["user_id"] is None:
        return _rejected(ErrorCode.CODE_INVALID, row["max_attempts"] - row["attempts"])
    # The row is locked by the count above, so nobody else can use the code meanwhile.
    await connection.execute_query("update challenge set consumed_at = now() where id = $1", [challenge_id])
    return CodeAccepted(user_id=row["user_id"], target=row["target"])


async def _why_not(
    connection: BaseDBAsyncClient,
    operator: str,
    purpose: ChallengePurpose,
    challenge_id: UUID,
    initiator: str | None,
) -> CodeRejected:
    found = await connection.execute_query_dict(_WHY_NOT, [challenge_id, operator, purpose, initiator])
    if not found:
        return _rejected(ErrorCode.CODE_INVALID, 0)
    if found[0]["used"]:
        return _rejected(ErrorCode.CODE_ALREADY_USED, 0)
    if found[0]["burnt"]:
        return _rejected(ErrorCode.CODE_ATTEMPTS_EXCEEDED, 0)
    return _rejected(ErrorCode.CODE_EXPIRED, 0)


def _whose(purpose: ChallengePurpose) -> str:
    """Codes that only somebody who is signed in can ask for are counted apart: strangers use up none of them."""
    return "own:" if purpose in (ChallengePurpose.STEP_UP, ChallengePurpose.CHANGE_CONTACT) else ""


_MESSAGES = {
    ErrorCode.CODE_INVALID: "The code is wrong",
    ErrorCode.CODE_EXPIRED: "The code has expired; ask for a new one",
    ErrorCode.CODE_ALREADY_USED: "The code was used already; ask for a new one",
    ErrorCode.CODE_ATTEMPTS_EXCEEDED: "Too many wrong codes; ask for a new one later",
}


def _rejected(code: ErrorCode, attempts_left: int) -> CodeRejected:
    return CodeRejected(code=code, attempts_left=attempts_left, message=_MESSAGES[code])


def _still_running(row: dict[str, Any], purpose: ChallengePurpose, pause: timedelta) -> Challenge | RateLimited:
    resend_allowed_at = row["created_at"] + pause
    if row["consumed_at"] is not None or row["attempts"] >= row["max_attempts"]:
        return RateLimited(retry_at=resend_allowed_at)
    return Challenge(
        id=row["id"],
        purpose=purpose,
        channel=ChallengeChannel(row["channel"]),
        expires_at=row["expires_at"],
        attempts_left=row["max_attempts"] - row["attempts"],
        resend_allowed_at=resend_allowed_at,
    )


def _hmac(secret: bytes, challenge_id: UUID, code: str) -> bytes:
    return hmac.new(secret, challenge_id.bytes + code.encode(), hashlib.sha256).digest()
