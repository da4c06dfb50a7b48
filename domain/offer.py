"""The words of offers and loyalty (SPEC 2.L)."""

from enum import StrEnum


class OfferKind(StrEnum):
    """What an offer gives (F140, F142; SPEC 5.3 `loyalty.bonus_kinds`)."""

    DISCOUNT = "DISCOUNT"
    CASHBACK = "CASHBACK"
    GIFT = "GIFT"
    FREE_PACKAGE = "FREE_PACKAGE"
    BONUS_POINTS = "BONUS_POINTS"
    MONEY_CREDIT = "MONEY_CREDIT"
    TARIFF = "TARIFF"
