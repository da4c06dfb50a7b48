"""The same bank without a network: for benchmarks, and for tests that step through what a bank can do."""

import asyncio
from collections.abc import Mapping

from domain.money import Money
from domain.payment import DeclineReason, PaymentMethodKind
from gateways.bank import NAME, read_bank_notification
from gateways.payments import (
    AwaitingPayer,
    Charge,
    Charged,
    ChosenThere,
    Declined,
    Held,
    KnownOutcome,
    Method,
    MethodDetails,
    MethodSaved,
    NewMethod,
    Notification,
    NotKnown,
    PaymentOutcome,
    PaymentRef,
    Pending,
    ProviderMisconfigured,
    ProviderUnavailable,
    Refund,
    RefundDeclined,
    Refunded,
    RefundOutcome,
    RefundPending,
    Saved,
    Token,
)
from gateways.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from gateways.simulators.bank.bank import Bank, KeyReused, WrongState
from gateways.simulators.bank.records import BankRefund, Event, Order, Payment, RefundOrder, State


class InProcessBank:
    """A PaymentProvider that asks a Bank in this process; what goes wrong on the way goes wrong here too."""

    name = NAME

    def __init__(self, bank: Bank, key: str = "the key of a bank in this process") -> None:
        self.bank = bank
        self._key = key

    async def charge(self, charge: Charge) -> KnownOutcome:
        order = order_of(charge)
        behaviour = self.bank.behaviour(order)
        if behaviour.fail and self.bank.payment(order.key) is None:
            raise ProviderUnavailable("the bank answers 503")
        try:
            payment, new = self.bank.charge(order)
        except KeyReused as error:
            raise ProviderMisconfigured(str(error)) from error
        if new and behaviour.answer_after:
            await asyncio.sleep(behaviour.answer_after)
        if new and behaviour.lose_answer:
            raise ProviderUnavailable("the bank's answer was lost")
        return self._outcome(payment)

    async def query(self, payment: PaymentRef) -> PaymentOutcome:
        known = self.bank.payment(payment.key)
        return NotKnown() if known is None else self._outcome(known)

    async def capture(self, payment: PaymentRef, amount: Money) -> PaymentOutcome:
        if self.bank.payment(payment.key) is None:
            return NotKnown()
        try:
            return self._outcome(self.bank.capture(payment.key, amount))
        except WrongState as error:
            raise ProviderMisconfigured(str(error)) from error

    async def cancel(self, payment: PaymentRef) -> PaymentOutcome:
        if self.bank.payment(payment.key) is None:
            return NotKnown()
        return self._outcome(self.bank.cancel(payment.key))

    async def refund(self, refund: Refund) -> RefundOutcome:
        try:
            return _refund_outcome(self.bank.refund(RefundOrder(refund.key, refund.payment.key, refund.amount)))
        except KeyReused as error:
            raise ProviderMisconfigured(str(error)) from error

    async def method_details(self, method: Token | Saved) -> MethodDetails | None:
        token, saved, _ = _named(method)
        card = self.bank.card(token, saved)
        return card.details if card is not None else None

    async def save_method(self, method: NewMethod) -> MethodSaved | AwaitingPayer | Declined:
        kept = self.bank.save(method.key, method.token or "")
        if kept is None:
            return Declined(DeclineReason.METHOD_UNUSABLE)
        reference, card = kept
        return MethodSaved(reference, card.details)

    async def read_notification(
        self, body: bytes, headers: Mapping[str, str], *, peer: str, now: float
    ) -> Notification | None:
        return read_bank_notification(body, headers, key=self._key, now=now)

    def posted(self, event: Event, now: float) -> tuple[bytes, dict[str, str]]:
        """The body and the headers with which the bank tells of an event, as `read_notification` takes them."""
        return signed(event, self._key, now)

    def _outcome(self, payment: Payment) -> KnownOutcome:
        method = payment.card.details if payment.card is not None else None
        match payment.state:
            case State.CHARGED:
                return Charged(payment.id, payment.amount, method, payment.saved)
            case State.HELD:
                return Held(payment.id, payment.amount, method, payment.saved)
            case State.AWAITING_PAYER:
                return AwaitingPayer(payment.id, self.bank.url(payment))
            case State.DECLINED:
                return Declined(payment.reason or DeclineReason.OTHER, payment.id)
            case _:
                return Pending(payment.id)


def order_of(charge: Charge) -> Order:
    """What the bank is asked for a charge."""
    token, saved, kind = _named(charge.method)
    return Order(
        key=charge.key,
        amount=charge.amount,
        description=charge.description,
        token=token,
        saved=saved,
        kind=kind,
        return_url=charge.return_url,
        always_confirm=charge.always_confirm,
        hold=charge.hold,
        save_method=charge.save_method,
    )


def signed(event: Event, key: str, now: float) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a notification that is sent now."""
    body, timestamp = event.body.encode(), int(now)
    return body, {TIMESTAMP_HEADER: str(timestamp), SIGNATURE_HEADER: sign(body, timestamp, key)}


def _named(method: Method) -> tuple[str | None, str | None, PaymentMethodKind]:
    match method:
        case Token(value):
            return value, None, PaymentMethodKind.CARD
        case Saved(reference):
            return None, reference, PaymentMethodKind.CARD
        case ChosenThere(kind):
            return None, None, kind


def _refund_outcome(refund: BankRefund) -> RefundOutcome:
    match refund.state:
        case State.DONE:
            return Refunded(refund.id, refund.order.amount)
        case State.DECLINED:
            return RefundDeclined(refund.reason or DeclineReason.OTHER, refund.id)
        case _:
            return RefundPending(refund.id)
