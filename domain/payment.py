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
