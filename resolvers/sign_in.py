"""Signing in and out: the session, its cookie, and going on as the one who signed in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth import session, sign_in
from auth.challenge import Challenge
from auth.session import Viewer
from auth.sign_in import SignedIn
from domain.access import AccessLevel
from domain.refusals import CodeRejected, ErrorCode, Refusal
from resolvers.context import Context

_NO_CHALLENGE = UUID(int=0)
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its user sees it."""

    id: int
    current: bool
    device: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    access_level: AccessLevel


@dataclass(frozen=True, slots=True)
class Entered:
    """The outcome of signing in: the token is told this once."""

    token: str
    viewer: Viewer
    session: Session


def cookie_name(operator: str, *, secure: bool) -> str:
    """Each operator's session has a cookie of its own, so that several cabinets can be open at once.

    Over HTTPS the prefix makes browsers refuse one that another host of the domain would set.
    """
    return f"{'__Host-' if secure else ''}hearth_session_{operator}"


async def with_password(context: Context, identifier: str, password: str) -> Entered | Refusal:
    """Sign in by number and password."""
    return await _enter(
        context,
        await context.change(sign_in.with_password(context.profile, identifier, password, context.device)),
    )


async def request_code(context: Context, identifier: str) -> Challenge | Refusal:
    """Ask for a code."""
    return await context.change(sign_in.request_code(context.profile, context.secret, identifier, context.initiator))


async def with_code(context: Context, challenge_id: str, code: str) -> Entered | Refusal:
    """Sign in with a code; a challenge id that is none is answered like one that was never given out."""
    try:
        challenge = UUID(challenge_id)
    except ValueError:
        challenge = _NO_CHALLENGE
    attempt = sign_in.with_code(context.profile, context.secret, challenge, code, context.device)
    return await _enter(context, await context.change(attempt))


async def out(context: Context, *, everywhere: bool) -> None:
    """End the session and take its cookie back."""
    viewer = context.require_viewer()
    await context.change(session.sign_out(viewer, everywhere=everywhere))
    context.become(None)
    if context.response is not None:
        context.response.delete_cookie(
            cookie_name(context.profile.operator.id, secure=context.secure_cookies),
            secure=context.secure_cookies,
            httponly=True,
            samesite="lax",
        )


async def _enter(context: Context, outcome: SignedIn | Refusal) -> Entered | Refusal:
    if not isinstance(outcome, SignedIn):
        return outcome
    viewer = await session.authenticate(context.reads, context.profile, outcome.token)
    if not isinstance(viewer, Viewer):  # revoked within this very moment
        return CodeRejected(ErrorCode.CODE_EXPIRED, 0, "The session has ended already; sign in again")
    context.become(viewer)
    _give_cookie(context, outcome.token)
    return Entered(
        token=outcome.token,
        viewer=viewer,
        session=Session(
            id=viewer.session_id,
            current=True,
            device=viewer.device,
            created_at=viewer.session_created_at,
            last_seen_at=viewer.last_seen_at,
            expires_at=viewer.expires_at,
            access_level=viewer.access_level,
        ),
    )


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
