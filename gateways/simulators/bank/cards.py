"""The bank's well-known test tokens: one for each thing that can happen to a payment.

They may be used any number of times, unlike a real provider's.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.simulators.bank.records import Behaviour, Card

_PERFECT = Behaviour()


def with_fingerprint(card: Card) -> Card:
    """The card with the fingerprint that its details give it, unless it has one."""
    seen = f"{card.kind} {card.scheme} {card.last_four} {card.expires_year} {card.expires_month}"
    return replace(card, fingerprint=card.fingerprint or hashlib.sha256(seen.encode()).hexdigest()[:24])


def has_expired(card: Card, now: float) -> bool:
    """Whether the card's last month is over."""
    if card.expires_year is None or card.expires_month is None:
        return False
    today = datetime.fromtimestamp(now, UTC)
    return (card.expires_year, card.expires_month) < (today.year, today.month)


def _card(
    title: str,
    last_four: str,
    scheme: CardScheme | None = CardScheme.MIR,
    country: str = "RU",
    behaviour: Behaviour = _PERFECT,
    *,
    year: int = 2039,
) -> Card:
    return with_fingerprint(
        Card(
            title=title,
            scheme=scheme,
            last_four=last_four,
            expires_year=year,
            expires_month=12,
            issuer_country=country,
            behaviour=behaviour,
        )
    )


TEST_CARDS = {
    "tok_mir_2204": _card("Mir", "2204"),
    "tok_visa_4242": _card("Visa", "4242", CardScheme.VISA),
    "tok_mastercard_5555": _card("Mastercard", "5555", CardScheme.MASTERCARD),
    "tok_maestro_6759": _card("Maestro", "6759", CardScheme.MAESTRO),
    "tok_belkart_9112": _card("Belkart", "9112", CardScheme.BELKART, "BY"),
    "tok_visa_foreign_1111": _card("Visa from abroad", "1111", CardScheme.VISA, "DE"),
    "tok_unionpay_6200": _card("UnionPay", "6200", None, "CN"),
    "tok_mir_expired_0001": _card("Expired", "0001", year=2020),
    "tok_mir_poor_0002": _card("No money", "0002", behaviour=Behaviour(decline=DeclineReason.INSUFFICIENT_FUNDS)),
    "tok_mir_fraud_0003": _card("Suspected", "0003", behaviour=Behaviour(decline=DeclineReason.FRAUD_SUSPECTED)),
    "tok_mir_slow_0010": _card("Slow answer", "0010", behaviour=Behaviour(answer_after=3.0)),
    "tok_mir_lost_0011": _card("Lost answer", "0011", behaviour=Behaviour(lose_answer=True)),
    "tok_mir_late_0012": _card("Settled later", "0012", behaviour=Behaviour(settle_after=3.0)),
    "tok_mir_confirm_0013": _card("Asks to confirm", "0013", behaviour=Behaviour(confirm=True)),
    "tok_mir_twice_0014": _card("Tells twice", "0014", behaviour=Behaviour(copies=2)),
    "tok_mir_silent_0015": _card("Never tells", "0015", behaviour=Behaviour(copies=0)),
    "tok_mir_down_0016": _card("Bank is down", "0016", behaviour=Behaviour(fail=True)),
    "tok_wallet": with_fingerprint(Card("E-wallet", PaymentMethodKind.E_WALLET)),
    "tok_sbp": with_fingerprint(Card("SBP account", PaymentMethodKind.SBP)),
    "tok_bank_app": with_fingerprint(Card("Bank's app", PaymentMethodKind.BANK_APP)),
}
