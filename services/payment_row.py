"""A payment as services pass it on, and the desk where payments are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.money import CurrencyCode, Money
from domain.payment import ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from domain.refusals import ErrorCode
from gateways.crediting import Crediting
from gateways.payments import PaymentProvider, PaymentRef

COLUMNS = """
id, operator, payer_id, key, asked, kind, status, account_id, line_id, named, currency, amount, fee, refunded,
method_kind, method_id, token, save_method, hold, fingerprint, provider, provider_key, provider_id, confirmation,
challenge_id, redirect_url, return_url, confirm_by, receipt_email, failure, failure_detail, created_at, settled_at,
completed_at, check_at, checks
"""


# The first looks come at the pace of the provider's patience ($2, in seconds); a bank that stays away is asked ever
# less often, up to once a day.
NEXT_CHECK = "now() + make_interval(secs => least($2 * 2 ^ least(greatest(checks - 9, 0), 32), 86400))"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where payments are made: a provider, and how long its own answers are waited for before anybody asks again.

    `crediting` is a billing system beside the ledger: a payment is complete when that has it, too (E47).
    """

    provider: PaymentProvider
    patience_seconds: float = 30.0
    crediting: Crediting | None = None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment as it is stored; amounts in minor units of `currency`."""

    id: int
    operator: str
    payer_id: int
    key: str
    asked: str
    kind: PaymentKind
    status: PaymentStatus
    account_id: int
    line_id: int | None
    named: str
    currency: CurrencyCode
    amount: int
    fee: int
    refunded: int
    method_kind: PaymentMethodKind
    method_id: int | None
    token: str | None = field(repr=False)
    save_method: bool
    hold: bool
    fingerprint: str | None = field(repr=False)
    provider: str
    provider_key: UUID
    provider_id: str | None
    confirmation: ConfirmationKind
    challenge_id: UUID | None
    redirect_url: str | None = field(repr=False)
    return_url: str | None = field(repr=False)
    confirm_by: datetime | None
    receipt_email: str | None = field(repr=False)
    failure: ErrorCode | None
    failure_detail: str | None
    created_at: datetime
    settled_at: datetime | None
    completed_at: datetime | None
    check_at: datetime | None
    checks: int

    @property
    def total(self) -> Money:
        """What the payer pays: the amount and the fee."""
        return Money(self.amount + self.fee, self.currency)

    @property
    def awaits_code(self) -> bool:
        """Whether the payer is to give a code, and the bank knows nothing yet; with a page the bank waits for them."""
        return self.status is PaymentStatus.AWAITING_CONFIRMATION and self.redirect_url is None

    @property
    def ref(self) -> PaymentRef:
        """The payment as the provider knows it."""
        return PaymentRef(str(self.provider_key), self.created_at, self.provider_id)


def row_of(columns: Mapping[str, Any]) -> PaymentRow:
    """A row of `COLUMNS`."""
    told = dict(columns)
    for name, kind in _ENUMS.items():
        if told[name] is not None:
            told[name] = kind(told[name])
    return PaymentRow(**told)


_ENUMS: dict[str, type[Any]] = {
    "kind": PaymentKind,
    "status": PaymentStatus,
    "currency": CurrencyCode,
    "method_kind": PaymentMethodKind,
    "confirmation": ConfirmationKind,
    "failure": ErrorCode,
}
