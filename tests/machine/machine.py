"""What every step has at hand, the clock and the bank's bad days, and what holds after each step."""

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.payment import ConfirmationKind
from domain.profile import Profile
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.records import Behaviour, Event
from models.database import tx
from services.payment_row import Desk
from tests.machine.model import Model
from tests.machine.records import Account, Payment
from tests.machine.world import OPERATOR, Teller, World, viewer_of

T = TypeVar("T")

_MONTH_SECONDS = 31 * 86_400.0
_SPENT_BEFORE = 45_000

# Whoever waits for a moment waits so much less.
_LATER = (
    """
update payment set created_at = created_at - i, confirm_by = confirm_by - i, check_at = check_at - i
from (select make_interval(secs => $2) as i) w where payer_id = $1
""",
    "update autopay_rule set due_at = due_at - make_interval(secs => $2) where user_id = $1",
    """
update promised_payment set taken_at = taken_at - i, due_at = due_at - i, look_at = look_at - i
from (select make_interval(secs => $2) as i) w where taker_id = $1
""",
)
_A_MONTH_AGO = """
update autopay_run set at = at - make_interval(secs => $2) where rule_id in (
  select id from autopay_rule where user_id = $1)
"""
# The loops look after everybody, and whoever comes next has another bank.
_LEAVE = (
    "update payment set check_at = check_at + interval '1 year' where payer_id = $1",
    """
update refund set check_at = check_at + interval '1 year'
where payment_id in (select id from payment where payer_id = $1)
""",
    "update autopay_rule set active = false, due_at = null where user_id = $1",
    "update promised_payment set look_at = look_at + interval '1 year' where taker_id = $1",
)
_STATE = (
    "select key, status, refunded from payment where payer_id = $1",
    """
select o.account_id, sum(o.balance) filter (where o.kind = 'PERSONAL') as balance,
  -sum(o.balance) filter (where o.kind = 'PROMISED') as owed
from ledger_account o join personal_account a on a.id = o.account_id
join line l on l.account_id = a.id where l.user_id = $1 group by 1 order by 1
""",
    "select r.id, r.status from refund r join payment p on p.id = r.payment_id where p.payer_id = $1",
    "select id, active, armed, round, failures from autopay_rule where user_id = $1",
)


class Machine(RuleBasedStateMachine):
    """One payer, two accounts and a bank; `world` is set by the test. `steps` are those of all examples."""

    world: World
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        began = datetime.now(UTC)
        self.bank = Bank(now=lambda: (began + timedelta(seconds=self.model.now)).timestamp())
        self.teller = Teller(self.bank)
        self.desk = Desk(self.teller, patience_seconds=30.0)
        self.payer, accounts = self.world.settle_in()
        self.viewer = viewer_of(self.payer)
        self.model = Model(accounts)
        self.heard: list[Event] = []
        for account in accounts:
            self.spend(account, _SPENT_BEFORE, given=True)

    def teardown(self) -> None:
        for statement in _LEAVE:
            self.rows(statement, self.payer)

    @rule(seconds=st.sampled_from([60.0, 60.0, 1020.0, 1020.0, 7 * 3600.0, 25 * 3600.0, _MONTH_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        """Seconds or hours pass within the month, whichever day it is; a month changes it."""
        self.model.now += seconds
        for statement in _LATER:
            self.rows(statement, self.payer, seconds)
        if seconds == _MONTH_SECONDS:
            self.rows(_A_MONTH_AGO, self.payer, seconds)
            self.model.month_passes()

    @rule(is_out=st.booleans())
    def bank_goes_out(self, is_out: bool) -> None:
        self.model.is_out = is_out
        self.bank.control(Behaviour(fail=is_out))

    @precondition(lambda self: any(account.balance for account in self.model.accounts))
    @rule(data=st.data(), minor=st.sampled_from([100, 5_000, 30_000, 1_500_000]))
    def operator_charges(self, data: st.DataObject, minor: int) -> None:
        """So much of what somebody has, or all of it."""
        payer = data.draw(st.sampled_from([each for each in self.model.accounts if each.balance]))
        taken = min(minor, payer.balance)
        self.spend(payer, taken)
        payer.balance -= taken

    @invariant()
    def nothing_diverges(self) -> None:
        Machine.steps += 1
        self.model.settle_at_the_bank()
        payments, money, refunds, rules = self._state()
        model = self.model
        assert {row[0]: row[1:] for row in payments} == {
            each.key: (each.ours, each.refunded) for each in model.payments.values()
        }
        assert [(account, balance, owed or 0) for account, balance, owed in money] == [
            (each.id, each.balance, each.owed) for each in model.accounts
        ]
        assert dict(refunds) == {each.id: each.ours for each in model.refunds}
        assert {row[0]: row[1:] for row in rules} == {
            each.id: (each.active, each.armed, each.round, each.failures) for each in model.rules
        }
        for each in model.payments.values():
            self._stands_at_the_bank(each)

    # How

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What came of it."""
        return self.world.run(work)

    def rows(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        return self.world.rows(statement, *arguments)

    def spend(self, account: Account, minor: int, *, given: bool = False) -> None:
        """The operator charges an account, in both worlds but for the balance."""
        self.world.spend(account, minor, given=given)
        account.charged += minor

    def served(self) -> dict[str, Profile]:
        """The profiles that loops look after."""
        return {OPERATOR: self.world.profiles[ConfirmationKind.NONE]}

    def names_of(self, payment_key: str) -> tuple[int, str]:
        """Our id of a payment, and its name at the bank."""
        [(number, at_bank)] = self.rows(
            "select id, provider_key from payment where payer_id = $1 and key = $2", self.payer, payment_key
        )
        assert isinstance(at_bank, UUID)
        return number, str(at_bank)

    def _stands_at_the_bank(self, payment: Payment) -> None:
        there = self.bank.payment(payment.at_bank)
        assert (there.state if there else None) == payment.bank, payment
        given = [each for each in self.model.refunds if each.payment is payment and each.bank in ("PENDING", "DONE")]
        if payment.ours in ("COMPLETED", "REFUNDED"):
            assert there is not None
            assert there.amount.minor == payment.amount + payment.fee
        assert (there.refunded if there else 0) == sum(each.amount + each.fee for each in given), payment

    def _state(self) -> list[list[tuple[Any, ...]]]:
        async def read(connection: BaseDBAsyncClient) -> list[list[tuple[Any, ...]]]:
            return [
                [tuple(row.values()) for row in await connection.execute_query_dict(statement, [self.payer])]
                for statement in _STATE
            ]

        return self.run(tx(read))
