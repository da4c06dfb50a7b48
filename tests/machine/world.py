"""Our code beside the model: a database, the event loop that all examples share, and a bank that does as it is told."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import AccessLevel
from domain.channel import Channel
from domain.language import Language
from domain.ledger import LedgerAccountKind, LedgerAccountName, Posted, Transfer, TransferKind, clearing, personal
from domain.money import CurrencyCode, Money
from domain.payment import ConfirmationKind, DeclineReason
from domain.profile import Profile
from gateways.payments import ProviderUnavailable, RefundDeclined, RefundOutcome
from gateways.payments import Refund as AskedBack
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.records import Behaviour
from models.database import tx
from services import ledger
from tests.machine.model import LATE_SECONDS
from tests.machine.records import Account, Word

T = TypeVar("T")

OPERATOR = "beeline"
SECRET = b"a secret of the machine, which is long enough"

# One person with two numbers, each with an account of its own.
PERSON = """
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
  returning id, number),
l as (
  insert into line (operator, account_id, user_id, kind, msisdn, status, sim_epoch)
  select 'beeline', a.id, u.id, 'MOBILE', $2 || right(a.number, 1), 'ACTIVE', 1 from a, u returning id, account_id)
select u.id, array(select account_id from l order by 1) as accounts,
  array(select id from l order by account_id) as lines
from u
"""
_REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)
_names = count(1)


class World:
    """The database and the event loop that all examples share."""

    def __init__(self, url: str, profile: Profile) -> None:
        self.url = url
        self.runner = asyncio.Runner()
        self.profiles = {kind: confirmed_by(profile, kind) for kind in ConfirmationKind}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What came of it."""
        return self.runner.run(work)

    def rows(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What the database answers."""

        async def read(connection: BaseDBAsyncClient) -> list[tuple[Any, ...]]:
            return [tuple(row.values()) for row in await connection.execute_query_dict(statement, list(arguments))]

        return self.run(tx(read))

    def settle_in(self) -> tuple[int, list[Account]]:
        """Somebody new, with two accounts that have nothing: whatever they had was spent."""
        number = next(_names)
        [(payer, accounts, lines)] = self.rows(PERSON, str(number), f"790{number:07}")
        found = [Account(account, line) for account, line in zip(accounts, lines, strict=True)]
        return payer, found

    def spend(self, account: Account, minor: int, *, given: bool = False) -> None:
        """The operator charges an account; where it is `given`, it had the money for that a moment before."""
        name, amount, number = personal(account.id), Money(minor, CurrencyCode.RUB), next(_names)
        moved = [Transfer.between(OPERATOR, TransferKind.FEE, f"machine:fee:{number}", name, _REVENUE, amount)]
        if given:
            key = f"machine:given:{number}"
            moved.insert(0, Transfer.between(OPERATOR, TransferKind.ADJUSTMENT, key, clearing("bank"), name, amount))

        async def work(connection: BaseDBAsyncClient) -> None:
            for transfer in moved:
                assert isinstance(await ledger.post(connection, transfer), Posted)

        self.run(tx(work))


class Teller(InProcessBank):
    """The bank; of refunds it says `word` when it is asked for one the first time."""

    def __init__(self, bank: Bank) -> None:
        super().__init__(bank)
        self.word = Word.DONE
        self._known: set[str] = set()
        self._refused: set[str] = set()

    async def refund(self, refund: AskedBack) -> RefundOutcome:
        if refund.key in self._refused:
            return RefundDeclined(DeclineReason.OTHER, "no")
        if refund.key in self._known:
            return await super().refund(refund)
        everybody = self.bank.everybody
        if self.word is Word.NOT_HEARD or everybody.fail:
            raise ProviderUnavailable("the bank answers 503")
        if self.word is Word.NO:
            self._refused.add(refund.key)
            return RefundDeclined(DeclineReason.OTHER, "no")
        self._known.add(refund.key)
        if self.word is Word.LATER:
            self.bank.control(Behaviour(settle_after=LATE_SECONDS))
        outcome = await super().refund(refund)
        self.bank.control(everybody)
        if self.word is Word.ANSWER_LOST:
            raise ProviderUnavailable("the bank's answer was lost")
        return outcome


def confirmed_by(profile: Profile, kind: ConfirmationKind) -> Profile:
    """The profile of an operator whose payers confirm so, and who takes one per cent."""
    otp = profile.auth.otp.model_copy(
        update={"max_sms_per_number_per_hour": 100, "max_guesses_per_number_per_day": 1000}
    )
    rules = profile.payments.model_copy(update={"confirmation": kind, "operator_fee_percent": 1})
    return profile.model_copy(update={"auth": profile.auth.model_copy(update={"otp": otp}), "payments": rules})


def viewer_of(user_id: int) -> Viewer:
    """A session of the user's that may do everything."""
    now = datetime.now(UTC)
    return Viewer(
        user_id=user_id,
        session_id=user_id,
        operator=OPERATOR,
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
