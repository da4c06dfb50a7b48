"""The answers to a request for a link (F040, F161): its code in the requester's session, or yes and no in the cabinet
of whoever answers for the number.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge, link_code
from auth.challenge import CodeAccepted
from auth.link_code import LinkQuestion, Target
from auth.session import Viewer
from domain.access import LinkKind, Scope
from domain.consent import asking_text, consent_text
from domain.link_request import read_scopes
from domain.link_request_refusals import (
    LinkChoice,
    NotAMember,
    NumberAlreadyLinked,
    QuestionChanged,
    RequestClosed,
    ScopesNotLinkable,
)
from domain.number_link import ConsentMethod
from domain.profile import Profile
from domain.profile_access import StepUpAction
from domain.refusals import CodeRejected, InputRejected, NotFound, StepUpRequired
from domain.wording import language_of
from models import audit
from models.audit import About
from models.challenge import ChallengePurpose
from models.database import tx
from models.notify import notify
from services import link_making, link_request_notice
from services.link_agreement import Agreement
from services.link_making import LinkMade, Lost

_log = structlog.get_logger()

# The row is held: of a code and an answer in the cabinet at once, one is the first.
_HOLD = """
select household_id, kind, status, text, expires_at <= now() as is_over, created_at, line_id, account_id, challenge_id
from link_request where id = $1 and operator = $2 for update
"""
_DONE = "update link_request set status = 'ACTIVE', resolved_at = now(), link_id = $2 where id = $1"
_PROVEN = """
update link_request set status = 'EXPIRED', resolved_at = now(), proven_at = case when $2 then now() end where id = $1
"""
# A code that was guessed at too often asks nobody any more; another one may be asked for.
_BURNT = """
update link_request set expires_at = now()
where challenge_id = $1 and initiator = $2 and status = 'PENDING' and expires_at > now() returning id
"""
_REFUSE = """
update link_request set status = 'REVOKED', resolved_at = now(), reported_at = case when $2 then now() end where id = $1
"""
_KILL = "update challenge set expires_at = now() where id = $1 and consumed_at is null"
_ALLOW = "update line set link_requests_allowed = $3 where id = $1 and user_id = $2 returning msisdn"


@dataclass(frozen=True, slots=True)
class _Held:
    """A request whose row is held, beside what its code is about."""

    question: LinkQuestion
    household_id: int | None
    kind: LinkKind
    is_open: bool
    text: str
    created_at: datetime
    line_id: int | None
    account_id: int | None
    challenge_id: UUID | None


Refused = link_making.Refused | CodeRejected
ApprovalRefused = link_making.Refused | NotFound | RequestClosed | StepUpRequired | ScopesNotLinkable | InputRejected


async def confirm(
    profile: Profile, secret: bytes, viewer: Viewer, challenge_id: UUID, code: str, address: str | None
) -> LinkMade | Refused:
    """Make the link by the code that was sent to the number, in the session that asked for it (I10, E17)."""

    async def use(connection: BaseDBAsyncClient) -> LinkMade | Refused:
        purpose = ChallengePurpose.LINK_NUMBER
        tried = await challenge.confirm(
            connection, profile, secret, purpose, challenge_id, code, initiator=viewer.initiator
        )
        if not isinstance(tried, CodeAccepted):
            if tried.attempts_left == 0:
                burnt = await connection.execute_query_dict(_BURNT, [challenge_id, viewer.initiator])
                await notify(connection, *(f"link_request:{row['id']}" for row in burnt))
            return tried
        held = await _hold(connection, profile, tried.subject or 0)
        if held is None or not held.is_open or (held.line_id is None and held.account_id is None):
            return challenge.used_up()
        found = await _find(connection, profile, held)
        if found is None or not _still_says(profile, held, found):
            return await _close(connection, held, QuestionChanged())
        agreed = _agreement(held, held.question.scopes, ConsentMethod.SMS_CODE, held.text)
        agreed = replace(agreed, challenge_id=challenge_id, address=address)
        made = await link_making.make(connection, profile, viewer, agreed)
        if isinstance(made, NotAMember):
            await link_request_notice.void(connection, profile, found, held.question.requester)
        return await _resolve(connection, held, made)

    try:
        return await tx(use)
    except Lost:
        return NumberAlreadyLinked((LinkChoice.SECONDARY, LinkChoice.MOVE))


async def approve(
    profile: Profile, viewer: Viewer, request_id: int | None, scopes: frozenset[Scope], *, move: bool
) -> LinkMade | ApprovalRefused:
    """Say yes in one's own cabinet, to all that was asked for or to less; with `move` in place of another household."""

    async def agree(connection: BaseDBAsyncClient) -> LinkMade | ApprovalRefused:
        held = await _hold(connection, profile, request_id or 0)
        found = await _find(connection, profile, held) if held is not None else None
        if held is None or found is None or found.answers_id != viewer.user_id:
            return NotFound("There is no such request to you", ("linkRequestId",))
        if not held.is_open:
            return RequestClosed()
        if StepUpAction.LINK in profile.access.step_up_for and not viewer.stepped_up:
            return StepUpRequired()
        agreed_to = read_scopes(profile, scopes, held.kind)
        if not isinstance(agreed_to, tuple):
            return agreed_to
        if more := scopes.difference(held.question.scopes):
            return ScopesNotLinkable(
                tuple(scope for scope in Scope if scope in more), "This was not asked for; agree to all of it or less"
            )
        method = ConsentMethod.TRUSTED_DEVICE if viewer.user_id == found.user_id else ConsentMethod.CONTRACT_HOLDER
        language = language_of(profile, viewer.language)
        text = consent_text(profile, language, method, agreed_to, held.question.requester)
        agreed = replace(_agreement(held, agreed_to, method, text), given_by=viewer.user_id, moves=move)
        made = await link_making.make(connection, profile, viewer, agreed)
        if isinstance(made, NumberAlreadyLinked) and not move:
            return made  # The question stays open: its answer may be another one.
        await _kill_code(connection, held)
        return await _resolve(connection, held, made)

    try:
        return await tx(agree)
    except Lost:
        return NumberAlreadyLinked((LinkChoice.MOVE,))


async def decline(
    profile: Profile, viewer: Viewer, request_id: int | None, *, report_abuse: bool
) -> NotFound | RequestClosed | None:
    """Say no in one's own cabinet. Who asked is not told: to them it is a request that nobody answers (I11).

    With `report_abuse` their next questions do not reach the number either, and look to them as ever.
    """

    async def refuse(connection: BaseDBAsyncClient) -> NotFound | RequestClosed | None:
        held = await _hold(connection, profile, request_id or 0)
        found = await _find(connection, profile, held) if held is not None else None
        if held is None or found is None or found.answers_id != viewer.user_id:
            return NotFound("There is no such request to you", ("linkRequestId",))
        if not held.is_open:
            return RequestClosed()
        await connection.execute_query(_REFUSE, [held.question.id, report_abuse])
        about = About(line_id=held.line_id)
        asked_by = held.question.requester if report_abuse else None
        await audit.record(connection, viewer, "LINK_DECLINED", about, reported=asked_by)
        await notify(connection, f"rights:{viewer.user_id}")
        return None

    refused = await tx(refuse)
    if refused is None and report_abuse:
        _log.warning("alarm: a request for a link was reported as abuse", operator=profile.operator.id)
    return refused


async def set_privacy(viewer: Viewer, line_id: int | None, *, allow_requests: bool) -> NotFound | None:
    """Let others ask to be linked to one's own number, or not: whoever asks then is answered as ever (E16)."""

    async def allow(connection: BaseDBAsyncClient) -> NotFound | None:
        rows = await connection.execute_query_dict(_ALLOW, [line_id, viewer.user_id, allow_requests])
        if not rows:
            return NotFound("There is no such number of yours", ("lineId",))
        allowed = str(allow_requests).lower()
        await audit.record(connection, viewer, "LINK_PRIVACY_SET", About(line_id=line_id), allowed=allowed)
        return None

    return await tx(allow)


async def _hold(connection: BaseDBAsyncClient, profile: Profile, request_id: int) -> _Held | None:
    rows = await connection.execute_query_dict(_HOLD, [request_id, profile.operator.id])
    asked = await link_code.question(connection, request_id) if rows else None
    return _held(asked, **rows[0]) if asked is not None else None


def _held(asked: LinkQuestion, kind: str, status: str, is_over: bool, **same: Any) -> _Held:
    return _Held(question=asked, kind=LinkKind(kind), is_open=status == "PENDING" and not is_over, **same)


async def _find(connection: BaseDBAsyncClient, profile: Profile, held: _Held) -> Target | None:
    """What was asked for, where it still is the same line or account."""
    found = await link_code.find(connection, profile, held.question.target, is_account=held.question.is_account)
    if found is None:
        return None
    same = found.line_id == held.line_id if held.line_id is not None else found.account_id == held.account_id
    return found if same else None


def _still_says(profile: Profile, held: _Held, found: Target) -> bool:
    """Whether what the holder read is what would be linked; in whichever language it was (E19)."""
    asked = link_code.question_of(held.question, found)
    return held.text in {asking_text(profile, language, asked) for language in profile.operator.languages}


def _agreement(held: _Held, scopes: tuple[Scope, ...], method: ConsentMethod, text: str) -> Agreement:
    asked = held.question
    return Agreement(
        requester_id=asked.requester_id,
        requester=asked.requester,
        household_id=held.household_id,
        target=asked.target,
        is_account=asked.is_account,
        kind=held.kind,
        moves=asked.moves,
        scopes=scopes,
        method=method,
        text=text,
        requested_at=held.created_at,
        sim_epoch=asked.sim_epoch,
        contract_epoch=asked.contract_epoch,
    )


async def _kill_code(connection: BaseDBAsyncClient, held: _Held) -> None:
    if held.challenge_id is not None:
        await connection.execute_query(_KILL, [held.challenge_id])


async def _resolve(
    connection: BaseDBAsyncClient, held: _Held, made: LinkMade | link_making.Refused
) -> LinkMade | link_making.Refused:
    if not isinstance(made, LinkMade):
        return await _close(connection, held, made)
    await connection.execute_query(_DONE, [held.question.id, made.link_id])
    await notify(connection, f"link_request:{held.question.id}")
    return made


async def _close(connection: BaseDBAsyncClient, held: _Held, refused: link_making.Refused) -> link_making.Refused:
    """End a request whose code was right, and that came to nothing for another reason."""
    await connection.execute_query(_PROVEN, [held.question.id, isinstance(refused, NumberAlreadyLinked)])
    await notify(connection, f"link_request:{held.question.id}")
    return refused
