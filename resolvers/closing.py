"""Closing the cabinet: afterwards nobody is signed in."""

from auth import closing
from auth.closing import CabinetClosed
from domain.refusals import Refusal
from resolvers import confined
from resolvers.context import Context
from resolvers.sign_in import caller_of, take_cookie


async def close_cabinet(context: Context, password: str | None, reason: str | None) -> Refusal | None:
    """Close the viewer's cabinet for good."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    outcome = await context.change(closing.close(context.profile, viewer, password, reason, caller_of(context)))
    if not isinstance(outcome, CabinetClosed):
        return outcome
    context.become(None)
    take_cookie(context)
    return None
