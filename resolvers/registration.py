"""A cabinet of one's own: by a link to an address, or by a code to a number."""

from auth import registration, registration_by_sms
from auth.challenge import Challenge
from auth.registration import LinkOnItsWay
from domain.refusals import InputRejected, Refusal
from resolvers.context import Context
from resolvers.sign_in import Entered, caller_of, challenge_key, enter


async def register(
    context: Context, email: str | None, msisdn: str | None, password: str, *, accept_terms: bool
) -> LinkOnItsWay | Challenge | Refusal:
    """Ask for a cabinet."""
    if msisdn is not None:
        return await context.change(
            registration_by_sms.register(
                context.profile, context.secret, msisdn, email, password, caller_of(context), accept_terms=accept_terms
            )
        )
    if email is None:
        return InputRejected("Give an e-mail address or a number", ("email",))
    return await context.change(
        registration.register(context.profile, context.site, email, password, accept_terms=accept_terms)
    )


async def confirm(
    context: Context, token: str | None, challenge_id: str | None, code: str, password: str
) -> Entered | Refusal:
    """Open the link, or give the code."""
    if (token is None) is (challenge_id is None):
        return InputRejected("Give the token of a link, or a challenge and its code", ("token",))
    if challenge_id is not None:
        key = challenge_key(challenge_id)
        attempt = registration_by_sms.confirm(context.profile, context.secret, key, code, password, caller_of(context))
        return await enter(context, await context.change(attempt))
    opened = registration.confirm(context.profile, token or "", password, caller_of(context))
    return await enter(context, await context.change(opened))
