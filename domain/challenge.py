"""The words of one-time codes (SPEC 4.7)."""

from enum import StrEnum


class ChallengeChannel(StrEnum):
    """The way a one-time code reaches a person (SPEC 5.3 `auth.otp.fallback_channels`)."""

    SMS = "SMS"
    EMAIL = "EMAIL"
    VOICE_CALL = "VOICE_CALL"
    PUSH = "PUSH"
    TOTP = "TOTP"
