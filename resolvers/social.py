"""Social sign-in: where to send the user, and what the code is good for that comes back."""

from auth import social
from auth.social import AuthorizationStarted, SocialUnlinked
from domain.refusals import FeatureDisabled, InputRejected, Refusal
from domain.sign_in import SocialProvider
from gateways.oidc import AuthorizationCode
from resolvers import node_id
from resolvers.context import Context
from resolvers.errors import channel_unavailable, invalid_input
from resolvers.sign_in import Entered, caller_of, enter


async def authorization_url(
    context: Context, network: SocialProvider, redirect_uri: str, code_challenge: str, state: str
) -> str | None:
    """Where to send the user; None where the operator does not offer the network."""
    await context.reads.release()
    outcome = await social.start(context.profile, context.social, network, redirect_uri, code_challenge, state)
    match outcome:
        case AuthorizationStarted():
            return outcome.url
        case FeatureDisabled():
            return None
        case InputRejected():
            raise invalid_input(outcome.message)
        case _:
            raise channel_unavailable(outcome.message)


async def link(context: Context, network: SocialProvider, brought: AuthorizationCode) -> Refusal | None:
    """Bind an account to the viewer's cabinet."""
    viewer = context.require_viewer()
    outcome = await context.change(social.link(context.profile, context.social, viewer, network, brought))
    return None if isinstance(outcome, social.SocialLinked) else outcome


async def sign_in(context: Context, network: SocialProvider, brought: AuthorizationCode) -> Entered | Refusal:
    """Open the cabinet that an account is bound to."""
    attempt = social.sign_in(context.profile, context.social, network, brought, caller_of(context))
    return await enter(context, await context.change(attempt))


async def unlink(context: Context, global_id: str) -> Refusal | None:
    """Unbind an account of the viewer's."""
    viewer = context.require_viewer()
    wanted = node_id.decode(global_id)
    key = node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "SocialAccount" else None
    outcome = await context.change(social.unlink(context.profile, viewer, key))
    return None if isinstance(outcome, SocialUnlinked) else outcome
