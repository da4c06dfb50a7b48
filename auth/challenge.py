"""One-time codes: stored as an HMAC, counted before they are compared, won once (SPEC 4.7, I10, E7, E8, E10)."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import code_guard, lost_sim
from auth.code_message import code_message, question_message
from domain.challenge import ChallengeChannel, DeliveryStatus
from domain.consent import Question
from domain.profile import Profile
from domain.refusals import CodeRejected, ErrorCode, RateLimited
from domain.wording import language_of
from models import outbox, watch
from models.challenge import ChallengePurpose

# No I and no O, which are taken for digits.
_TAG_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A code that somebody asks for.

    `target` is the number or address that the code proves, and `address` where it goes instead, if it goes by another
    channel. `user_id` and `subject` say what it opens; where both are null, or it is a `decoy`, nothing is sent.
    `network` is where a stranger calls from; whoever is signed in has none. `question` is what whoever reads the code
    agrees to by giving it.
    """

    purpose: ChallengePurpose
    target: str
    user_id: int | None
    initiator: str
    channel: ChallengeChannel = ChallengeChannel.SMS
    address: str | None = None
    subject: int | None = None
    decoy: bool = False
    network: str | None = None
    question: Question | None = None

    @property
    def leads_nowhere(self) -> bool:
        """Whether there is nothing that the code would open, or no way for it to get there."""
        unreachable = self.channel is ChallengeChannel.EMAIL and "@" not in (self.address or self.target)
        return self.decoy or unreachable or (self.user_id is None and self.subject is None)

    @property
    def own_subject(self) -> int | None:
        """What a code to oneself is for, where that may be one of several things; strangers get no codes apart."""
        return self.subject if code_guard.is_own(self.purpose) else None


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the caller may know of a code that was asked for; the same for known and unknown numbers.

    `tag` is two letters that stand in the message too. `delivery_status` is told of codes to oneself; of others it is
    not, since nothing is delivered to an unknown number. `alternatives` are the operator's other channels (N10).
    """

    id: UUID
    purpose: ChallengePurpose
    channel: ChallengeChannel
    tag: str
    delivery_status: DeliveryStatus
    alternatives: tuple[ChallengeChannel, ...]
    expires_at: datetime
    attempts_left: int
    resend_allowed_at: datetime


@dataclass(frozen=True, slots=True)
class CodeAccepted:
    """The right code, used for the first and only time.

    `target` is what it proves, if it came by a channel that only its holder reads: an e-mail in place of an SMS proves
    the address, and not the number (`is_by_sim`). Without a `user_id` the `subject` says what it opens.
    """

    user_id: int | None
    target: str
    channel: ChallengeChannel
    subject: int | None

    @property
    def is_by_sim(self) -> bool:
        """Whether whoever gave the code has the SIM."""
        return self.channel in _BY_SIM


_BY_SIM = (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL)
# What proves a number is a code that reached the SIM; what lets a user in may also reach a proven address of theirs.
# A new password by e-mail is a channel of recovery, which an operator has or has not.
_OTHER_CHANNELS = {
    ChallengePurpose.SIGN_IN: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL, ChallengeChannel.EMAIL),
    ChallengePurpose.RECOVER: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL),
    ChallengePurpose.STEP_UP: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL, ChallengeChannel.EMAIL),
    ChallengePurpose.REGISTER: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL),
    ChallengePurpose.CHANGE_CONTACT: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL),
    ChallengePurpose.PAYMENT: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL),
    ChallengePurpose.LINK_NUMBER: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL),
    ChallengePurpose.TRANSFER_OWNERSHIP: (ChallengeChannel.SMS, ChallengeChannel.VOICE_CALL),
}


# One at a time for each number, so that two requests at once send one code.
_LOCK = "select pg_advisory_xact_lock(hashtextextended($1, 0))"

# The newest code of this initiator in the pause; and when the pause of the number's newest code ends. A code for one
# of several payments of one's own ($6) is a code of its own: another payment's opens that other one, and a session
# that came after waits for nobody.
_PAUSED = """
select c.id, c.channel, c.tag, c.created_at, c.expires_at, c.attempts, c.max_attempts, c.consumed_at,
  c.initiator = $5 as is_mine, o.delivery
from challenge c left join outbox o on o.dedup = 'challenge:' || c.id
where c.operator = $1 and c.target = $2 and c.purpose = $3 and c.created_at > now() - make_interval(secs => $4)
  and (c.initiator = $5 or c.sent) and ($6::bigint is null or (c.subject = $6 and c.initiator = $5))
order by c.initiator = $5 desc, c.created_at desc limit 1
"""

# A new code ends the older ones of the same initiator (E8): nobody ends a code that somebody else asked for.
_KILL_OLDER = """
update challenge set expires_at = now()
where operator = $1 and target = $2 and purpose = $3 and initiator = $4
  and expires_at > now() and consumed_at is null and ($5::bigint is null or subject = $5)
"""

_CREATE = """
insert into challenge
  (id, operator, purpose, channel, target, user_id, code_hmac, attempts, max_attempts, created_at, expires_at,
   initiator, sent, tag, subject)
values ($1, $2, $3, $4, $5, $6, $7, 0, $8, now(), now() + make_interval(secs => $9), $10, $11, $12, $13)
returning created_at, expires_at, (select u.language from app_user u where u.id = challenge.user_id) as language
"""

# A number or an address may pass to somebody else while a code is on its way, or before it is sent again: then whoever
# reads it is not whom it was for (E13). Only a new contact is to become its user's by the code; whoever links a number
# looks at its SIM and its contract.
_TRY = """
update challenge c set attempts = attempts + 1
where id = $1 and operator = $2 and purpose = $3 and ($4::text is null or initiator = $4)
  and consumed_at is null and expires_at > now() and attempts < max_attempts
returning target, channel, user_id, subject, sent, code_hmac, attempts, max_attempts,
  user_id is null or purpose in ('CHANGE_CONTACT', 'LINK_NUMBER')
  or exists (select from login l where l.user_id = c.user_id and l.value = c.target)
  or exists (select from contact k where k.user_id = c.user_id and k.value = c.target and k.verified_at is not null)
    as still_theirs
"""

_WHY_NOT = """
select consumed_at is not null as used, attempts >= max_attempts as burnt
from challenge where id = $1 and operator = $2 and purpose = $3 and ($4::text is null or initiator = $4)
"""


async def request(
    connection: BaseDBAsyncClient, profile: Profile, secret: bytes, wanted: CodeRequest
) -> Challenge | RateLimited:
    """Send a new code, or give the initiator's running one in the resend pause (E21).

    A code that opens nothing looks and costs the same, and nothing is sent. The same holds for a second initiator
    during the pause: whoever asks for somebody else's number can neither use up the tries of a code that the
    number's holder waits for, nor learn that there is one.
    """
    operator, otp = profile.operator.id, profile.auth.otp
    await connection.execute_query(_LOCK, [f"challenge:{operator}:{wanted.target}"])
    pause = timedelta(seconds=otp.resend_after_seconds)
    paused = await connection.execute_query_dict(
        _PAUSED,
        [operator, wanted.target, wanted.purpose, pause.total_seconds(), wanted.initiator, wanted.own_subject],
    )
    if paused and paused[0]["is_mine"] and not _may_switch(paused[0], wanted):
        return _still_running(profile, paused[0], wanted, pause)
    sent = not paused or paused[0]["is_mine"]
    # By e-mail it reaches an address, and not whoever found the telephone.
    lost = wanted.channel in _BY_SIM and await lost_sim.is_lost(connection, operator, wanted.target)
    leaves = sent and not lost and not wanted.leads_nowhere
    if sent:
        limited = await code_guard.admit(
            connection, profile, wanted.purpose, wanted.target, wanted.channel, wanted.network
        )
        if limited is not None:
            return limited

    challenge_id = uuid4()
    code = "".join(secrets.choice("0123456789") for _ in range(otp.length))
    tag = "".join(secrets.choice(_TAG_LETTERS) for _ in range(2))
    killed = [operator, wanted.target, wanted.purpose, wanted.initiator, wanted.own_subject]
    await connection.execute_query(_KILL_OLDER, killed)
    [row] = await connection.execute_query_dict(
        _CREATE,
        [
            challenge_id,
            operator,
            wanted.purpose,
            wanted.channel,
            wanted.target,
            wanted.user_id,
            _hmac(secret, challenge_id, code),
            otp.max_attempts,
            float(otp.ttl_seconds),
            wanted.initiator,
            sent,
            tag,
            wanted.subject,
        ],
    )
    language = language_of(profile, row["language"])
    if wanted.question is None:
        said = code_message(profile, language, wanted.channel, wanted.purpose, code, tag)
    else:
        said = question_message(profile, language, wanted.channel, wanted.question, code, tag)
    await outbox.enqueue(
        connection,
        operator,
        wanted.channel.lower() if leaves else "void",
        {"to": wanted.address or wanted.target, "code": code, **said},
        dedup=f"challenge:{challenge_id}",
        ttl_seconds=otp.ttl_seconds,
    )
    watch.note(watch.Told.ONE_TIME_CODE, (wanted.purpose, "CODE_SENT" if leaves else "CODE_NOT_SENT"))
    return Challenge(
        id=challenge_id,
        purpose=wanted.purpose,
        channel=wanted.channel,
        tag=tag,
        delivery_status=DeliveryStatus.QUEUED,
        alternatives=alternatives(profile, wanted.purpose, wanted.target, wanted.channel),
        expires_at=row["expires_at"],
        attempts_left=otp.max_attempts,
        resend_allowed_at=row["created_at"] + pause,
    )


def alternatives(
    profile: Profile, purpose: ChallengePurpose, target: str, channel: ChallengeChannel
) -> tuple[ChallengeChannel, ...]:
    """How else a code can come, by the profile's `auth.otp.fallback_channels` and by what it is to prove (N10)."""
    if "@" in target:
        return ()
    offered = (ChallengeChannel.SMS, *profile.auth.otp.fallback_channels)
    return tuple(each for each in offered if each in _OTHER_CHANNELS[purpose] and each is not channel)


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
    outcome = await _confirm(connection, profile, secret, purpose, challenge_id, code, initiator)
    word = outcome.code if isinstance(outcome, CodeRejected) else "CODE_ACCEPTED"
    watch.note(watch.Told.ONE_TIME_CODE, (purpose, word))
    return outcome


async def _confirm(
    connection: BaseDBAsyncClient,
    profile: Profile,
    secret: bytes,
    purpose: ChallengePurpose,
    challenge_id: UUID,
    code: str,
    initiator: str | None,
) -> CodeAccepted | CodeRejected:
    operator = profile.operator.id
    tried = await connection.execute_query_dict(_TRY, [challenge_id, operator, purpose, initiator])
    if not tried:
        return await _why_not(connection, operator, purpose, challenge_id, initiator)
    [row] = tried
    channel = ChallengeChannel(row["channel"])
    # A challenge that was never sent holds no code: guesses at it are nobody's, and take nothing from the number.
    if row["sent"] and not await code_guard.may_guess(
        connection, profile, purpose, row["target"], channel, row["user_id"]
    ):
        return _rejected(ErrorCode.CODE_ATTEMPTS_EXCEEDED, 0)
    right = hmac.compare_digest(row["code_hmac"], _hmac(secret, challenge_id, code))
    opens = row["sent"] and (row["user_id"] is not None or row["subject"] is not None)
    if not right or not opens:
        return _rejected(ErrorCode.CODE_INVALID, row["max_attempts"] - row["attempts"])
    # The row is locked by the count above, so nobody else can use the code meanwhile.
    await connection.execute_query("update challenge set consumed_at = now() where id = $1", [challenge_id])
    if not row["still_theirs"]:
        return used_up()
    return CodeAccepted(row["user_id"], row["target"], channel, row["subject"])


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


_MESSAGES = {
    ErrorCode.CODE_INVALID: "The code is wrong",
    ErrorCode.CODE_EXPIRED: "The code has expired; ask for a new one",
    ErrorCode.CODE_ALREADY_USED: "The code was used already; ask for a new one",
    ErrorCode.CODE_ATTEMPTS_EXCEEDED: "Too many wrong codes; ask for a new one later",
}


def used_up() -> CodeRejected:
    """What a right code is answered that opens nothing any more."""
    return _rejected(ErrorCode.CODE_EXPIRED, 0)


def _rejected(code: ErrorCode, attempts_left: int) -> CodeRejected:
    return CodeRejected(code=code, attempts_left=attempts_left, message=_MESSAGES[code])


def _may_switch(row: dict[str, Any], wanted: CodeRequest) -> bool:
    """Whether another channel need not wait: the message is known not to have arrived, and whoever asks may know it."""
    failed = row["delivery"] == DeliveryStatus.FAILED and code_guard.is_own(wanted.purpose)
    return failed and row["channel"] != wanted.channel


def _still_running(
    profile: Profile, row: dict[str, Any], wanted: CodeRequest, pause: timedelta
) -> Challenge | RateLimited:
    resend_allowed_at = row["created_at"] + pause
    channel = ChallengeChannel(row["channel"])
    if row["consumed_at"] is not None or row["attempts"] >= row["max_attempts"] or channel is not wanted.channel:
        return RateLimited(retry_at=resend_allowed_at)
    told = code_guard.is_own(wanted.purpose) and row["delivery"] is not None
    return Challenge(
        id=row["id"],
        purpose=wanted.purpose,
        channel=channel,
        tag=row["tag"],
        delivery_status=DeliveryStatus(row["delivery"]) if told else DeliveryStatus.UNKNOWN,
        alternatives=alternatives(profile, wanted.purpose, wanted.target, channel),
        expires_at=row["expires_at"],
        attempts_left=row["max_attempts"] - row["attempts"],
        resend_allowed_at=resend_allowed_at,
    )


def _hmac(secret: bytes, challenge_id: UUID, code: str) -> bytes:
    return hmac.new(secret, challenge_id.bytes + code.encode(), hashlib.sha256).digest()
