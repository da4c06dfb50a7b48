"""The words of one-time codes (SPEC 4.7)."""

from enum import StrEnum


class ChallengeChannel(StrEnum):
    """The way a one-time code reaches a person (SPEC 5.3 `auth.otp.fallback_channels`)."""

    SMS = "SMS"
    EMAIL = "EMAIL"
    VOICE_CALL = "VOICE_CALL"
    PUSH = "PUSH"
    TOTP = "TOTP"


class DeliveryStatus(StrEnum):
    """What is known of a message's delivery (N10)."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
