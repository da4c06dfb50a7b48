"""A payer's world for tests of automatic payments: a database of their own, a bank in this process, and no loops.

Nothing happens here unless the test makes it, so that whatever comes between two steps can be tried.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import asyncpg
import httpx2
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, personal
from domain.money import CurrencyCode, Money
from domain.payment import AutopayTrigger
from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from models.database import tx
from server.graphql_context import Contexts
from server.settings import Settings
from services import autopay, ledger
from services.payment_row import Desk
from tests.cabinet import Cabinet
from tests.databases import working
from tests.serving import served
from tests.session import open_session

OPERATOR = "tele2"
IRINA, PAVEL, TIMOFEY, NIKOLAY = "79001234601", "79521234602", "79001234603", "79521234604"

SET = """
mutation ($input: SetAutopayInput!) { setAutopay(input: $input) {
  rule { id trigger active dayOfMonth lastRunAt amount { amount } threshold { amount } monthlyCap { amount }
    method { id masked } line { id } personalAccount { id } lastFailure { code message } }
  userErrors { __typename code message field } } }
"""
DELETE = """
mutation ($id: ID!) { deleteAutopay(input: {ruleId: $id}) { userErrors { __typename code field } } }
"""
RULES = """
{ viewer { autopayRules {
  id trigger active lastRunAt amount { amount } lastFailure { code message } method { masked } } } }
"""
ADD_CARD = """
mutation ($token: String!, $shared: Boolean!) {
  addPaymentMethod(input: {kind: CARD, token: $token, shareInHousehold: $shared}) {
    method { id } userErrors { code message } } }
"""
LINES = "{ viewer { linkedNumbers(first: 50) { edges { node { id msisdn personalAccount { id } } } } } }"

_names = count()


def rub(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "RUB"}


class Payers:
    """People of the demo household of one operator, each with their cabinet."""

    def __init__(
        self,
        url: str,
        database: "asyncpg.Connection[asyncpg.Record]",
        http: httpx2.AsyncClient,
        bank: Bank,
        desk: Desk,
        profiles: Mapping[str, Profile],
    ) -> None:
        self.url = url
        self.database = database
        self.http = http
        self.bank = bank
        self.desk = desk
        self.profiles = profiles

    async def cabinet(self, msisdn: str, *, level: str = "FULL", proven: bool = True) -> Cabinet:
        """The cabinet of whoever signs in with a number, with a fresh proof."""
        token = await open_session(self.url, OPERATOR, msisdn, level)
        if proven:
            await self.database.execute("update session set stepped_up_at = now()")
        return Cabinet(self.http, OPERATOR, token)

    async def card(self, cabinet: Cabinet, token: str = "tok_mir_2204", *, shared: bool = False) -> str:
        """A kept card of the cabinet's user."""
        added = (await cabinet.data(ADD_CARD, token=token, shared=shared))["addPaymentMethod"]
        assert added["userErrors"] == []
        kept: str = added["method"]["id"]
        return kept

    async def line(self, cabinet: Cabinet, msisdn: str) -> str:
        """The id of a line as the cabinet knows it."""
        edges = (await cabinet.data(LINES))["viewer"]["linkedNumbers"]["edges"]
        [line] = [edge["node"]["id"] for edge in edges if edge["node"]["msisdn"] == msisdn]
        return str(line)

    async def wanted(self, cabinet: Cabinet, msisdn: str = PAVEL, **more: Any) -> dict[str, Any]:
        """A form that is right: 300 whenever there are less than 100."""
        told = {"trigger": "BALANCE_BELOW", "amount": rub("300"), "threshold": rub("100"), **more}
        if "lineId" not in told and "personalAccountId" not in told:
            told["lineId"] = await self.line(cabinet, msisdn)
        if "paymentMethodId" not in told:
            told["paymentMethodId"] = await self.card(cabinet)
        return {name: value for name, value in told.items() if value is not None}

    async def set(self, cabinet: Cabinet, msisdn: str = PAVEL, **more: Any) -> dict[str, Any]:
        """A rule that was taken."""
        answer = await self.told(cabinet, await self.wanted(cabinet, msisdn, **more))
        assert answer["userErrors"] == []
        rule: dict[str, Any] = answer["rule"]
        return rule

    async def told(self, cabinet: Cabinet, form: dict[str, Any]) -> dict[str, Any]:
        """What a form is answered."""
        answer: dict[str, Any] = (await cabinet.data(SET, input=form))["setAutopay"]
        return answer

    async def rules(self, cabinet: Cabinet) -> list[dict[str, Any]]:
        """The rules that the cabinet shows."""
        found: list[dict[str, Any]] = (await cabinet.data(RULES))["viewer"]["autopayRules"]
        return found

    async def account(self, msisdn: str = PAVEL) -> int:
        """The personal account of a number."""
        found: int = await self.value(
            "select account_id from line where operator = $1 and msisdn = $2", OPERATOR, msisdn
        )
        return found

    async def balance(self, msisdn: str = PAVEL) -> int:
        """What a number has, in minor units."""
        statement = "select balance from ledger_account where account_id = $1 and kind = 'PERSONAL'"
        found: int = await self.value(statement, await self.account(msisdn))
        return found

    async def becomes(self, minor: int, msisdn: str = PAVEL, *, heard: bool = True) -> None:
        """The balance of a number, by spending or by what came from elsewhere; unless `heard`, nobody is told."""
        account, difference = await self.account(msisdn), minor - await self.balance(msisdn)
        if difference:
            await self._move(account, difference)
        if heard:
            await autopay.wake([account])

    async def run(self) -> int:
        """One turn of the loop."""
        return await autopay.run(self.desk, self.profiles)

    async def paid(self) -> list[tuple[str, int, str]]:
        """Automatic payments so far: state, minor units, key."""
        rows = await self.database.fetch("select status, amount, key from payment where kind = 'AUTOPAY' order by id")
        return [tuple(row) for row in rows]

    async def sent(self) -> list[tuple[str, str]]:
        """Messages so far: to whom, and what."""
        rows = await self.database.fetch("select body->>'to', body->>'text' from outbox where kind = 'sms' order by id")
        return [tuple(row) for row in rows]

    async def value(self, statement: str, *arguments: object) -> Any:
        """One value of the database."""
        return await self.database.fetchval(statement, *arguments)

    async def _move(self, account: int, difference: int) -> None:
        revenue = LedgerAccountName(LedgerAccountKind.REVENUE)
        source, target = (revenue, personal(account)) if difference > 0 else (personal(account), revenue)
        key, amount = f"test:{next(_names)}", Money(abs(difference), CurrencyCode.RUB)
        moved = Transfer.between(OPERATOR, TransferKind.ADJUSTMENT, key, source, target, amount)

        async def work(connection: BaseDBAsyncClient) -> object:
            return await ledger.post(connection, moved)

        await tx(work)

    async def later(self, interval: str) -> None:
        """So much later, for the rules: whatever they wait for comes nearer."""
        await self.database.execute(
            "update autopay_rule set due_at = due_at - i, planned_at = planned_at - i "
            "from (select $1::text::interval as i) w",
            interval,
        )


@asynccontextmanager
async def payers(url: str, settings: Settings, profiles: Mapping[str, Profile]) -> AsyncIterator[Payers]:
    """The people of a database with demo households, and a bank as one wishes for."""
    every = tuple(AutopayTrigger)
    rules = profiles[OPERATOR].payments.model_copy(update={"autopay_triggers": every})
    offering = {**profiles, OPERATOR: profiles[OPERATOR].model_copy(update={"payments": rules})}
    bank = Bank()
    desk = Desk(InProcessBank(bank), 0.0)
    async with working(url) as pool:
        contexts = Contexts(settings, offering, LedgerBilling(), pool, {}, desk)
        database = await asyncpg.connect(url)
        async with served(contexts) as http:
            yield Payers(url, database, http, bank, desk, offering)
        await database.close()
