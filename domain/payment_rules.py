"""What an operator takes as a payment (F066–F075, E42–E45): pure rules over the profile's `payments` section.

Each answers None where a rule is kept, and otherwise the refusal that the payer reads.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from domain.card_number import is_card_number
from domain.line import LineStatus
from domain.money import Money, MoneyRejected, parse_amount
from domain.payment import CardScheme, PaymentMethodKind
from domain.payment_refusals import CardTooFrequent, PaymentRejected
from domain.profile import Profile
from domain.refusals import ErrorCode, FeatureDisabled, InputRejected

CONFIRM_SECONDS = 900.0
"""How long a payer may take to confirm, by code or on the bank's page."""

KEY_LENGTHS = (8, 64)
_KEY = re.compile(r"[\x21-\x7e]+")
_LONGEST_TOKEN = 512
_ENDED = frozenset({LineStatus.TERMINATED, LineStatus.PORTED_OUT})
# What a payer cannot pay another's account with at a bank: these have mutations of their own.
_NOT_AT_A_BANK = frozenset({PaymentMethodKind.MOBILE_BALANCE, PaymentMethodKind.VOUCHER, PaymentMethodKind.BONUS})


@dataclass(frozen=True, slots=True)
class Payee:
    """The account that a payment is for. `is_seen` is whether the payer may see it: strangers are told less (E44)."""

    account_id: int
    status: LineStatus
    contract_ended: bool
    cash_banned: bool
    is_seen: bool


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of the means of payment before it pays."""

    kind: PaymentMethodKind
    scheme: CardScheme | None
    issuer_country: str | None
    expires_year: int | None
    expires_month: int | None


def plain(amount: str) -> str:
    """An amount in the one spelling that it shares with all others of the same worth; what is none stays as it is."""
    try:
        return str(parse_amount(amount).normalize())
    except MoneyRejected:
        return amount


def read_amount(text: str, currency: str, profile: Profile) -> Money | InputRejected | PaymentRejected:
    """The amount that was typed, within the profile's limits (F066, F067)."""
    rules, own = profile.payments, profile.operator.currency
    if currency != own:
        return InputRejected(f"This operator takes {own}", ("amount", "currency"))
    try:
        amount = Money.from_decimal(parse_amount(text), own)
    except MoneyRejected as rejected:
        return InputRejected(f"The amount is not taken: {rejected}", ("amount", "amount"))
    least, greatest = Money.from_decimal(rules.min_amount, own), Money.from_decimal(rules.max_amount, own)
    if amount < least:
        return PaymentRejected(ErrorCode.AMOUNT_TOO_SMALL, f"The least amount is {least}", ("amount", "amount"))
    if amount > greatest:
        return PaymentRejected(ErrorCode.AMOUNT_TOO_LARGE, f"The greatest amount is {greatest}", ("amount", "amount"))
    if rules.whole_units_only and amount.minor % 100:
        message = f"The amount must be whole, such as {amount.minor // 100} {own}"
        return PaymentRejected(ErrorCode.AMOUNT_NOT_WHOLE, message, ("amount", "amount"))
    return amount


def fee(amount: Money, profile: Profile) -> Money:
    """The operator's own fee, rounded half up to the minor unit, on top of the amount (F074)."""
    share = Decimal(amount.minor) * profile.payments.operator_fee_percent / 100
    return Money(int(share.to_integral_value(ROUND_HALF_UP)), amount.currency)


def check_key(key: str) -> InputRejected | None:
    """An idempotency key is the client's own name of one payment."""
    least, most = KEY_LENGTHS
    if least <= len(key) <= most and _KEY.fullmatch(key):
        return None
    return InputRejected(f"A key has {least} to {most} printable characters, such as a UUID", ("idempotencyKey",))


def check_token(token: str) -> InputRejected | None:
    """A token is what a bank's form made of a means of payment: whatever it is, it is a word, and no card's number.

    A card's number is never stored, not even for as long as a payment waits to be confirmed.
    """
    if is_card_number(token):
        return InputRejected("This is a card's number: give the token that the bank's form made of it", ("token",))
    if len(token) <= _LONGEST_TOKEN and _KEY.fullmatch(token):
        return None
    return InputRejected("The token is not one of the bank's", ("token",))


def check_kind(kind: PaymentMethodKind, profile: Profile) -> FeatureDisabled | None:
    """Whether the operator takes this means of payment for top-ups (F076–F078)."""
    if kind in profile.payments.methods and kind not in _NOT_AT_A_BANK:
        return None
    offered = ", ".join(each for each in profile.payments.methods if each not in _NOT_AT_A_BANK)
    return FeatureDisabled(f"payments.{kind.lower()}", f"This operator takes {offered}", ("method",))


def check_payee(payee: Payee, profile: Profile) -> PaymentRejected | None:
    """Whether the account takes payments: not with a cash ban, not when it has ended, but with a debt (F071, F072)."""
    rules = profile.payments
    ended = payee.status in _ENDED or (payee.contract_ended and payee.status is not LineStatus.SUSPENDED_NONPAYMENT)
    if rules.refuse_when_terminated_except_nonpayment and ended:
        return _told(payee, ErrorCode.ACCOUNT_TERMINATED, "The account was closed and takes no payments")
    if rules.refuse_when_cash_banned and payee.cash_banned:
        return _told(payee, ErrorCode.PAYMENTS_BANNED, "Payments to this account are banned; ask the operator why")
    return None


def check_card(card: Card, today: tuple[int, int], profile: Profile) -> PaymentRejected | None:
    """Whether the operator takes this card (F069, F070); `today` is year and month. A reason may be withheld."""
    rules = profile.payments
    if card.expires_year is not None and (card.expires_year, card.expires_month or 12) < today:
        return PaymentRejected(ErrorCode.CARD_NOT_ACCEPTED, "The card has expired", ("token",))
    refused = None
    if card.kind is PaymentMethodKind.CARD and card.scheme not in rules.card_schemes:
        refused = "This operator takes cards of " + ", ".join(rules.card_schemes)
    elif rules.issuer_countries and card.issuer_country not in (None, *rules.issuer_countries):
        refused = "This operator takes cards of banks in " + ", ".join(rules.issuer_countries)
    if refused is None:
        return None
    if rules.hide_restriction_reason:
        return restricted()
    return PaymentRejected(ErrorCode.CARD_NOT_ACCEPTED, refused, ("token",))


def this_month(profile: Profile) -> tuple[int, int]:
    """Year and month where the operator is."""
    today = datetime.now(profile.operator.zone)
    return today.year, today.month


def check_interval(last_at: datetime | None, now: datetime, profile: Profile) -> CardTooFrequent | None:
    """Whether the pause between two payments from one card is over, whoever paid and for whom (F068, E45)."""
    if last_at is None:
        return None
    next_at = last_at + timedelta(seconds=profile.payments.card_interval_seconds)
    return CardTooFrequent(next_at) if now < next_at else None


def restricted() -> PaymentRejected:
    """A refusal whose reason is not told."""
    return PaymentRejected(ErrorCode.PAYMENT_RESTRICTED, "This payment cannot be taken")


def _told(payee: Payee, code: ErrorCode, message: str) -> PaymentRejected:
    """The reason, for who sees the account; a stranger learns nothing of it (E44)."""
    return PaymentRejected(code, message, ("target",)) if payee.is_seen else restricted()
