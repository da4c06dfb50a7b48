"""The bank that pays in development, in tests and in benchmarks. It knows of no network: see server/bank_app.py.

Nothing here waits, so that whatever else the process does, each call is done whole before the next begins.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from domain.money import Money
from domain.payment import DeclineReason
from gateways.simulators.bank.cards import TEST_CARDS, has_expired, with_fingerprint
from gateways.simulators.bank.journal import Journal
from gateways.simulators.bank.records import (
    BankRefund,
    Behaviour,
    Card,
    Event,
    Line,
    Order,
    Payment,
    RefundOrder,
    State,
)
from gateways.simulators.bank.wire import payment_body, refund_body

_PERFECT = Behaviour()
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 60.0
_MOST_TRIES = 200


class KeyReused(Exception):
    """A key that stands for another payment or refund already."""


class WrongState(Exception):
    """What was asked of a payment cannot be done to one that stands as it does; the text says how it stands."""


class Bank:
    """All that a bank knows. With a journal it knows the same again after its process was killed.

    `address` is where its pages are, such as 'http://127.0.0.1:8001'.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        address: str = "https://bank.invalid",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.everybody = _PERFECT
        self.webhooks_held = False
        self._journal = journal
        self._address = address
        self._now = now
        self._tokens = dict(TEST_CARDS)
        self._saved: dict[str, Card] = {}
        self._payments: dict[str, Payment] = {}
        self._keys: dict[str, str] = {}
        self._refunds: dict[str, BankRefund] = {}
        self._unsettled: dict[str, float] = {}
        self._events: dict[str, Event] = {}
        for line in journal.replay() if journal is not None else ():
            self._apply(line)

    # Means of payment

    def make_token(self, card: Card) -> str:
        """A token of a means of payment that a test describes."""
        token = f"tok_{secrets.token_urlsafe(12)}"
        self._keep(Line(self._now(), tokens={token: with_fingerprint(card)}))
        return token

    def card(self, token: str | None, saved: str | None) -> Card | None:
        """What a token or a saved reference stands for."""
        if token is not None:
            return self._tokens.get(token)
        return None if saved is None else self._saved.get(saved)

    def save(self, key: str, token: str) -> tuple[str, Card] | None:
        """Keep a means of payment; its reference follows from the key, so that a repetition gives the same."""
        card, reference = self._tokens.get(token), f"pm_{key}"
        if card is None or has_expired(card, self._now()):
            return None
        if self._saved.get(reference, card) != card:
            raise KeyReused(f"{key} has saved another means of payment")
        self._keep(Line(self._now(), saved={reference: card}))
        return reference, card

    # Payments

    def charge(self, order: Order) -> tuple[Payment, bool]:
        """The payment of this key, and whether it was made just now. Raises KeyReused."""
        if (known := self.payment(order.key)) is not None:
            if known.order != order:
                raise KeyReused(f"{order.key} is another payment")
            return known, False
        card = self.card(order.token, order.saved)
        behaviour = self.behaviour(order)
        payment = Payment(f"bank-{secrets.token_hex(8)}", order, State.PENDING, order.amount, behaviour, card)
        if card is None and (order.token is not None or order.saved is not None):
            payment = _declined(payment, DeclineReason.METHOD_UNUSABLE)
        elif card is not None and has_expired(card, self._now()):
            payment = _declined(payment, DeclineReason.METHOD_EXPIRED)
        elif card is None or order.always_confirm or behaviour.confirm:
            payment = self._sent_to_the_page(payment)
        else:
            payment = self._decided(payment)
        self._keep_payment(payment)
        return payment, True

    def behaviour(self, order: Order) -> Behaviour:
        """How an order is treated: as its means of payment has it, and as everybody is where that has nothing."""
        card = self.card(order.token, order.saved)
        return self.everybody if card is None or card.behaviour == _PERFECT else card.behaviour

    def payment(self, key: str) -> Payment | None:
        """What became of a payment, by the shop's key."""
        self.settle_due()
        return self._payments.get(self._keys.get(key, ""))

    def payment_by_id(self, payment_id: str) -> Payment | None:
        """What became of a payment, by the bank's own id."""
        self.settle_due()
        return self._payments.get(payment_id)

    def url(self, payment: Payment) -> str:
        """The page on which the payer confirms."""
        return f"{self._address}/pay/{payment.id}"

    def confirm(self, payment_id: str, behaviour: Behaviour, token: str | None = None) -> Payment:
        """The payer's word on the page: `behaviour` says which, `token` what they pay with. Raises WrongState."""
        payment = self._in_state(payment_id, State.AWAITING_PAYER)
        card = payment.card or self._tokens.get(token or "") or _given_here(payment.order)
        payment = self._decided(replace(payment, card=card, behaviour=behaviour))
        self._keep_payment(payment)
        return payment

    def capture(self, key: str, amount: Money) -> Payment:
        """Take what was held, or a part of it. Taking it again takes nothing more. Raises WrongState."""
        payment = self.payment(key)
        if payment is not None and payment.state == State.CHARGED and payment.order.hold:
            return payment
        payment = self._in_state(self._keys.get(key, ""), State.HELD)
        if amount.minor <= 0 or payment.amount < amount:
            raise WrongState(f"no more than {payment.amount} is held")
        payment = replace(payment, state=State.CHARGED, amount=amount)
        self._keep_payment(payment)
        return payment

    def cancel(self, key: str) -> Payment:
        """Give up a payment that is not made yet; one that is made, or was declined, stays so. Raises WrongState."""
        payment = self.payment(key)
        if payment is None:
            raise WrongState("there is no such payment")
        if payment.state in (State.HELD, State.AWAITING_PAYER):
            payment = _declined(payment, DeclineReason.CANCELLED)
            self._keep_payment(payment)
        return payment

    def refund(self, order: RefundOrder) -> BankRefund:
        """The refund of this key; all refunds together give back no more than was paid. Raises KeyReused."""
        self.settle_due()
        if (known := self._refunds.get(order.key)) is not None:
            if known.order != order:
                raise KeyReused(f"{order.key} is another refund")
            return known
        refund = BankRefund(f"bank-{secrets.token_hex(8)}", order, State.PENDING)
        payment = self._payments.get(self._keys.get(order.payment, ""))
        if payment is None or not _can_give_back(payment, order.amount):
            refund = replace(refund, state=State.DECLINED, reason=DeclineReason.OTHER)
            self._keep_refund(refund)
            return refund
        # Set aside at once, so that two refunds under way never give back more than there is.
        payment = replace(payment, refunded=payment.refunded + order.amount.minor)
        if self.everybody.settle_after:
            refund = replace(refund, settles_at=self._now() + self.everybody.settle_after)
        else:
            refund = replace(refund, state=State.DONE)
        self._keep_refund(refund, payment)
        return refund

    def settle_due(self) -> None:
        """Make an end of what was to be pending until now."""
        now = self._now()
        for name in [name for name, at in self._unsettled.items() if at <= now]:
            if (payment := self._payments.get(name)) is not None:
                self._keep_payment(self._made(payment))
            else:
                self._keep_refund(replace(self._refunds[name], state=State.DONE, settles_at=None))

    # What is told

    def control(self, everybody: Behaviour) -> None:
        """How payments are treated from now on, where their means of payment has nothing of its own."""
        self._keep(Line(self._now(), everybody=everybody))

    def due_events(self) -> list[Event]:
        """What is to be told now, oldest first."""
        self.settle_due()
        if self.webhooks_held:
            return []
        now = self._now()
        return [event for event in self._events.values() if event.due_at <= now]

    def untold(self) -> list[Event]:
        """Everything that is still to be told, in the order of what happened."""
        return list(self._events.values())

    def told(self, event: Event) -> None:
        """One copy arrived."""
        if event.copies > 1:
            self._keep(Line(self._now(), events=[replace(event, copies=event.copies - 1)]))
        else:
            self._keep(Line(self._now(), told=[event.id]))

    def not_told(self, event: Event) -> None:
        """Nobody took it: it is told again after a while, and in the end no more."""
        if event.tries >= _MOST_TRIES:
            self._keep(Line(self._now(), told=[event.id]))
            return
        pause = min(_FIRST_PAUSE_SECONDS * 2**event.tries, _LONGEST_PAUSE_SECONDS)
        self._keep(Line(self._now(), events=[replace(event, tries=event.tries + 1, due_at=self._now() + pause)]))

    # How it is done

    def _sent_to_the_page(self, payment: Payment) -> Payment:
        if payment.order.return_url is None:
            return _declined(payment, DeclineReason.NOT_CONFIRMED)
        return replace(payment, state=State.AWAITING_PAYER)

    def _decided(self, payment: Payment) -> Payment:
        if payment.behaviour.decline is not None:
            return _declined(payment, payment.behaviour.decline)
        if payment.behaviour.settle_after:
            return replace(payment, state=State.PENDING, settles_at=self._now() + payment.behaviour.settle_after)
        return self._made(payment)

    def _made(self, payment: Payment) -> Payment:
        state = State.HELD if payment.order.hold else State.CHARGED
        saved = f"pm_{payment.order.key}" if payment.order.save_method and payment.card is not None else None
        return replace(payment, state=state, saved=saved, settles_at=None)

    def _in_state(self, payment_id: str, state: State) -> Payment:
        payment = self.payment_by_id(payment_id)
        if payment is None:
            raise WrongState("there is no such payment")
        if payment.state != state:
            raise WrongState(f"the payment is {payment.state}")
        return payment

    def _keep_payment(self, payment: Payment) -> None:
        saved = {payment.saved: payment.card} if payment.saved is not None and payment.card is not None else {}
        told = self._told_of(payment_body(payment, self.url(payment)), payment.behaviour)
        self._keep(Line(self._now(), payments=[payment], saved=saved, events=told))

    def _keep_refund(self, refund: BankRefund, payment: Payment | None = None) -> None:
        told = self._told_of(refund_body(refund), self.everybody)
        payments = [payment] if payment is not None else []
        self._keep(Line(self._now(), payments=payments, refunds=[refund], events=told))

    def _told_of(self, body: dict[str, Any], behaviour: Behaviour) -> list[Event]:
        if not behaviour.copies:
            return []
        name = f"evt_{secrets.token_hex(12)}"
        told = orjson.dumps({"event": name, **body}).decode()
        return [Event(name, told, self._now() + behaviour.notify_after, behaviour.copies)]

    def _keep(self, line: Line) -> None:
        # The journal first: what cannot be kept is not done.
        if self._journal is not None:
            self._journal.append(line)
        self._apply(line)

    def _apply(self, line: Line) -> None:
        self._tokens |= line.tokens
        self._saved |= line.saved
        self.everybody = line.everybody or self.everybody
        for payment in line.payments:
            self._payments[payment.id] = payment
            self._keys[payment.order.key] = payment.id
            self._note_settling(payment.id, payment.settles_at)
        for refund in line.refunds:
            self._refunds[refund.order.key] = refund
            self._note_settling(refund.order.key, refund.settles_at)
        for event in line.events:
            self._events[event.id] = event
        for name in line.told:
            self._events.pop(name, None)

    def _note_settling(self, name: str, settles_at: float | None) -> None:
        if settles_at is None:
            self._unsettled.pop(name, None)
        else:
            self._unsettled[name] = settles_at


def _declined(payment: Payment, reason: DeclineReason) -> Payment:
    return replace(payment, state=State.DECLINED, reason=reason, settles_at=None)


def _given_here(order: Order) -> Card:
    """What a payer has on the bank's page where the shop named only the kind, and the page asked no more."""
    return with_fingerprint(Card(title=order.kind, kind=order.kind))


def _can_give_back(payment: Payment, amount: Money) -> bool:
    return (
        payment.state == State.CHARGED
        and payment.amount.currency == amount.currency
        and 0 < amount.minor <= payment.amount.minor - payment.refunded
    )
