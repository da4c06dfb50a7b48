"""Which ways back in a user leaves open (F018)."""

from collections.abc import Sequence
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices
from auth.session import Viewer
from domain.features import feature
from domain.profile import Profile
from domain.profile_access import StepUpAction
from domain.recovery import open_channels
from domain.refusals import FeatureDisabled, InputRejected, StepUpRequired
from domain.sign_in import RecoveryChannel
from domain.wording import Wording
from models import audit
from models.database import tx

_CHANGED = Wording("The ways to recover your password were changed.")

_REACHED = """
select exists (select from login where user_id = $1 and kind = 'MSISDN') as by_number,
  exists (select from contact where user_id = $1 and kind = 'EMAIL' and verified_at is not null) as by_email
"""
_BY_NUMBER = frozenset({RecoveryChannel.SMS, RecoveryChannel.USSD, RecoveryChannel.INBOUND_SMS})
_SET = "update app_user set recovery_channels = $2::text[] where id = $1"
_CHOSEN = "select recovery_channels from app_user where id = $1"


@dataclass(frozen=True, slots=True)
class RecoveryChannelsSet:
    """The ways back in that are open now."""

    channels: tuple[RecoveryChannel, ...]


async def choose(
    profile: Profile, viewer: Viewer, channels: Sequence[RecoveryChannel]
) -> RecoveryChannelsSet | FeatureDisabled | InputRejected | StepUpRequired:
    """Leave these ways back in open and close the operator's others; none named means all of them.

    A way that needs a number or an address needs one that is proven.
    """
    flag = feature(profile, "recovery.choice")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator", ("channels",))
    for channel in channels:
        offered = feature(profile, f"recovery.{channel.lower()}")
        if not offered.enabled:
            return FeatureDisabled(offered.key, offered.reason or "Not offered by this operator", ("channels",))
    if StepUpAction.CHANGE_CONTACT in profile.access.step_up_for and not viewer.stepped_up:
        return StepUpRequired()
    chosen = [channel for channel in profile.auth.recovery_channels if channel in channels]

    async def replace(connection: BaseDBAsyncClient) -> RecoveryChannelsSet | InputRejected:
        [reached] = await connection.execute_query_dict(_REACHED, [viewer.user_id])
        if not reached["by_number"] and not _BY_NUMBER.isdisjoint(chosen):
            return InputRejected("There is no number in this cabinet to recover it by", ("channels",))
        if not reached["by_email"] and RecoveryChannel.EMAIL in chosen:
            return InputRejected("Bind and confirm an e-mail address first", ("channels",))
        await connection.execute_query(_SET, [viewer.user_id, chosen])
        await audit.record(connection, viewer, "RECOVERY_CHANNELS_SET", channels=", ".join(chosen) or "ALL")
        await notices.security(connection, profile, viewer.user_id, _CHANGED)
        return RecoveryChannelsSet(open_channels(chosen, profile.auth.recovery_channels))

    return await tx(replace)


async def leaves_open(
    connection: BaseDBAsyncClient, profile: Profile, user_id: int | None, channel: RecoveryChannel
) -> bool:
    """Whether the user has not closed that way. Of nobody the same is asked, so that it costs the same.

    What the operator does not offer for recovery is not the user's to close.
    """
    offered = profile.auth.recovery_channels
    rows = await connection.execute_query_dict(_CHOSEN, [user_id or 0])
    chosen = rows[0]["recovery_channels"] if rows else []
    return channel not in offered or channel in open_channels(chosen, offered)
