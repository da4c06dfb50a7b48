"""The words of linking a number or a personal account to a household (SPEC 4.5)."""

from enum import StrEnum


class ConsentMethod(StrEnum):
    """How the holder of a number agreed to a link (F040, F041; SPEC 5.3 `linking.methods`)."""

    SMS_CODE = "SMS_CODE"
    PASSWORD = "PASSWORD"  # noqa: S105
    TRUSTED_DEVICE = "TRUSTED_DEVICE"
    OFFICE = "OFFICE"
    CONTRACT_HOLDER = "CONTRACT_HOLDER"
