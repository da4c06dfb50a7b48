"""Promised (trust) payments (F081): money at once, which the next top-up gives back. Pure rules.

How much somebody is trusted with follows from what they spend (SPEC 3, X25): an offer is made when an ordinary month
costs at least as much.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar

from domain.features import feature
from domain.ledger import Funds
from domain.money import Money
from domain.payment_refusals import PaymentRejected
from domain.profile import Profile
from domain.refusals import ErrorCode, FeatureDisabled

MONTHS = 3
"""How many months of charges are looked at."""


@dataclass(frozen=True, slots=True)
class PromisedOffer:
    """Money that can be had now. `fee` is owed on top of it; all is due in `days` days."""

    amount: Money
    fee: Money
    days: int

    @property
    def id(self) -> str:
        """Names all terms, so that nobody accepts others than they were shown (E49)."""
        return f"{self.amount.minor}-{self.fee.minor}-{self.days}"

    @property
    def owed(self) -> Money:
        """What has to come back."""
        return self.amount + self.fee


@dataclass(frozen=True, slots=True)
class PromisedPaymentUnavailable:
    """There is no promised payment for this account now; nothing was credited."""

    message: str
    field: tuple[str, ...] | None = ("lineId",)
    code: ClassVar[ErrorCode] = ErrorCode.PROMISED_PAYMENT_UNAVAILABLE


def offers(profile: Profile, charged: int) -> tuple[PromisedOffer, ...]:
    """What an account may have that was charged so much, in minor units, in the last `MONTHS` months."""
    rules, currency = profile.payments, profile.operator.currency
    if not rules.promised_payment:
        return ()
    amounts = sorted(Money.from_decimal(amount, currency) for amount in rules.promised_amounts)
    return tuple(
        PromisedOffer(amount, _fee(amount, rules.promised_fee_percent), rules.promised_payment_days)
        for amount in amounts
        if amount.minor * MONTHS <= charged
    )


def unavailable(
    profile: Profile, *, has_ended: bool, is_owed: bool, charged: int
) -> FeatureDisabled | PaymentRejected | PromisedPaymentUnavailable | None:
    """What stands against any promised payment for an account; None where there are offers."""
    flag = feature(profile, "payments.promised_payment")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "")
    if has_ended:
        return PaymentRejected(ErrorCode.ACCOUNT_TERMINATED, "The account was closed", ("lineId",))
    if is_owed:
        return PromisedPaymentUnavailable("The promised payment before is not repaid yet")
    if not offers(profile, charged):
        return PromisedPaymentUnavailable("The account has not been charged enough for one yet")
    return None


def repayment(owed: int, funds: Funds) -> int:
    """How much of a debt the account pays now, in minor units: whatever it can spend, down to its floor."""
    spendable = owed if funds.spendable is None else funds.spendable
    return max(0, min(owed, spendable))


def _fee(amount: Money, percent: Decimal) -> Money:
    """Rounded half up to the minor unit."""
    return Money(int((Decimal(amount.minor) * percent / 100).to_integral_value(ROUND_HALF_UP)), amount.currency)
