"""Which of the operator's ways back in a user has left open (F018)."""

from collections.abc import Collection, Sequence

from domain.sign_in import RecoveryChannel


def open_channels(chosen: Collection[str], offered: Sequence[RecoveryChannel]) -> tuple[RecoveryChannel, ...]:
    """The ways that work for a user, in the operator's order.

    Nothing chosen means all of them, and so does a choice of which the operator offers nothing any more: nobody is
    left without a way back.
    """
    return tuple(channel for channel in offered if channel in chosen) or tuple(offered)
