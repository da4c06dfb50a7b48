"""Gigabytes that one number gives another one (F118): how many, and why not."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

from domain.line import LineStatus, ServiceKind
from domain.line_block_refusals import LineBlocked
from domain.periods import midnight
from domain.profile import Profile
from domain.refusals import ErrorCode, InputRejected

GIGABYTE = 2**30
"""What is given is whole ones of these, in bytes."""


@dataclass(frozen=True, slots=True)
class GiftLimitExceeded:
    """More than may still be given: `left` bytes, by the month's limit or by what the packages hold."""

    left: Decimal
    message: str
    field: tuple[str, ...] | None = ("gigabytes",)
    code: ClassVar[ErrorCode] = ErrorCode.GIFT_LIMIT_EXCEEDED


@dataclass(frozen=True, slots=True)
class GiftNotTaken:
    """The number takes no gigabytes now; why is its user's matter, not the giver's."""

    message: str = "This number cannot be given gigabytes now"
    field: tuple[str, ...] | None = ("toMsisdn",)
    code: ClassVar[ErrorCode] = ErrorCode.FORBIDDEN


def check_size(profile: Profile, gigabytes: int) -> InputRejected | None:
    """Gigabytes are given one by one, up to what a month allows."""
    if gigabytes >= 1:
        return None
    most = profile.services.data_sharing_max_gb_month
    return InputRejected(f"Whole gigabytes can be given, from 1 to {most} a month", ("gigabytes",))


def month_of(now: datetime, zone: ZoneInfo) -> datetime:
    """When the month began in which `now` is where the operator is."""
    return midnight(now.astimezone(zone).date().replace(day=1), zone)


def left_of_month(profile: Profile, given: int) -> int:
    """How many bytes may still be given in a month in which `given` were."""
    return max(profile.services.data_sharing_max_gb_month * GIGABYTE - given, 0)


def whole(volume: Decimal | int) -> int:
    """The whole gigabytes of a volume, in bytes."""
    return int(volume) // GIGABYTE * GIGABYTE


def check_left(profile: Profile, wanted: int, given: int, held: Decimal) -> GiftLimitExceeded | None:
    """Whether so many bytes may be given, where `given` were in this month and the packages hold `held`."""
    month = left_of_month(profile, given)
    left = min(month, whole(held))
    if wanted <= left:
        return None
    what = "may be given this month" if month <= whole(held) else "can be given of the packages of tariff and services"
    return GiftLimitExceeded(Decimal(left), f"{left // GIGABYTE} GB more {what}")


def gives(kind: ServiceKind, status: LineStatus) -> InputRejected | LineBlocked | None:
    """Why a line cannot give gigabytes away now, whatever it holds."""
    if kind is not ServiceKind.MOBILE:
        return InputRejected("Gigabytes of mobile numbers can be given", ("fromLineId",))
    if status is not LineStatus.ACTIVE:
        return LineBlocked("A line that is blocked or suspended gives nothing", ("fromLineId",))
    return None
