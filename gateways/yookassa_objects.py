"""What YooKassa's objects say: payment, refund, payment_method, amount (yookassa.ru/developers/api)."""

import hashlib
import hmac
from typing import Any

from domain.money import CurrencyCode, Money, MoneyRejected, parse_amount
from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.payments import (
    AwaitingPayer,
    Charged,
    Declined,
    Held,
    KnownOutcome,
    MethodDetails,
    Pending,
    RefundDeclined,
    Refunded,
    RefundOutcome,
    RefundPending,
)

KIND_TYPES = {
    PaymentMethodKind.CARD: "bank_card",
    PaymentMethodKind.E_WALLET: "yoo_money",
    PaymentMethodKind.BANK_APP: "sberbank",
    PaymentMethodKind.SBP: "sbp",
}

_KINDS = {
    **{name: kind for kind, name in KIND_TYPES.items()},
    "tinkoff_bank": PaymentMethodKind.BANK_APP,
    "alfabank": PaymentMethodKind.BANK_APP,
    "mobile_balance": PaymentMethodKind.MOBILE_BALANCE,
}
# A card that came from a telephone's wallet says so.
_SOURCES = {"apple_pay": PaymentMethodKind.APPLE_PAY, "google_pay": PaymentMethodKind.GOOGLE_PAY}
# Maestro is told as MasterCard, and all others are schemes that no operator takes.
_SCHEMES = {"Mir": CardScheme.MIR, "Visa": CardScheme.VISA, "MasterCard": CardScheme.MASTERCARD}

_REASONS = {
    "3d_secure_failed": DeclineReason.NOT_CONFIRMED,
    "call_issuer": DeclineReason.METHOD_UNUSABLE,
    "canceled_by_merchant": DeclineReason.CANCELLED,
    "card_expired": DeclineReason.METHOD_EXPIRED,
    "country_forbidden": DeclineReason.COUNTRY_FORBIDDEN,
    "expired_on_capture": DeclineReason.CANCELLED,
    "expired_on_confirmation": DeclineReason.NOT_CONFIRMED,
    "fraud_suspected": DeclineReason.FRAUD_SUSPECTED,
    "identification_required": DeclineReason.LIMIT_EXCEEDED,
    "insufficient_funds": DeclineReason.INSUFFICIENT_FUNDS,
    "internal_timeout": DeclineReason.ISSUER_UNAVAILABLE,
    "invalid_card_number": DeclineReason.METHOD_UNUSABLE,
    "invalid_csc": DeclineReason.METHOD_UNUSABLE,
    "issuer_unavailable": DeclineReason.ISSUER_UNAVAILABLE,
    "payment_method_limit_exceeded": DeclineReason.LIMIT_EXCEEDED,
    "payment_method_restricted": DeclineReason.METHOD_UNUSABLE,
    "permission_revoked": DeclineReason.METHOD_UNUSABLE,
}


class Unreadable(Exception):
    """An object that is not as documented; the text says what is missing and quotes nothing."""


def payment(told: dict[str, Any], key: str) -> KnownOutcome:
    """What became of a payment; `key` is ours, for fingerprints. Raises Unreadable."""
    payment_id = _text(told, "id")
    match told.get("status"):
        case "succeeded":
            return Charged(payment_id, _amount(told), _method_of(told, key), _saved(told))
        case "waiting_for_capture":
            return Held(payment_id, _amount(told), _method_of(told, key), _saved(told))
        case "canceled":
            return Declined(_reason(told), payment_id)
        case "pending":
            url = (told.get("confirmation") or {}).get("confirmation_url")
            return AwaitingPayer(payment_id, url) if isinstance(url, str) else Pending(payment_id)
    raise Unreadable("status")


def refund(told: dict[str, Any]) -> RefundOutcome:
    """What became of a refund. Raises Unreadable."""
    refund_id = _text(told, "id")
    match told.get("status"):
        case "succeeded":
            return Refunded(refund_id, _amount(told))
        case "canceled":
            return RefundDeclined(_reason(told), refund_id)
        case "pending":
            return RefundPending(refund_id)
    raise Unreadable("status")


def method(told: dict[str, Any], key: str) -> MethodDetails:
    """What is told of a payment method. Raises Unreadable.

    YooKassa gives no fingerprint of a card: it is made of what is told of the card, keyed, so that nobody finds a card
    by it. Two cards of one bank that agree in first six, last four and expiry would share it, which is rare.
    """
    kind = _KINDS.get(_text(told, "type"), PaymentMethodKind.E_WALLET)
    card = told.get("card")
    if not isinstance(card, dict):
        return MethodDetails(kind)
    try:
        year, month = int(_text(card, "expiry_year")), int(_text(card, "expiry_month"))
    except ValueError:
        raise Unreadable("expiry") from None
    seen = f"{card.get('first6')} {card.get('last4')} {year} {month}"
    return MethodDetails(
        kind=_SOURCES.get(str(card.get("source")), kind),
        scheme=_SCHEMES.get(_text(card, "card_type")),
        last_four=_text(card, "last4"),
        expires_year=year,
        expires_month=month,
        issuer_country=card.get("issuer_country"),
        fingerprint=hmac.new(key.encode(), seen.encode(), hashlib.sha256).hexdigest()[:32],
    )


def key_of(told: dict[str, Any]) -> str | None:
    """Our key of a payment or a refund, or None for one that was not made here."""
    key = (told.get("metadata") or {}).get("hearth_key")
    return key if isinstance(key, str) else None


def amount_body(amount: Money) -> dict[str, str]:
    """An amount as YooKassa reads it: text with two decimals."""
    return {"value": str(amount.amount), "currency": amount.currency}


def _amount(told: dict[str, Any]) -> Money:
    amount = told.get("amount")
    if not isinstance(amount, dict):
        raise Unreadable("amount")
    try:
        return Money.from_decimal(parse_amount(_text(amount, "value")), CurrencyCode(_text(amount, "currency")))
    except (MoneyRejected, ValueError):
        raise Unreadable("amount") from None


def _method_of(told: dict[str, Any], key: str) -> MethodDetails | None:
    given = told.get("payment_method")
    return method(given, key) if isinstance(given, dict) else None


def _saved(told: dict[str, Any]) -> str | None:
    given = told.get("payment_method") or {}
    return _text(given, "id") if given.get("saved") is True else None


def _reason(told: dict[str, Any]) -> DeclineReason:
    reason = (told.get("cancellation_details") or {}).get("reason")
    return _REASONS.get(str(reason), DeclineReason.OTHER)


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise Unreadable(name)
    return value
