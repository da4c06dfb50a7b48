"""Quotes and top-ups, their payer at the bank's page or with a code, the bank's notifications and the recovery loop."""

import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.money import CurrencyCode, Money
from domain.payment import CardScheme, ConfirmationKind, DeclineReason, PaymentMethodKind
from domain.payment_refusals import PaymentNotOpen
from domain.payment_rules import check_payee, read_amount
from domain.payment_rules import fee as fee_of
from domain.refusals import CodeRejected, IdempotencyConflict
from gateways.bank import read_bank_notification
from gateways.simulators.bank.records import Behaviour, Card, Event, State
from models.database import tx
from services import payment, payment_payee, payment_recovery, refund_settlement
from services.autopay import wake
from services.payment import TopUp
from services.payment_row import PaymentRow
from tests.machine.machine import Machine
from tests.machine.model import LATE_SECONDS
from tests.machine.records import Payment, fee
from tests.machine.world import SECRET

_CODE = """
select o.body from outbox o join payment p on o.dedup = 'challenge:' || p.challenge_id where p.id = $1
"""
_CHALLENGE = "select challenge_id from payment where id = $1"
_DUE = "update payment set check_at = now() - interval '1 second' where payer_id = $1 and check_at is not null"
_REFUNDS_DUE = """
update refund set check_at = now() - interval '1 second'
where check_at is not null and payment_id in (select id from payment where payer_id = $1)
"""
_TREATED = [
    Behaviour(),
    Behaviour(),
    Behaviour(lose_answer=True),
    Behaviour(decline=DeclineReason.INSUFFICIENT_FUNDS),
    Behaviour(settle_after=LATE_SECONDS),
    Behaviour(copies=3),
    Behaviour(lose_answer=True, copies=0),
]


class Paying(Machine):
    """What payers, the bank and the recovery loop do about a payment."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: dict[str, TopUp] = {}

    @rule(
        kind=st.sampled_from([ConfirmationKind.NONE, *ConfirmationKind]),
        amount=st.integers(100, 15000),
        account=st.integers(0, 1),
        behaviour=st.sampled_from(_TREATED),
        named_there=st.booleans(),
    )
    def top_up(
        self, kind: ConfirmationKind, amount: int, account: int, behaviour: Behaviour, named_there: bool
    ) -> None:
        profile, minor = self.world.profiles[kind], Money(amount * 100, CurrencyCode.RUB)
        assert read_amount(str(amount), "RUB", profile) == minor
        named_there = named_there and kind is ConfirmationKind.BANK_REDIRECT
        card = Card("Machine", scheme=CardScheme.MIR, behaviour=behaviour)
        wanted = TopUp(
            key=str(uuid4()),
            asked="machine",
            account_id=self.model.accounts[account].id,
            line_id=None,
            named="***",
            is_seen=True,
            amount=minor,
            kind=PaymentMethodKind.CARD,
            token=None if named_there else self.bank.make_token(card),
            return_url="https://lk.example.ru/paid",
        )
        row = self._top_up(kind, wanted)
        assert isinstance(row, PaymentRow)
        begun = Payment(
            row.id,
            wanted.key,
            str(row.provider_key),
            kind,
            Behaviour() if named_there else behaviour,
            self.model.accounts[account],
            minor.minor,
            self.model.now,
            self.model.month,
            holds=named_there,
        )
        self.model.payments[wanted.key], self.wanted[wanted.key] = begun, wanted
        if kind is ConfirmationKind.SMS_CODE:
            begun.ours = "AWAITING_CONFIRMATION"
        else:
            self.model.charge(begun)
        assert row.status == begun.ours

    @rule(amount=st.sampled_from([100, 700, 5000]), account=st.integers(0, 1))
    def pay(self, amount: int, account: int) -> None:
        """As most do it: there is nothing to confirm, and the bank does not mind."""
        self.top_up(ConfirmationKind.NONE, amount, account, Behaviour(), False)

    @rule(kind=st.sampled_from(ConfirmationKind), account=st.integers(0, 1), amount=st.integers(100, 15000))
    def quote(self, kind: ConfirmationKind, account: int, amount: int) -> None:
        profile, account_id = self.world.profiles[kind], self.model.accounts[account].id
        known = self.run(tx(lambda connection: payment_payee.payee(connection, profile, account_id, is_seen=True)))
        assert known is not None
        assert check_payee(known, profile) is None
        assert fee_of(Money(amount, CurrencyCode.RUB), profile).minor == fee(amount)

    @precondition(lambda self: bool(self.wanted))
    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        begun = self._wanted(data)
        row = self._top_up(begun.confirmation, self.wanted[begun.key])
        assert isinstance(row, PaymentRow)
        assert row.id == begun.id
        if begun.ours == "PROCESSING":
            self.model.charge(begun)
        assert row.status == begun.ours

    @precondition(lambda self: bool(self.wanted))
    @rule(data=st.data())
    def submit_otherwise(self, data: st.DataObject) -> None:
        begun = self._wanted(data)
        more = Money(begun.amount + 100, CurrencyCode.RUB)
        other = replace(self.wanted[begun.key], asked="otherwise", amount=more)
        assert self._top_up(begun.confirmation, other) == IdempotencyConflict()

    @precondition(lambda self: bool(self._on_the_page()))
    @rule(
        data=st.data(),
        behaviour=st.sampled_from([Behaviour(), Behaviour(copies=0), Behaviour(settle_after=LATE_SECONDS)]),
    )
    def pay_on_the_page(self, data: st.DataObject, behaviour: Behaviour) -> None:
        self._at_the_page(data, behaviour)

    @precondition(lambda self: bool(self._on_the_page()))
    @rule(data=st.data())
    def decline_on_the_page(self, data: st.DataObject) -> None:
        self._at_the_page(data, Behaviour(decline=DeclineReason.NOT_CONFIRMED))

    @precondition(lambda self: bool(self._by_code()))
    @rule(data=st.data(), right=st.booleans())
    def confirm(self, data: st.DataObject, right: bool) -> None:
        waiting = data.draw(st.sampled_from(self._by_code()))
        # Asks for a code, where there is none that works any more.
        self._top_up(waiting.confirmation, self.wanted[waiting.key])
        [(challenge,)] = self.rows(_CHALLENGE, waiting.id)
        [(body,)] = self.rows(_CODE, waiting.id)
        code: str = (orjson.loads(body) if isinstance(body, str) else body)["code"]
        given = code if right else f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"
        profile = self.world.profiles[waiting.confirmation]
        told = self.run(payment.confirm(self.desk, profile, SECRET, self.viewer, challenge, given))
        is_open = waiting.ours == "AWAITING_CONFIRMATION" and self.model.now < waiting.confirm_by
        if isinstance(told, PaymentRow):
            assert right
            assert is_open
            waiting.ours = "PROCESSING"
            self.model.charge(waiting)
        elif right and is_open:
            # The tries at this code, or its time, may be used up; the money stays where it is.
            assert isinstance(told, CodeRejected)

    @precondition(lambda self: bool(self.model.payments))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        begun = data.draw(st.sampled_from(list(self.model.payments.values())))
        profile = self.world.profiles[begun.confirmation]
        told = self.run(payment.cancel(self.desk, profile, self.viewer, begun.id))
        waits = begun.ours == "AWAITING_CONFIRMATION"
        if waits and begun.confirmation is ConfirmationKind.SMS_CODE:
            begun.ours = "CANCELLED"
        elif waits:
            self.model.give_up_at_the_bank(begun)
            self.model.tell(begun, begun.bank, begun.reason)
        elif begun.ours != "CANCELLED":
            assert isinstance(told, PaymentNotOpen)

    @precondition(lambda self: bool(self.bank.due_events()))
    @rule(data=st.data())
    def webhook(self, data: st.DataObject) -> None:
        """Any of what the bank has to tell, in any order."""
        event = data.draw(st.sampled_from(self.bank.due_events()))
        self._hear(event)
        self.bank.told(event)
        self.heard.append(event)

    @precondition(lambda self: bool(self.heard))
    @rule(data=st.data())
    def webhook_again(self, data: st.DataObject) -> None:
        """Something that was told before, once more."""
        self._hear(data.draw(st.sampled_from(self.heard)))

    @rule()
    def recover(self) -> None:
        """The recovery loop comes round to everything that is not at its end; its news are heard."""
        self.rows(_DUE, self.payer)
        while self.run(payment_recovery.recover(self.desk, self.served())):
            pass
        self.rows(_REFUNDS_DUE, self.payer)
        while self.run(refund_settlement.recover(self.desk, self.served())):
            pass
        self.run(wake(account.id for account in self.model.accounts))
        self.model.recover()

    def _hear(self, event: Event) -> None:
        self.model.settle_at_the_bank()
        now = time.time()
        body, headers = self.teller.posted(event, now)
        notification = read_bank_notification(body, headers, key=self.teller._key, now=now)
        assert self.run(payment_recovery.hear(self.desk, self.served(), notification))
        told = orjson.loads(event.body)
        if told["about"] == "refund":
            [refund] = [each for each in self.model.refunds if each.at_bank == told["key"]]
            self.model.tell_of_refund(refund, State(told["state"]))
        else:
            [begun] = [each for each in self.model.payments.values() if each.at_bank == told["key"]]
            reason = DeclineReason(told["reason"]) if told["reason"] else None
            self.model.tell(begun, State(told["state"]), reason)

    def _top_up(self, kind: ConfirmationKind, wanted: TopUp) -> Any:
        return self.run(payment.top_up(self.desk, self.world.profiles[kind], SECRET, self.viewer, wanted))

    def _wanted(self, data: st.DataObject) -> Payment:
        return data.draw(st.sampled_from([self.model.payments[key] for key in self.wanted]))

    def _by_code(self) -> list[Payment]:
        """Payments by code of which the bank knows nothing."""
        by_code = [each for each in self.model.payments.values() if each.confirmation is ConfirmationKind.SMS_CODE]
        return [each for each in by_code if each.bank is None]

    def _on_the_page(self) -> list[Payment]:
        return [each for each in self.model.payments.values() if each.bank is State.AWAITING_PAYER]

    def _at_the_page(self, data: st.DataObject, behaviour: Behaviour) -> None:
        waiting = data.draw(st.sampled_from(self._on_the_page()))
        there = self.bank.payment(waiting.at_bank)
        assert there is not None
        self.bank.confirm(there.id, behaviour, "tok_mir_2204" if waiting.holds else None)
        self.model.decide(waiting, behaviour)
