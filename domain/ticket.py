"""The words of asking support (SPEC 2.M)."""

from enum import StrEnum


class TicketCategory(StrEnum):
    """What a ticket is about (F145)."""

    TECHNICAL = "TECHNICAL"
    INFORMATION = "INFORMATION"
    COMPLAINT = "COMPLAINT"
    SUGGESTION = "SUGGESTION"
    BILLING = "BILLING"
