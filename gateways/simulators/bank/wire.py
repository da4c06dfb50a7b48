"""What the bank says of payments, refunds and means of payment: the JSON objects of its API (docs/payments.md)."""

from typing import Any

from gateways.simulators.bank.records import BankRefund, Card, Payment, State


def payment_body(payment: Payment, url: str) -> dict[str, Any]:
    """A payment; `url` is shown for as long as the payer is awaited there."""
    return {
        "about": "payment",
        "id": payment.id,
        "key": payment.order.key,
        "state": payment.state,
        "amount": str(payment.amount.amount),
        "currency": payment.amount.currency,
        "reason": payment.reason,
        "url": url if payment.state == State.AWAITING_PAYER else None,
        "method": method_body(payment.card) if payment.card is not None else None,
        "saved": payment.saved,
    }


def refund_body(refund: BankRefund) -> dict[str, Any]:
    """A refund."""
    return {
        "about": "refund",
        "id": refund.id,
        "key": refund.order.key,
        "state": refund.state,
        "amount": str(refund.order.amount.amount),
        "currency": refund.order.amount.currency,
        "reason": refund.reason,
    }


def method_body(card: Card) -> dict[str, Any]:
    """A means of payment."""
    return {
        "kind": card.kind,
        "scheme": card.scheme,
        "last_four": card.last_four,
        "expires_year": card.expires_year,
        "expires_month": card.expires_month,
        "issuer_country": card.issuer_country,
        "fingerprint": card.fingerprint,
    }
