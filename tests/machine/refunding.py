"""Refunds: asked for by who paid, decided by the operator as its commands do it (E43)."""

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.money import CurrencyCode, Money
from domain.refund import RefundRejected
from services import refund
from services.refund_settlement import RefundRow
from tests.machine.machine import Machine
from tests.machine.records import Refund, Word

_AMOUNTS = st.none() | st.integers(1, 1_500_000) | st.sampled_from([10_000, 50_000])


class Refunding(Machine):
    """What payers and the operator do about money that is to go back."""

    @precondition(lambda self: bool(self.model.payments))
    @rule(data=st.data(), asked=_AMOUNTS)
    def ask_back(self, data: st.DataObject, asked: int | None) -> None:
        begun = data.draw(st.sampled_from(list(self.model.payments.values())))
        profile = self.world.profiles[begun.confirmation]
        wanted = None if asked is None else Money(asked, CurrencyCode.RUB)
        told = self.run(refund.request(profile, self.viewer, begun.id, "it was the wrong number", wanted))
        mine = [each for each in self.model.refunds if each.payment is begun]
        if before := [each for each in mine if each.ours in ("REQUESTED", "PROCESSING")]:
            assert isinstance(told, RefundRow)
            assert [told.id] == [each.id for each in before]
        elif begun.ours != "COMPLETED" or self.model.share(begun, asked) is None:
            assert isinstance(told, RefundRejected)
        else:
            assert isinstance(told, RefundRow)
            self.model.refunds.append(Refund(told.id, begun, asked, at_bank=str(told.key)))

    @precondition(lambda self: bool(self.model.refunds))
    @rule(data=st.data(), wanted=_AMOUNTS, word=st.sampled_from(Word))
    def approve(self, data: st.DataObject, wanted: int | None, word: Word) -> None:
        asked = data.draw(st.sampled_from(self.model.refunds))
        self.teller.word = word
        amount = None if wanted is None else Decimal(wanted) / 100
        told = self.run(refund.approve(self.desk, self.served(), asked.id, "Irina", amount))
        self.teller.word = Word.DONE
        assert isinstance(told, RefundRow) == self.model.approve(asked, wanted, word)
        if isinstance(told, RefundRow):
            assert (told.status, told.amount, told.fee) == (asked.ours, asked.amount, asked.fee)

    @precondition(lambda self: bool(self.model.refunds))
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.model.refunds))
        told = self.run(refund.decline(self.served(), asked.id, "Irina", "it was used"))
        assert isinstance(told, RefundRow) == (asked.ours == "REQUESTED")
        if asked.ours == "REQUESTED":
            asked.ours = "DECLINED"
