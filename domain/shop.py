"""The words of the operator's shop (SPEC 2.N)."""

from enum import StrEnum


class ShopCategory(StrEnum):
    """A shelf of the shop (F152)."""

    SMARTPHONE = "SMARTPHONE"
    TABLET = "TABLET"
    INTERNET_TV = "INTERNET_TV"
    ACCESSORY = "ACCESSORY"
    SIM = "SIM"
