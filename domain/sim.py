"""What a new SIM stops for a while: whoever has it may have stolen the number (E13, E30)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from domain.profile import Profile
from domain.refusals import ErrorCode


@dataclass(frozen=True, slots=True)
class CooldownActive:
    """The SIM was changed a short while ago; from `allowed_at` on it may be done."""

    allowed_at: datetime
    message: str = "The SIM of this number was changed a short while ago; this has to wait"
    field: tuple[str, ...] | None = None
    code: ClassVar[ErrorCode] = ErrorCode.COOLDOWN_ACTIVE


def cooldown(profile: Profile, sim_changed_at: datetime | None, now: datetime) -> CooldownActive | None:
    """Whether a line's SIM is too new for new links, autopay, gifts, limits and transfers of ownership (E13)."""
    if sim_changed_at is None:
        return None
    until = sim_changed_at + timedelta(hours=profile.linking.sim_change_cooldown_hours)
    return CooldownActive(until) if now < until else None
