"""Signing in and out: the session, its cookie, and going on as the one who signed in."""

from dataclasses import dataclass
from uuid import UUID

from auth import code_resend, puk, session, sessions, sign_in, temporary_password, widget
from auth.challenge import Challenge
from auth.session import Viewer, Widget
from auth.sessions import Remembered, Session
from auth.sign_in import Caller, SignedIn
from auth.temporary_password import PasswordOnItsWay
from domain.challenge import ChallengeChannel
from domain.refusals import CodeRejected, ErrorCode, Refusal
from resolvers.context import Context

_NO_CHALLENGE = UUID(int=0)
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Entered:
    """The outcome of signing in: the tokens are told this once."""

    token: str
    refresh_token: str | None
    viewer: Viewer
    session: Session


def cookie_name(operator: str, *, secure: bool) -> str:
    """Each operator's session has a cookie of its own, so that several cabinets can be open at once.

    Over HTTPS the prefix makes browsers refuse one that another host of the domain would set.
    """
    return f"{'__Host-' if secure else ''}hearth_session_{operator}"


async def with_password(context: Context, identifier: str, password: str, *, remember: bool) -> Entered | Refusal:
    """Sign in by an identifier of the operator's and a password."""
    if remember and (refused := sessions.not_remembered(context.profile)):
        return refused
    caller = caller_of(context, remember=remember)
    attempt = sign_in.with_password(context.profile, context.secret, identifier, password, caller)
    return await enter(context, await context.change(attempt))


async def with_puk1(context: Context, msisdn: str, puk1: str) -> Entered | Refusal:
    """Sign in for the first time, by number and PUK1."""
    return await enter(context, await context.change(puk.with_puk1(context.profile, msisdn, puk1, caller_of(context))))


async def request_code(context: Context, identifier: str, channel: ChallengeChannel) -> Challenge | Refusal:
    """Ask for a code."""
    return await context.change(
        sign_in.request_code(context.profile, context.secret, identifier, caller_of(context), channel)
    )


async def resend_code(context: Context, challenge_id: str, channel: ChallengeChannel | None) -> Challenge | Refusal:
    """Ask for a code once more."""
    return await context.change(
        code_resend.resend(
            context.profile,
            context.secret,
            challenge_key(challenge_id),
            channel,
            caller_of(context),
            context.viewer,
        )
    )


async def with_code(context: Context, challenge_id: str, code: str, *, remember: bool) -> Entered | Refusal:
    """Sign in with a code."""
    if remember and (refused := sessions.not_remembered(context.profile)):
        return refused
    caller = caller_of(context, remember=remember)
    attempt = sign_in.with_code(context.profile, context.secret, challenge_key(challenge_id), code, caller)
    return await enter(context, await context.change(attempt))


async def request_temporary_password(context: Context, identifier: str) -> PasswordOnItsWay | Refusal:
    """Ask for a temporary password by SMS."""
    return await context.change(temporary_password.by_form(context.profile, context.secret, identifier))


async def refresh(context: Context, refresh_token: str) -> Entered | Refusal:
    """Go on with a remembered device."""
    return await enter(context, await context.change(sessions.refresh(context.profile, refresh_token, context.device)))


async def out(context: Context, *, everywhere: bool) -> None:
    """End the session and take its cookie back."""
    if isinstance(context.caller, Widget):
        await _widget_out(context, context.caller)
        return
    viewer = context.require_session()
    # A session that the network opened ends itself, and none of the user's own; an employee's neither.
    everywhere = everywhere and viewer.holds_keys
    await context.change(session.sign_out(viewer, everywhere=everywhere))
    context.become(None)
    take_cookie(context)


async def _widget_out(context: Context, caller: Widget) -> None:
    """The one thing that a widget may change: that it is there."""
    await context.reads.release()
    await widget.end(caller)
    context.become(None)


async def enter(context: Context, outcome: SignedIn | Remembered | Refusal) -> Entered | Refusal:
    """Go on as whoever has just signed in, and give the browser its cookie."""
    if not isinstance(outcome, SignedIn | Remembered):
        return outcome
    viewer = await session.authenticate(context.reads, context.profile, outcome.token)
    if not isinstance(viewer, Viewer):  # revoked within this very moment
        return CodeRejected(ErrorCode.CODE_EXPIRED, 0, "The session has ended already; sign in again")
    context.become(viewer)
    _give_cookie(context, outcome.token)
    return Entered(
        token=outcome.token, refresh_token=outcome.refresh_token, viewer=viewer, session=current_session(viewer)
    )


def take_cookie(context: Context) -> None:
    """Take the browser's cookie back."""
    if context.response is not None:
        context.response.delete_cookie(
            cookie_name(context.profile.operator.id, secure=context.secure_cookies),
            secure=context.secure_cookies,
            httponly=True,
            samesite="lax",
        )


def current_session(viewer: Viewer) -> Session:
    """The session that the viewer calls in."""
    return Session(
        id=viewer.session_id,
        current=True,
        channel=viewer.channel,
        device=viewer.device,
        created_at=viewer.session_created_at,
        last_seen_at=viewer.last_seen_at,
        expires_at=viewer.expires_at,
        access_level=viewer.access_level,
    )


def caller_of(context: Context, *, remember: bool = False) -> Caller:
    """Who is at the door, as the services want to know it."""
    return Caller(
        address=context.address,
        device=context.device,
        initiator=context.initiator,
        remember=remember,
        channels=context.channels,
    )


def challenge_key(challenge_id: str) -> UUID:
    """The key of a challenge; an id that is none is answered like one that was never given out."""
    try:
        return UUID(challenge_id)
    except ValueError:
        return _NO_CHALLENGE


def _give_cookie(context: Context, token: str) -> None:
    if context.response is not None:
        context.response.set_cookie(
            cookie_name(context.profile.operator.id, secure=context.secure_cookies),
            token,
            max_age=context.profile.session.absolute_lifetime_hours * _HOUR,
            secure=context.secure_cookies,
            httponly=True,
            samesite="lax",
        )
