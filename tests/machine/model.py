"""What should become of a payer's money: plain Python, which knows neither a database nor the code that it judges."""

import math

from domain.payment import ConfirmationKind, DeclineReason
from gateways.simulators.bank.records import Behaviour, State
from tests.machine.records import OPEN, WAIT_SECONDS, Account, Payment, Refund, Rule, Word, fee

LATE_SECONDS = 50  # until the bank has made what it does not make at once
PROMISE_SECONDS = 3 * 86_400
COLLECT_SECONDS = 3600
PAUSES = (6 * 3600, 24 * 3600)  # of a rule whose payment failed

_PAID = ("COMPLETED", "REFUNDED")
_WITHOUT_MONEY = ("DECLINED", "EXPIRED", "CANCELLED")


class Model:
    """One payer, their accounts, and a bank that may be out."""

    def __init__(self, accounts: list[Account]) -> None:
        self.now = 0.0
        self.month = 0
        self.is_out = False
        self.accounts = accounts
        self.payments: dict[str, Payment] = {}
        self.refunds: list[Refund] = []
        self.rules: list[Rule] = []

    # The account

    def credit(self, account: Account, amount: int) -> None:
        """Money comes, and what is owed is paid back first."""
        account.balance += amount
        self.repay(account)

    def repay(self, account: Account) -> None:
        """Down to nothing, and no further."""
        paid = min(account.owed, account.balance)
        account.owed -= paid
        account.balance -= paid

    def promise(self, account: Account, amount: int) -> None:
        """Money on trust, and a tenth on top of what has to come back."""
        account.balance += amount
        account.owed = amount + amount // 10
        account.collect_at = self.now + PROMISE_SECONDS

    def collect(self) -> None:
        """Whatever is due is collected, as far as it is there."""
        for account in self.accounts:
            if account.owed and account.collect_at <= self.now:
                self.repay(account)
                account.collect_at = self.now + COLLECT_SECONDS

    # Payments

    def charge(self, payment: Payment) -> None:
        """We ask the bank to make it."""
        if payment.bank is not None:
            self.look(payment)
            return
        if self.is_out and payment.behaviour == Behaviour():
            return
        if payment.confirmation is ConfirmationKind.BANK_REDIRECT:
            payment.bank = State.AWAITING_PAYER
        elif payment.behaviour.confirm:
            payment.bank, payment.reason = State.DECLINED, DeclineReason.NOT_CONFIRMED
        else:
            self.decide(payment, payment.behaviour)
        if not payment.behaviour.lose_answer:
            self.tell(payment, payment.bank, payment.reason)

    def decide(self, payment: Payment, behaviour: Behaviour) -> None:
        """What the bank makes of it once its payer agrees."""
        if behaviour.decline is not None:
            payment.bank, payment.reason = State.DECLINED, behaviour.decline
        elif behaviour.settle_after:
            payment.bank, payment.settles_at = State.PENDING, self.now + behaviour.settle_after
        else:
            payment.bank = State.HELD if payment.holds else State.CHARGED

    def look(self, payment: Payment) -> None:
        """We ask the bank what became of it."""
        self.settle_at_the_bank()
        self.tell(payment, payment.bank, payment.reason)

    def tell(self, payment: Payment, said: State | None, reason: DeclineReason | None) -> None:
        """What the bank said of a payment becomes true, once."""
        before = payment.ours
        if said is State.HELD:
            if payment.ours in OPEN or payment.ours in _PAID:
                if payment.bank is State.HELD:
                    payment.bank = State.CHARGED
            elif payment.bank is State.HELD:
                payment.bank, payment.reason = State.DECLINED, DeclineReason.CANCELLED
            said, reason = payment.bank, payment.reason
        if said is State.CHARGED and payment.ours not in _PAID:
            payment.ours = "COMPLETED"
            self.credit(payment.account, payment.amount)
        elif said is State.DECLINED and payment.ours in OPEN:
            # A payer who says no on the bank's page is one that the bank declined; one who never says is late.
            late = reason is DeclineReason.NOT_CONFIRMED and self.now >= payment.confirm_by
            given_up = reason is DeclineReason.CANCELLED
            payment.ours = "CANCELLED" if given_up else "EXPIRED" if late else "DECLINED"
        elif said is State.AWAITING_PAYER and payment.ours in OPEN and not payment.has_url:
            payment.ours, payment.has_url = "AWAITING_CONFIRMATION", True
            payment.confirm_by = self.now + WAIT_SECONDS
        elif said is State.PENDING and payment.ours in OPEN:
            payment.ours = "PROCESSING"
        if payment.rule is not None and payment.ours != before:
            self._go_on(payment.rule, payment)

    def give_up_at_the_bank(self, payment: Payment) -> None:
        """What is not made yet never will be."""
        self.settle_at_the_bank()
        if payment.bank in (State.AWAITING_PAYER, State.HELD):
            payment.bank, payment.reason = State.DECLINED, DeclineReason.CANCELLED

    def settle_at_the_bank(self) -> None:
        """Whatever was to be pending until now has come to its end there."""
        for payment in self.payments.values():
            if payment.bank is State.PENDING and payment.settles_at <= self.now:
                payment.bank = State.HELD if payment.holds else State.CHARGED
        for refund in self.refunds:
            if refund.bank is State.PENDING and refund.settles_at <= self.now:
                refund.bank = State.DONE

    def recover(self) -> None:
        """Everything that is not at its end is asked after; the loops that watch balances hear of it."""
        self.settle_at_the_bank()
        for payment in self.payments.values():
            overdue = self.now >= payment.confirm_by
            if payment.ours == "PROCESSING":
                self.charge(payment)
            elif payment.ours == "AWAITING_CONFIRMATION" and payment.confirmation is ConfirmationKind.SMS_CODE:
                payment.ours = "EXPIRED" if overdue else payment.ours
            elif payment.ours == "AWAITING_CONFIRMATION":
                if overdue:
                    self.give_up_at_the_bank(payment)
                reason = payment.reason
                if overdue and reason is DeclineReason.CANCELLED:
                    reason = DeclineReason.NOT_CONFIRMED
                self.tell(payment, payment.bank, reason)
        for refund in self.refunds:
            if refund.ours == "PROCESSING":
                self.give_back(refund, Word.DONE)
        self.wake()

    # Refunds

    def share(self, payment: Payment, wanted: int | None) -> tuple[int, int] | None:
        """How much leaves the account and how much the operator; the fee goes with the last of the amount."""
        left = payment.amount - payment.refunded
        given = left if wanted is None else wanted
        if not 0 < given <= left:
            return None
        return given, (payment.fee if given == left else 0)

    def approve(self, refund: Refund, wanted: int | None, word: Word) -> bool:
        """The operator agrees, if so much is left and is the account's own; the bank is asked at once."""
        given = self.share(refund.payment, refund.asked if wanted is None else wanted)
        account = refund.payment.account
        if refund.ours != "REQUESTED" or given is None or given[0] > account.balance - account.owed:
            return False
        refund.amount, refund.fee = given
        account.balance -= refund.amount
        refund.ours = "PROCESSING"
        self.give_back(refund, word)
        return True

    def give_back(self, refund: Refund, word: Word) -> None:
        """We ask the bank to give it back."""
        if refund.bank is None:
            match Word.NOT_HEARD if self.is_out else word:
                case Word.NOT_HEARD:
                    return
                case Word.NO:
                    refund.bank = State.DECLINED
                case Word.LATER:
                    refund.bank, refund.settles_at = State.PENDING, self.now + LATE_SECONDS
                case Word.ANSWER_LOST:
                    refund.bank = State.DONE
                    return
                case Word.DONE:
                    refund.bank = State.DONE
        self.settle_at_the_bank()
        self.tell_of_refund(refund, refund.bank)

    def tell_of_refund(self, refund: Refund, said: State | None) -> None:
        """What the bank said of a refund becomes true, once."""
        if refund.ours != "PROCESSING":
            return
        if said is State.DONE:
            payment = refund.payment
            refund.ours = "COMPLETED"
            payment.refunded += refund.amount + refund.fee
            if payment.refunded >= payment.amount + payment.fee:
                payment.ours = "REFUNDED"
        elif said is State.DECLINED:
            refund.ours = "FAILED"
            self.credit(refund.payment.account, refund.amount)

    # Rules

    def wake(self) -> None:
        """The loop of automatic payments hears of every balance."""
        for rule in self.rules:
            if not rule.active:
                continue
            if not rule.is_paying:
                rule.rearm_if_risen()
            rested = rule.due_at is None or rule.due_at <= self.now
            if rule.armed and rule.account.balance < rule.threshold and rested:
                rule.due_at = self.now

    def take_due(self) -> list[Rule]:
        """The rules that are to begin a payment now, each one of them; the others wait."""
        beginning = []
        for rule in self.rules:
            if rule.due_at is None or rule.due_at > self.now:
                continue
            rule.due_at = None
            coming = sum(
                each.amount
                for each in self.payments.values()
                if each.account is rule.account and each.ours == "PROCESSING"
            )
            if rule.is_paying or not rule.armed or rule.account.balance + coming >= rule.threshold:
                continue
            if rule.cap is not None and self._spent(rule) + rule.amount + fee(rule.amount) > rule.cap:
                rule.due_at = math.inf  # until the month is over
                continue
            beginning.append(rule)
        return beginning

    def begin(self, rule: Rule, payment: Payment) -> None:
        """The payment of a rule is on record; the bank is asked after that."""
        rule.begun.append(payment)
        rule.tries[rule.round] = rule.tries.get(rule.round, 0) + 1
        rule.armed = False
        self.payments[payment.key] = payment
        self.charge(payment)

    def month_passes(self) -> None:
        """What was spent in the months before counts no more."""
        self.month += 1
        for rule in self.rules:
            if rule.due_at == math.inf:
                rule.due_at = self.now

    def _go_on(self, rule: Rule, payment: Payment) -> None:
        if payment.ours == "COMPLETED":
            rule.failures, rule.due_at, rule.armed = 0, None, False
            rule.rearm_if_risen()
        elif payment.ours in _WITHOUT_MONEY:
            rule.failures += 1
            rule.armed = True
            rule.active = rule.active and rule.failures <= len(PAUSES)
            rule.due_at = self.now + PAUSES[rule.failures - 1] if rule.active else None

    def _spent(self, rule: Rule) -> int:
        return sum(
            each.amount + each.fee
            for each in rule.begun
            if each.month == self.month and each.ours not in _WITHOUT_MONEY
        )
