"""The vocabulary of use: what is counted, in which unit, and where a package comes from."""

from enum import StrEnum


class UsageUnit(StrEnum):
    """The unit of a volume; money is in minor units."""

    MINUTE = "MINUTE"
    SMS = "SMS"
    MMS = "MMS"
    BYTE = "BYTE"
    MONEY = "MONEY"


class PackageSource(StrEnum):
    """What gave a package to a line."""

    TARIFF = "TARIFF"
    SERVICE = "SERVICE"
    GIFT = "GIFT"
    BONUS = "BONUS"
    CARRY_OVER = "CARRY_OVER"
    POOL = "POOL"


class ChargeType(StrEnum):
    """What was used or charged."""

    CALL = "CALL"
    SMS = "SMS"
    MMS = "MMS"
    INTERNET = "INTERNET"
    SUBSCRIPTION_FEE = "SUBSCRIPTION_FEE"
    SERVICE_FEE = "SERVICE_FEE"
    TOP_UP = "TOP_UP"
    GIFT = "GIFT"
    REFUND = "REFUND"
    OTHER = "OTHER"
