"""What the user of a line is told of its services: what others did with them (E51), and that something ends."""

from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import Money
from domain.profile import Profile
from domain.wording import Wording
from services.fee_notice import tell

_CONNECTED = Wording("{operator}: {name} was connected to {line} for you. You may switch it off in your account.")
_DISCONNECTED = Wording("{operator}: {name} was switched off on {line}.")
_TRIAL_ENDS = Wording("{operator}: {name} on {line} is free until {day}. From then on it costs {amount}.")
_TRIAL_ENDED = Wording("{operator}: the free days of {name} on {line} are over. From now on it costs {amount}.")
_ENDED = Wording("{operator}: the time of {name} on {line} is over.")


async def connected(connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str) -> None:
    """That somebody else switched it on."""
    await tell(connection, profile, line_id, _CONNECTED, None, name=name)


async def disconnected(connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str) -> None:
    """That somebody else switched it off."""
    await tell(connection, profile, line_id, _DISCONNECTED, None, name=name)


async def ended(connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str) -> None:
    """That its time is over."""
    await tell(connection, profile, line_id, _ENDED, None, name=name)


async def trial_ends(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, at: datetime, fee: Money
) -> None:
    """That free days are about to end."""
    day = at.astimezone(profile.operator.zone).strftime("%d.%m.%Y")
    await tell(connection, profile, line_id, _TRIAL_ENDS, None, name=name, day=day, amount=str(fee))


async def trial_ended(connection: BaseDBAsyncClient, profile: Profile, line_id: int, name: str, fee: Money) -> None:
    """That free days have ended."""
    await tell(connection, profile, line_id, _TRIAL_ENDED, None, name=name, amount=str(fee))
