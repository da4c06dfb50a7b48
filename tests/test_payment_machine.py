"""Payments step by step, at random, against a plain model of what should become of them (I17).

`make prove` takes 10,000 steps, `make test` some hundreds. Whatever the bank says, twice, late or backwards, our record
of a payment and the money in the account are those of the model.
"""

import asyncio
import os
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar, cast
from uuid import uuid4

import orjson
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import AccessLevel
from domain.channel import Channel
from domain.language import Language
from domain.money import CurrencyCode, Money
from domain.payment import CardScheme, ConfirmationKind, DeclineReason, PaymentMethodKind
from domain.payment_refusals import IdempotencyConflict, PaymentNotOpen
from domain.payment_rules import check_payee, fee, read_amount
from domain.profile import Profile
from domain.refusals import CodeRejected
from gateways.bank import read_bank_notification
from gateways.payments import PaymentOutcome, PaymentRef
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.records import Behaviour, Card, State
from models.database import database, tx
from services import payment, payment_payee, payment_recovery
from services.ledger_verify import LedgerProven, verify
from services.payment import TopUp
from services.payment_row import Desk, PaymentRow

T = TypeVar("T")

_STEPS = 25
_PROVE = bool(os.environ.get("HEARTH_PROVE"))
_EXAMPLES = 400 if _PROVE else 10
_CARD = PaymentMethodKind.CARD
_SECRET = b"a secret of the machine, which is long enough"
_OPEN = ("PROCESSING", "AWAITING_CONFIRMATION")
_WAIT_SECONDS = 900  # for a payer, before a payment is given up
_LATE_SECONDS = 50

_PERSON = """
with p as (insert into person (operator, ref, name) values ('beeline', 'machine:' || $1::text, 'One') returning id),
u as (
  insert into app_user (operator, person_id, display_name, language, must_change_password, created_at)
  select 'beeline', id, 'One', 'ru', false, now() from p returning id),
g as (insert into login (operator, user_id, kind, value) select 'beeline', id, 'MSISDN', $2 from u),
c as (
  insert into contract (operator, number, holder_id, kind, status, epoch)
  select 'beeline', 'machine-' || $1::text, id, 'CONSUMER', 'ACTIVE', 1 from p returning id),
a as (
  insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned)
  select 'beeline', 'machine-' || $1::text || n, 'MOBILE', c.id, 'ACTIVE', false from c, generate_series(1, 2) n
  returning id)
select u.id, array(select id from a order by id) from u
"""
_LATER = """
update payment set created_at = created_at - make_interval(secs => $2),
  confirm_by = confirm_by - make_interval(secs => $2), check_at = check_at - make_interval(secs => $2)
where payer_id = $1
"""
_DUE = "update payment set check_at = now() - interval '1 second' where payer_id = $1 and check_at is not null"
_CODE = """
select o.body from outbox o join payment p on o.dedup = 'challenge:' || p.challenge_id where p.id = $1
"""
_STATUSES = "select key, status from payment where payer_id = $1"
_BALANCES = "select account_id, balance from ledger_account where kind = 'PERSONAL' and account_id = any($1::bigint[])"
_names = count(1)


@dataclass
class Model:
    """A payment as it should be: how far it is with us and at the bank, which does as `behaviour` says."""

    id: int
    key: str
    confirmation: ConfirmationKind
    behaviour: Behaviour
    account: int
    amount: int
    fee: int
    wanted: TopUp
    begun_at: float
    ours: str = "PROCESSING"
    bank: State | None = None
    reason: DeclineReason | None = None
    settles_at: float = 0.0
    holds: bool = False
    has_url: bool = False
    confirm_by: float = 0.0

    def __post_init__(self) -> None:
        self.confirm_by = self.begun_at + _WAIT_SECONDS


class World:
    """The database and the event loop that all examples share."""

    def __init__(self, url: str, profile: Profile) -> None:
        self.url = url
        self.runner = asyncio.Runner()
        self.profiles = {kind: _confirmed_by(profile, kind) for kind in ConfirmationKind}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


def _confirmed_by(profile: Profile, kind: ConfirmationKind) -> Profile:
    otp = profile.auth.otp.model_copy(
        update={"max_sms_per_number_per_hour": 100, "max_guesses_per_number_per_day": 1000}
    )
    rules = profile.payments.model_copy(update={"confirmation": kind, "operator_fee_percent": 1})
    return profile.model_copy(update={"auth": profile.auth.model_copy(update={"otp": otp}), "payments": rules})


class PaymentMachine(RuleBasedStateMachine):
    """One payer, two accounts and a bank; `world` is set by the test."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.bank = Bank(now=lambda: time.time() + self.passed)
        self.provider = InProcessBank(self.bank)
        self.desk = Desk(self.provider, patience_seconds=30.0)
        self.is_out = False
        number = next(_names)
        [(self.payer, self.accounts)] = self._fetch(_PERSON, str(number), f"7903{number:07}")
        self.viewer = _viewer(self.payer)
        self.balances = dict.fromkeys(self.accounts, 0)
        self.payments: dict[str, Model] = {}
        self.heard: list[Any] = []

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.world.run(work)

    # What the model does

    def _tell(self, model: Model, said: State | None, reason: DeclineReason | None) -> None:
        """What the bank said of a payment becomes true, once."""
        if said is State.HELD:
            if model.ours in _OPEN or model.ours == "COMPLETED":
                if model.bank is State.HELD:
                    model.bank = State.CHARGED
            elif model.bank is State.HELD:
                model.bank, model.reason = State.DECLINED, DeclineReason.CANCELLED
            said, reason = model.bank, model.reason
        if said is State.CHARGED and model.ours != "COMPLETED":
            model.ours = "COMPLETED"
            self.balances[model.account] += model.amount
        elif said is State.DECLINED and model.ours in _OPEN:
            # A payer who says no on the bank's page is one that the bank declined; one who never says is late.
            late = reason is DeclineReason.NOT_CONFIRMED and self.passed >= model.confirm_by
            given_up = reason is DeclineReason.CANCELLED
            model.ours = "CANCELLED" if given_up else "EXPIRED" if late else "DECLINED"
        elif said is State.AWAITING_PAYER and model.ours in _OPEN and not model.has_url:
            model.ours, model.has_url, model.confirm_by = "AWAITING_CONFIRMATION", True, self.passed + _WAIT_SECONDS
        elif said is State.PENDING and model.ours in _OPEN:
            model.ours = "PROCESSING"

    def _charge(self, model: Model) -> None:
        """We ask the bank to make it."""
        if model.bank is not None:
            self._look(model)
            return
        if self.is_out and model.behaviour == Behaviour():
            return
        if model.confirmation is ConfirmationKind.BANK_REDIRECT:
            model.bank = State.AWAITING_PAYER
        else:
            self._decide(model, model.behaviour)
        if not model.behaviour.lose_answer:
            self._tell(model, model.bank, model.reason)

    def _decide(self, model: Model, behaviour: Behaviour) -> None:
        if behaviour.decline is not None:
            model.bank, model.reason = State.DECLINED, behaviour.decline
        elif behaviour.settle_after:
            model.bank, model.settles_at = State.PENDING, self.passed + behaviour.settle_after
        else:
            model.bank = State.HELD if model.holds else State.CHARGED

    def _look(self, model: Model) -> None:
        """We ask the bank what became of it."""
        self._settle_at_the_bank()
        self._tell(model, model.bank, model.reason)

    def _settle_at_the_bank(self) -> None:
        for model in self.payments.values():
            if model.bank is State.PENDING and model.settles_at <= self.passed - 1:
                model.bank = State.HELD if model.holds else State.CHARGED

    # What happens

    @rule(
        kind=st.sampled_from(ConfirmationKind),
        amount=st.integers(100, 15000),
        account=st.integers(0, 1),
        behaviour=st.sampled_from(
            [
                Behaviour(),
                Behaviour(),
                Behaviour(lose_answer=True),
                Behaviour(decline=DeclineReason.INSUFFICIENT_FUNDS),
                Behaviour(settle_after=_LATE_SECONDS),
                Behaviour(copies=3),
                Behaviour(lose_answer=True, copies=0),
            ]
        ),
        named_there=st.booleans(),
    )
    def top_up(
        self, kind: ConfirmationKind, amount: int, account: int, behaviour: Behaviour, named_there: bool
    ) -> None:
        profile, minor = self.world.profiles[kind], Money(amount * 100, CurrencyCode.RUB)
        assert read_amount(str(amount), "RUB", profile) == minor
        named_there = named_there and kind is ConfirmationKind.BANK_REDIRECT
        token = (
            None if named_there else self.bank.make_token(Card("Machine", scheme=CardScheme.MIR, behaviour=behaviour))
        )
        wanted = TopUp(
            key=str(uuid4()),
            asked="machine",
            account_id=self.accounts[account],
            line_id=None,
            named="***",
            is_seen=True,
            amount=minor,
            kind=PaymentMethodKind.CARD,
            token=token,
            return_url="https://lk.example.ru/paid",
        )
        row = self._top_up(kind, wanted)
        assert isinstance(row, PaymentRow)
        model = Model(
            row.id,
            wanted.key,
            kind,
            Behaviour() if named_there else behaviour,
            wanted.account_id,
            minor.minor,
            fee(minor, profile).minor,
            wanted,
            self.passed,
            holds=named_there,
        )
        self.payments[wanted.key] = model
        if kind is ConfirmationKind.SMS_CODE:
            model.ours = "AWAITING_CONFIRMATION"
        else:
            self._charge(model)
        assert row.status == model.ours

    @rule(kind=st.sampled_from(ConfirmationKind), account=st.integers(0, 1))
    def quote(self, kind: ConfirmationKind, account: int) -> None:
        profile = self.world.profiles[kind]
        known = self._run(
            tx(lambda connection: payment_payee.payee(connection, profile, self.accounts[account], is_seen=True))
        )
        assert known is not None
        assert check_payee(known, profile) is None

    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        if (model := self._some(data)) is None:
            return
        row = self._top_up(model.confirmation, model.wanted)
        assert isinstance(row, PaymentRow)
        assert row.id == model.id
        if model.ours == "PROCESSING":
            self._charge(model)
        assert row.status == model.ours

    @rule(data=st.data())
    def submit_otherwise(self, data: st.DataObject) -> None:
        if (model := self._some(data)) is not None:
            other = replace(model.wanted, asked="otherwise", amount=Money(model.amount + 100, CurrencyCode.RUB))
            assert self._top_up(model.confirmation, other) == IdempotencyConflict()

    @rule(data=st.data(), behaviour=st.sampled_from([Behaviour(), Behaviour(copies=0), Behaviour(settle_after=50.0)]))
    def pay_on_the_page(self, data: st.DataObject, behaviour: Behaviour) -> None:
        self._at_the_page(data, behaviour)

    @rule(data=st.data())
    def decline_on_the_page(self, data: st.DataObject) -> None:
        self._at_the_page(data, Behaviour(decline=DeclineReason.NOT_CONFIRMED))

    @rule(data=st.data(), right=st.booleans())
    def confirm(self, data: st.DataObject, right: bool) -> None:
        waiting = [
            each
            for each in self.payments.values()
            if each.confirmation is ConfirmationKind.SMS_CODE and each.bank is None
        ]
        if not waiting:
            return
        model = data.draw(st.sampled_from(waiting))
        self._top_up(model.confirmation, model.wanted)  # asks for a code, where there is none that works any more
        [(challenge,)] = self._fetch("select challenge_id from payment where id = $1", model.id)
        [(body,)] = self._fetch(_CODE, model.id)
        code: str = (orjson.loads(body) if isinstance(body, str) else body)["code"]
        given = code if right else f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"
        profile = self.world.profiles[model.confirmation]
        told = self._run(payment.confirm(self.desk, profile, _SECRET, self.viewer, challenge, given))
        is_open = model.ours == "AWAITING_CONFIRMATION" and self.passed < model.confirm_by
        if isinstance(told, PaymentRow):
            assert right
            assert is_open
            model.ours = "PROCESSING"
            self._charge(model)
        elif right and is_open:
            # The tries at this code, or its time, may be used up; the money stays where it is.
            assert isinstance(told, CodeRejected)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if (model := self._some(data)) is None:
            return
        profile = self.world.profiles[model.confirmation]
        told = self._run(payment.cancel(self.desk, profile, self.viewer, model.id))
        waits = model.ours == "AWAITING_CONFIRMATION"
        if waits and model.confirmation is ConfirmationKind.SMS_CODE:
            model.ours = "CANCELLED"
        elif waits:
            self._give_up_at_the_bank(model)
            self._tell(model, model.bank, model.reason)
        elif model.ours != "CANCELLED":
            assert isinstance(told, PaymentNotOpen)

    @rule(data=st.data(), again=st.booleans())
    def webhook(self, data: st.DataObject, again: bool) -> None:
        """Any of what the bank has to tell, in any order, or something that was told before once more."""
        self._settle_at_the_bank()
        events = self.heard if again else self.bank.due_events()
        if not events:
            return
        event = data.draw(st.sampled_from(events))
        now = time.time()
        body, headers = self.provider.posted(event, now)
        notification = read_bank_notification(body, headers, key=self.provider._key, now=now)
        assert self._run(payment_recovery.hear(self.desk, self._served(), notification))
        told = orjson.loads(event.body)
        if not again:
            self.bank.told(event)
            self.heard.append(event)
        [model] = [each for each in self.payments.values() if self.bank.payment(told["key"]) is self._at_bank(each)]
        reason = DeclineReason(told["reason"]) if told["reason"] else None
        self._tell(model, State(told["state"]), reason)

    @rule()
    def recover(self) -> None:
        """The recovery loop comes round to everything that is not at its end."""
        self._fetch(_DUE, self.payer)
        while self._run(payment_recovery.recover(self.desk, self._served())):
            pass
        self._settle_at_the_bank()
        for model in self.payments.values():
            overdue = self.passed >= model.confirm_by
            if model.ours == "PROCESSING":
                self._charge(model)
            elif model.ours == "AWAITING_CONFIRMATION" and model.confirmation is ConfirmationKind.SMS_CODE:
                model.ours = "EXPIRED" if overdue else model.ours
            elif model.ours == "AWAITING_CONFIRMATION":
                if overdue:
                    self._give_up_at_the_bank(model)
                reason = model.reason
                if overdue and reason is DeclineReason.CANCELLED:
                    reason = DeclineReason.NOT_CONFIRMED
                self._tell(model, model.bank, reason)

    @rule(seconds=st.sampled_from([5.0, 60.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.passed += seconds
        self._fetch(_LATER, self.payer, seconds)

    @rule(is_out=st.booleans())
    def bank_goes_out(self, is_out: bool) -> None:
        self.is_out = is_out
        self.bank.control(Behaviour(fail=is_out))

    # What always holds

    @invariant()
    def nothing_diverges(self) -> None:
        if not hasattr(self, "heard"):
            return
        self._settle_at_the_bank()
        assert dict(self._fetch(_STATUSES, self.payer)) == {key: each.ours for key, each in self.payments.items()}
        found = dict(self._fetch(_BALANCES, self.accounts))
        assert {account: found.get(account, 0) for account in self.accounts} == self.balances
        for each in self.payments.values():
            at_bank = self._at_bank(each)
            assert (at_bank.state if at_bank else None) == each.bank, each
            if each.ours == "COMPLETED":
                assert at_bank is not None
                assert at_bank.amount.minor == each.amount + each.fee

    # How

    def _top_up(self, kind: ConfirmationKind, wanted: TopUp) -> Any:
        profile = self.world.profiles[kind]
        return self._run(payment.top_up(self.desk, profile, _SECRET, self.viewer, wanted))

    def _some(self, data: st.DataObject) -> Model | None:
        return data.draw(st.sampled_from(list(self.payments.values()))) if self.payments else None

    def _at_the_page(self, data: st.DataObject, behaviour: Behaviour) -> None:
        waiting = [each for each in self.payments.values() if each.bank is State.AWAITING_PAYER]
        if waiting:
            model = data.draw(st.sampled_from(waiting))
            at_bank = self._at_bank(model)
            assert at_bank is not None
            self.bank.confirm(at_bank.id, behaviour, "tok_mir_2204" if model.holds else None)
            self._decide(model, behaviour)

    def _give_up_at_the_bank(self, model: Model) -> None:
        self._settle_at_the_bank()
        if model.bank in (State.AWAITING_PAYER, State.HELD):
            model.bank, model.reason = State.DECLINED, DeclineReason.CANCELLED

    def _at_bank(self, model: Model) -> Any:
        [(key,)] = self._fetch("select provider_key from payment where id = $1", model.id)
        return self.bank.payment(str(key))

    def _served(self) -> dict[str, Profile]:
        return {"beeline": self.world.profiles[ConfirmationKind.NONE]}

    def _fetch(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        async def rows(connection: BaseDBAsyncClient) -> list[tuple[Any, ...]]:
            return [tuple(row.values()) for row in await connection.execute_query_dict(statement, list(arguments))]

        return self._run(tx(rows))


def _viewer(user_id: int) -> Viewer:
    now = datetime.now(UTC)
    return Viewer(
        user_id=user_id,
        session_id=user_id,
        operator="beeline",
        access_level=AccessLevel.FULL,
        display_name="One",
        language=Language.RU,
        must_change_password=False,
        user_created_at=now,
        login=None,
        session_created_at=now,
        last_seen_at=now,
        expires_at=now,
        device=None,
        channel=Channel.SITE,
        stepped_up=False,
        custom_login=None,
        recovery_channels=(),
        staff=None,
    )


def test_i17_payments_never_diverge_from_a_plain_model(empty_database: str, profiles: Mapping[str, Profile]) -> None:
    world = World(empty_database, profiles["beeline"])

    class Machine(PaymentMachine):
        pass

    Machine.world = world
    connection = database(empty_database, pool_size=2)
    with world.runner:
        world.run(connection.__aenter__())
        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=_EXAMPLES,
                    stateful_step_count=_STEPS,
                    deadline=None,
                    derandomize=not _PROVE,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                    phases=[Phase.generate, *([Phase.shrink] if _PROVE else [])],
                ),
            )
            assert isinstance(world.run(verify(empty_database)), LedgerProven)
        finally:
            world.run(connection.__aexit__(None, None, None))


async def test_a_payment_that_cannot_be_looked_after_does_not_hold_up_the_others(
    empty_database: str, profiles: Mapping[str, Profile]
) -> None:
    profile = _confirmed_by(profiles["beeline"], ConfirmationKind.NONE)
    bank = Bank()

    class Poisoned(InProcessBank):
        async def query(self, payment: PaymentRef) -> PaymentOutcome:
            if payment.key == poison:
                raise RuntimeError("this one is broken")
            return await super().query(payment)

    async with database(empty_database, pool_size=2):
        [person] = await tx(lambda connection: connection.execute_query_dict(_PERSON, ["poison", "79030009999"]))
        desk = Desk(Poisoned(bank))
        token = bank.make_token(Card("Lost", scheme=CardScheme.MIR, behaviour=Behaviour(lose_answer=True)))
        wanted = [
            TopUp(
                str(uuid4()), "machine", account, None, "***", True, Money(15000, CurrencyCode.RUB), _CARD, token=token
            )
            for account in person["array"]
        ]
        rows = [await payment.top_up(desk, profile, _SECRET, _viewer(person["id"]), each) for each in wanted]
        assert all(isinstance(row, PaymentRow) for row in rows)
        poison = str(cast(PaymentRow, rows[0]).provider_key)
        await tx(lambda connection: connection.execute_query(_DUE, [person["id"]]))
        assert await payment_recovery.recover(desk, {"beeline": profile}) == 2
        found = await tx(lambda connection: connection.execute_query_dict(_STATUSES, [person["id"]]))
        assert {row["key"]: row["status"] for row in found} == {
            wanted[0].key: "PROCESSING",
            wanted[1].key: "COMPLETED",
        }
