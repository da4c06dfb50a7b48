"""Choosing the ways back in."""

from collections.abc import Sequence
from dataclasses import replace

from auth import recovery_channels
from auth.recovery_channels import RecoveryChannelsSet
from domain.refusals import Refusal
from domain.sign_in import RecoveryChannel
from resolvers import confined
from resolvers.context import Context


async def set_recovery_channels(context: Context, channels: Sequence[RecoveryChannel]) -> Refusal | None:
    """Leave these ways back in open."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    outcome = await context.change(recovery_channels.choose(context.profile, viewer, channels))
    if not isinstance(outcome, RecoveryChannelsSet):
        return outcome
    context.become(replace(viewer, recovery_channels=outcome.channels))
    return None
