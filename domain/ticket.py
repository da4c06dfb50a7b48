"""The words of asking support (SPEC 2.M)."""

from enum import StrEnum


class TicketCategory(StrEnum):
    """What a ticket is about (F145)."""

    TECHNICAL = "TECHNICAL"
    INFORMATION = "INFORMATION"
    COMPLAINT = "COMPLAINT"
    SUGGESTION = "SUGGESTION"
    BILLING = "BILLING"


class TicketStatus(StrEnum):
    """How far a ticket is."""

    NEW = "NEW"
    IN_PROGRESS = "IN_PROGRESS"
    WAITING_CUSTOMER = "WAITING_CUSTOMER"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class TicketSubject(StrEnum):
    """What a ticket asks for."""

    SPEED_INCREASE = "SPEED_INCREASE"
    BUNDLE = "BUNDLE"
