"""The words of linking a number or a personal account to a household (SPEC 4.5)."""

from enum import StrEnum


class ConsentMethod(StrEnum):
    """How the holder of a number agreed to a link (F040, F041; SPEC 5.3 `linking.methods`)."""

    SMS_CODE = "SMS_CODE"
    PASSWORD = "PASSWORD"  # noqa: S105
    TRUSTED_DEVICE = "TRUSTED_DEVICE"
    OFFICE = "OFFICE"
    CONTRACT_HOLDER = "CONTRACT_HOLDER"


class LinkStatus(StrEnum):
    """Where a link stands, or the request for one; the last three never return (SPEC 4.5)."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"


class SuspensionReason(StrEnum):
    """Why a link rests until the number's holder agrees again (SPEC 4.5, N3)."""

    SIM_CHANGED = "SIM_CHANGED"
    CONTRACT_CHANGED = "CONTRACT_CHANGED"
    REVERIFY_OVERDUE = "REVERIFY_OVERDUE"
    LINE_BLOCKED = "LINE_BLOCKED"
    PORTING_OUT = "PORTING_OUT"
