"""What a user does for the safety of the cabinet: passwords, sessions, fresh proofs, and the log of it all."""

from dataclasses import replace

from auth import email_binding, network, password_change, preferences, sessions, step_up
from auth.challenge import Challenge
from auth.email_binding import EmailBound
from auth.password_change import PasswordChanged
from auth.sessions import Session
from domain.access import AccessLevel
from domain.language import Language
from domain.profile_access import StepUpAction
from domain.refusals import Refusal, StepUpRequired
from domain.sign_in import RecoveryChannel
from resolvers import confined, node_id
from resolvers.context import Context
from resolvers.sign_in import Entered, caller_of, challenge_key, enter


async def change_password(context: Context, current: str, new: str) -> PasswordChanged | Refusal:
    """Change the viewer's password; the one thing that a session with a temporary password may do."""
    viewer = context.require_session()
    if refused := confined.from_keys(viewer):
        return refused
    return await context.change(
        password_change.change(context.profile, context.secret, viewer, current, new, caller_of(context))
    )


async def request_password_reset(context: Context, identifier: str, channel: RecoveryChannel) -> Challenge | Refusal:
    """Ask for a code to set a new password with."""
    return await context.change(
        password_change.request_reset(context.profile, context.secret, identifier, channel, caller_of(context))
    )


async def reset_password(context: Context, challenge_id: str, code: str, new: str) -> Entered | Refusal:
    """Set a new password with a code, and sign in."""
    attempt = password_change.reset(
        context.profile, context.secret, challenge_key(challenge_id), code, new, caller_of(context)
    )
    return await enter(context, await context.change(attempt))


async def viewer_sessions(context: Context) -> list[Session]:
    """The live sessions of the viewer, this one first (F027)."""
    return await sessions.sessions(context.reads, context.profile, context.require_viewer())


async def revoke_session(context: Context, global_id: str) -> Refusal | None:
    """End a session of the viewer's."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    wanted = node_id.decode(global_id)
    key = node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "Session" else None
    return await context.change(sessions.revoke(viewer, key))


async def request_step_up(context: Context) -> Challenge | Refusal:
    """Send a code for a fresh proof."""
    viewer = context.require_viewer()
    if refused := confined.from_fresh_proof(viewer):
        return refused
    return await context.change(step_up.request(context.profile, context.secret, viewer))


async def confirm_step_up(context: Context, challenge_id: str, code: str) -> Refusal | None:
    """Prove with the code."""
    viewer = context.require_viewer()
    if refused := confined.from_fresh_proof(viewer):
        return refused
    return await context.change(
        step_up.confirm(context.profile, context.secret, viewer, challenge_key(challenge_id), code)
    )


async def sign_in_from_network(context: Context, token: str) -> Entered | Refusal:
    """Sign in by what the operator's network says of the SIM."""
    attempt = network.sign_in(context.profile, context.network_key, token, caller_of(context))
    return await enter(context, await context.change(attempt))


async def set_network_auto_login(context: Context, level: AccessLevel | None) -> Refusal | None:
    """Choose how far the network lets in."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    return await context.change(network.set_level(context.profile, viewer, level))


async def set_language(context: Context, language: Language) -> Refusal | None:
    """Choose the language of messages."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    refusal = await context.change(preferences.set_language(context.profile, viewer, language))
    if refusal is None:
        context.become(replace(viewer, language=language))
    return refusal


async def set_display_name(context: Context, name: str) -> Refusal | None:
    """Choose how to be called."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    refusal = await context.change(preferences.set_display_name(viewer, name))
    if refusal is None:
        context.become(replace(viewer, display_name=" ".join(name.split())))
    return refusal


async def request_email_binding(context: Context, email: str) -> Challenge | Refusal:
    """Send a code to an address that is to be the viewer's."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    if StepUpAction.CHANGE_CONTACT in context.profile.access.step_up_for and not viewer.stepped_up:
        return StepUpRequired()
    return await context.change(email_binding.request(context.profile, context.secret, viewer, email))


async def confirm_email_binding(context: Context, challenge_id: str, code: str) -> EmailBound | Refusal:
    """Prove the address."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    return await context.change(
        email_binding.confirm(context.profile, context.secret, viewer, challenge_key(challenge_id), code)
    )
