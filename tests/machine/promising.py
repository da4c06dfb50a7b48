"""Promised payments: money on trust, which whatever comes next gives back (F081)."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.payment import ConfirmationKind
from domain.promised_payment import PromisedPaymentUnavailable
from domain.refusals import IdempotencyConflict
from services import promised_payment
from services.promised_payment import PromiseTaken, PromiseWanted
from tests.machine.machine import Machine
from tests.machine.records import OFFERS


class Promising(Machine):
    """What payers and the collecting loop do about promises."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[int, PromiseWanted] = {}

    @rule(account=st.integers(0, 1), amount=st.sampled_from(OFFERS))
    def take(self, account: int, amount: int) -> None:
        payer, key = self.model.accounts[account], f"promise-{len(self.taken) + 1}"
        wanted = PromiseWanted(key, payer.line_id, payer.id, f"{amount}-{amount // 10}-3")
        told = self._take(wanted)
        if amount in payer.offers():
            assert isinstance(told, PromiseTaken)
            self.taken[told.id] = wanted
            self.model.promise(payer, amount)
        else:
            assert isinstance(told, PromisedPaymentUnavailable)

    @precondition(lambda self: bool(self.taken))
    @rule(data=st.data())
    def take_again(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.taken)))
        told = self._take(self.taken[number])
        assert isinstance(told, PromiseTaken)
        assert told.id == number
        assert self._take(replace(self.taken[number], offer="otherwise")) == IdempotencyConflict()

    @precondition(lambda self: any(account.owed for account in self.model.accounts))
    @rule()
    def collect(self) -> None:
        self.run(promised_payment.collect(self.served()))
        self.model.collect()

    def _take(self, wanted: PromiseWanted) -> object:
        profile = self.world.profiles[ConfirmationKind.NONE]
        return self.run(promised_payment.take(profile, self.viewer, wanted))
