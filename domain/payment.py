"""The words of paying (SPEC 2.E)."""

from enum import StrEnum


class PaymentMethodKind(StrEnum):
    """What a payment is made with (SPEC 5.3 `payments.methods`)."""

    CARD = "CARD"
    APPLE_PAY = "APPLE_PAY"
    GOOGLE_PAY = "GOOGLE_PAY"
    E_WALLET = "E_WALLET"
    BANK_APP = "BANK_APP"
    SBP = "SBP"
    MOBILE_BALANCE = "MOBILE_BALANCE"
    VOUCHER = "VOUCHER"
    BONUS = "BONUS"


BY_CARD = frozenset({PaymentMethodKind.CARD, PaymentMethodKind.APPLE_PAY, PaymentMethodKind.GOOGLE_PAY})
"""What is a card in the end: the payer's browser makes a token of it, and the pause between payments holds for it."""


class CardScheme(StrEnum):
    """The payment system of a card (SPEC 5.3 `payments.card_schemes`)."""

    MIR = "MIR"
    VISA = "VISA"
    MASTERCARD = "MASTERCARD"
    MAESTRO = "MAESTRO"
    BELKART = "BELKART"


class ConfirmationKind(StrEnum):
    """What the payer does before the money moves (SPEC 5.3 `payments.confirmation`)."""

    NONE = "NONE"
    SMS_CODE = "SMS_CODE"
    BANK_REDIRECT = "BANK_REDIRECT"


class AutopayTrigger(StrEnum):
    """What sets an automatic payment off (SPEC 5.3 `payments.autopay_triggers`)."""

    BALANCE_BELOW = "BALANCE_BELOW"
    SCHEDULE = "SCHEDULE"
    BEFORE_SUBSCRIPTION_FEE = "BEFORE_SUBSCRIPTION_FEE"


class DeclineReason(StrEnum):
    """Why a bank did not make a payment, as far as it says."""

    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    METHOD_EXPIRED = "METHOD_EXPIRED"
    METHOD_UNUSABLE = "METHOD_UNUSABLE"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    COUNTRY_FORBIDDEN = "COUNTRY_FORBIDDEN"
    FRAUD_SUSPECTED = "FRAUD_SUSPECTED"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    CANCELLED = "CANCELLED"
    ISSUER_UNAVAILABLE = "ISSUER_UNAVAILABLE"
    OTHER = "OTHER"


class PaymentKind(StrEnum):
    """Why money is paid."""

    TOP_UP = "TOP_UP"
    AUTOPAY = "AUTOPAY"
    PROMISED = "PROMISED"
    FROM_BALANCE = "FROM_BALANCE"
    REFUND = "REFUND"
    BONUS = "BONUS"


class PaymentStatus(StrEnum):
    """How far a payment has come; the last five are its end, unless a bank tells later that money moved after all."""

    AWAITING_CONFIRMATION = "AWAITING_CONFIRMATION"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


OPEN = frozenset({PaymentStatus.AWAITING_CONFIRMATION, PaymentStatus.PROCESSING})
"""A payment that is on its way: its money may have moved, or may yet."""

WITHOUT_MONEY = frozenset({PaymentStatus.DECLINED, PaymentStatus.EXPIRED, PaymentStatus.CANCELLED})
"""How payments end that moved nothing."""
