"""Refunds (E43): asked for by who paid, decided by the operator, made by the bank. Pure rules."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.money import Money
from domain.payment import PaymentMethodKind, PaymentStatus
from domain.refusals import ErrorCode

REASON_LENGTHS = (3, 500)
"""How short and how long a reason may be, in characters."""

WITHOUT_BANK = frozenset({PaymentMethodKind.MOBILE_BALANCE, PaymentMethodKind.VOUCHER, PaymentMethodKind.BONUS})
"""What no bank can give back, since no bank had it."""


class RefundStatus(StrEnum):
    """How far a refund has come."""

    REQUESTED = "REQUESTED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    DECLINED = "DECLINED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class RefundRejected:
    """A refund that cannot be asked for, or not approved; no money moved."""

    message: str
    field: tuple[str, ...] | None = ("paymentId",)
    code: ClassVar[ErrorCode] = ErrorCode.CONFLICT


@dataclass(frozen=True, slots=True)
class Share:
    """What one refund gives back: `amount` leaves the account, `fee` the operator; the bank returns both."""

    amount: Money
    fee: Money

    @property
    def total(self) -> Money:
        """What the payer gets."""
        return self.amount + self.fee


def share(wanted: Money | None, amount: Money, fee: Money, refunded: Money) -> Share | None:
    """What is given back of a payment; None where so much of it is not left. All that is left if nothing is wanted.

    `refunded` is what the payer has got of `amount` and `fee` before. The fee goes back with the last of the amount:
    who keeps a part of a payment has had the service of paying.
    """
    nothing = Money(0, amount.currency)
    left = amount - refunded
    if left <= nothing:
        return None
    given = left if wanted is None else wanted
    if not nothing < given <= left:
        return None
    return Share(given, fee if given == left else nothing)


def check_refundable(kind: PaymentMethodKind, status: PaymentStatus) -> RefundRejected | None:
    """Whether a payment can be given back at all."""
    if kind in WITHOUT_BANK:
        return RefundRejected("Only what was paid through a bank is given back")
    if status is PaymentStatus.REFUNDED:
        return RefundRejected("The payment was given back already")
    if status is not PaymentStatus.COMPLETED:
        return RefundRejected("The payment was not made, so there is nothing to give back")
    return None
