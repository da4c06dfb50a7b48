"""Choosing a login, and going on under it."""

from dataclasses import replace

from auth import login_change
from auth.login_change import LoginChanged
from domain.refusals import Refusal
from resolvers import confined
from resolvers.context import Context
from resolvers.sign_in import caller_of


async def change_login(context: Context, login: str, password: str) -> Refusal | None:
    """Choose a login in place of the last one."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    outcome = await context.change(login_change.change(context.profile, viewer, login, password, caller_of(context)))
    if not isinstance(outcome, LoginChanged):
        return outcome
    context.become(replace(viewer, custom_login=outcome.login))
    return None
