"""The vocabulary of limits on what a line may use or spend (F048)."""

from enum import StrEnum


class LimitPeriod(StrEnum):
    """Over which time a limit counts, in the operator's time zone."""

    DAY = "DAY"
    WEEK = "WEEK"
    BILLING_PERIOD = "BILLING_PERIOD"
    CALENDAR_MONTH = "CALENDAR_MONTH"


class LimitAction(StrEnum):
    """What happens when a limit is reached; the safety floor holds whatever it says (I13)."""

    NOTIFY = "NOTIFY"
    BLOCK_PAID = "BLOCK_PAID"
    BLOCK_ALL = "BLOCK_ALL"
    ASK_OWNER = "ASK_OWNER"
