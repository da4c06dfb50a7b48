"""Where a person meets the operator."""

from enum import StrEnum


class Channel(StrEnum):
    """The place that a request came from (C5; SPEC 5.3 `linking.channels`)."""

    SITE = "SITE"
    APP = "APP"
    WIDGET = "WIDGET"
    USSD = "USSD"
    SMS = "SMS"
    IVR = "IVR"
    SUPPORT = "SUPPORT"
    OFFICE = "OFFICE"
