"""Automatic payments: rules that watch a balance, set and removed by their payer, and the loop that pays (F080)."""

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.autopay import Terms, Typed, read_terms
from domain.payment import AutopayTrigger, CardScheme, ConfirmationKind, DeclineReason, PaymentMethodKind
from domain.refusals import NotFound
from gateways.simulators.bank.records import Behaviour, Card
from models.autopay import stop_for
from models.database import tx
from services import autopay, autopay_rule, payment_method
from services.autopay_outcome import AutopayRow
from services.autopay_rule import Wanted
from services.payment_method import MethodKept
from tests.machine.machine import Machine
from tests.machine.model import LATE_SECONDS
from tests.machine.records import Payment, Rule, fee

_TREATED = [
    Behaviour(),
    Behaviour(),
    Behaviour(lose_answer=True),
    Behaviour(decline=DeclineReason.INSUFFICIENT_FUNDS),
    Behaviour(settle_after=LATE_SECONDS),
    Behaviour(confirm=True),
    Behaviour(copies=0),
]
_KEYS = "select key from payment where payer_id = $1 and kind = 'AUTOPAY'"


class Automatic(Machine):
    """What payers and the loop do about payments that nobody attends."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[Behaviour, int] = {}

    @rule(
        account=st.integers(0, 1),
        amount=st.sampled_from([100, 500, 3000]),
        threshold=st.sampled_from([100, 1000, 5000]),
        a_month=st.sampled_from([None, None, 1, 2]),
        behaviour=st.sampled_from(_TREATED),
        active=st.sampled_from([True, True, True, False]),
    )
    def set_rule(
        self, account: int, amount: int, threshold: int, a_month: int | None, behaviour: Behaviour, active: bool
    ) -> None:
        """A new rule for an account, or other terms of the one that it has."""
        payer, minor = self.model.accounts[account], amount * 100
        cap = None if a_month is None else (minor + fee(minor)) * a_month
        told = self.run(
            autopay_rule.set_rule(
                self.world.profiles[ConfirmationKind.NONE],
                self.teller.name,
                self.viewer,
                Wanted(None, payer.id, None, "***", self._terms(amount, threshold, cap), self._card(behaviour), active),
            )
        )
        assert isinstance(told, AutopayRow)
        before = [each for each in self.model.rules if each.account is payer and not each.removed]
        if before:
            assert told.id == before[0].id
            before[0].change(minor, threshold * 100, cap, behaviour, active)
        else:
            made = Rule(told.id, payer, minor, threshold * 100, cap, behaviour, active)
            made.due_at = self.model.now if active else None
            self.model.rules.append(made)

    @precondition(lambda self: bool(self.model.rules))
    @rule(data=st.data())
    def remove_rule(self, data: st.DataObject) -> None:
        found = data.draw(st.sampled_from(self.model.rules))
        told = self.run(autopay_rule.remove(self.viewer, found.id))
        assert isinstance(told, NotFound) == found.removed
        found.removed, found.active, found.due_at = True, False, None

    @precondition(lambda self: bool(self.model.rules))
    @rule(account=st.integers(0, 1))
    def stop_rules(self, account: int) -> None:
        """Rights to an account end, and with them what pays for it."""
        payer = self.model.accounts[account]
        stopped = self.run(tx(lambda connection: stop_for(connection, account_id=payer.id, because="they left")))
        mine = [each for each in self.model.rules if each.account is payer and each.active]
        assert stopped == [each.id for each in mine]
        for each in mine:
            each.active, each.due_at = False, None

    @precondition(lambda self: bool(self.model.rules))
    @rule(workers=st.sampled_from([1, 1, 2]))
    def pay_what_is_due(self, workers: int) -> None:
        """The loop hears of the balances and looks; so may another worker at the same time."""

        async def look() -> None:
            await autopay.wake(account.id for account in self.model.accounts)
            await asyncio.gather(*(autopay.run(self.desk, self.served()) for _ in range(workers)))

        self.run(look())
        self.model.wake()
        due = self.model.take_due()
        begun = {key for (key,) in self.rows(_KEYS, self.payer)} - set(self.model.payments)
        assert begun == {each.next_key for each in due}
        for each in due:
            number, at_bank = self.names_of(each.next_key)
            self.model.begin(
                each,
                Payment(
                    number,
                    each.next_key,
                    at_bank,
                    ConfirmationKind.NONE,
                    each.behaviour,
                    each.account,
                    each.amount,
                    self.model.now,
                    self.model.month,
                    rule=each,
                ),
            )

    def _terms(self, amount: int, threshold: int, cap: int | None) -> Terms:
        month = None if cap is None else (f"{cap / 100:.2f}", "RUB")
        typed = Typed(AutopayTrigger.BALANCE_BELOW, (str(amount), "RUB"), (str(threshold), "RUB"), month, None)
        terms = read_terms(typed, self.world.profiles[ConfirmationKind.NONE])
        assert isinstance(terms, Terms)
        return terms

    def _card(self, behaviour: Behaviour) -> int:
        """A kept card that the bank treats so."""
        if behaviour not in self.kept:
            token = self.bank.make_token(Card("Kept", scheme=CardScheme.MIR, behaviour=behaviour))
            profile, kind = self.world.profiles[ConfirmationKind.NONE], PaymentMethodKind.CARD
            told = self.run(payment_method.add(self.teller, profile, self.viewer, kind, token, shared=False))
            assert isinstance(told, MethodKept)
            self.kept[behaviour] = told.method_id
        return self.kept[behaviour]
