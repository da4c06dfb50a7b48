"""Somebody who pays, at a development server with its bank beside it: processes and sockets, nothing in between."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2

from gateways.simulators.bank.journal import charges
from resolvers.node_id import decode
from tests.cabinet import Cabinet
from tests.newcomers import Newcomer, Newcomers
from tests.session import open_session

PAYMENT = """
id status kind targetMasked method paidByViewer completedAt
amount { amount currency } fee { amount } refunded { amount }
line { id } personalAccount { id }
confirmation { kind redirectUrl challengeId expiresAt }
failure { code message }
"""
PAYLOAD = f"""{{
  payment {{ {PAYMENT} }}
  userErrors {{
    __typename code message field
    ... on CardTooFrequent {{ nextAllowedAt }} ... on PayeeAmbiguous {{ choices {{ number }} }}
    ... on RateLimited {{ retryAt }} ... on FeatureDisabled {{ feature }}
  }}
}}"""
TOP_UP = f"mutation Pay($input: TopUpInput!) {{ topUp(input: $input) {PAYLOAD} }}"
CONFIRM = f"mutation Confirm($input: ConfirmPaymentInput!) {{ confirmPayment(input: $input) {PAYLOAD} }}"
CANCEL = f"mutation Cancel($id: ID!) {{ cancelPayment(input: {{paymentId: $id}}) {PAYLOAD} }}"
LOOK = f"query Look($id: ID!) {{ node(id: $id) {{ ... on Payment {{ {PAYMENT} }} }} }}"
QUOTE = """
query Quote($target: PaymentTargetInput!, $amount: MoneyInput!, $method: PaymentMethodKind) {
  paymentQuote(target: $target, amount: $amount, method: $method) {
    accepted targetMasked fee { amount currency } total { amount } bankMayCharge nextAllowedAt
    userErrors { __typename code message field }
  }
}
"""
KEPT = """
{ viewer { paymentMethods {
  id kind scheme masked issuerCountry expiresOn nextAllowedAt shareableInHousehold isOwn
} } }
"""
ADD = """
mutation Add($input: AddPaymentMethodInput!) {
  addPaymentMethod(input: $input) { method { id masked scheme isOwn } userErrors { __typename code message field } }
}
"""
REMOVE = "mutation($id: ID!) { removePaymentMethod(input: {paymentMethodId: $id}) { userErrors { code } } }"
HISTORY = """
query History($filter: PaymentFilter, $first: Int, $after: String) {
  viewer { payments(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { id status targetMasked amount { amount } } }
  } }
}
"""
CURRENCY = {"life": "BYN"}
ENDED = ("COMPLETED", "DECLINED", "EXPIRED", "CANCELLED", "REFUNDED")


@dataclass
class Payer:
    """A newcomer in a session of theirs."""

    town: "Town"
    operator: str
    who: Newcomer
    cabinet: Cabinet

    def form(self, **changes: Any) -> dict[str, Any]:
        """A form that the operator takes: 157 by a Mir card into one's own number."""
        amount = {"amount": changes.pop("amount", "157"), "currency": changes.pop("currency", None)}
        amount["currency"] = amount["currency"] or CURRENCY.get(self.operator, "RUB")
        form = {
            "idempotencyKey": str(uuid4()),
            "target": {"msisdn": self.who.msisdn},
            "amount": amount,
            "method": "CARD",
            "receiptEmail": "payer@example.org",
            "acceptTerms": True,
            **changes,
        }
        return {name: value for name, value in form.items() if value is not None}

    async def pay(self, **changes: Any) -> dict[str, Any]:
        """The payload of `topUp`."""
        payload: dict[str, Any] = (await self.cabinet.data(TOP_UP, input=self.form(**changes)))["topUp"]
        return payload

    async def paying(self, **changes: Any) -> dict[str, Any]:
        """A payment that was begun."""
        payload = await self.pay(**changes)
        assert payload["userErrors"] == [], payload
        payment: dict[str, Any] = payload["payment"]
        return payment

    async def refused(self, **changes: Any) -> dict[str, Any]:
        """Why `topUp` does not begin a payment; nothing is left of it."""
        before = await self.town.value("select count(*) from payment")
        payload = await self.pay(**changes)
        assert payload["payment"] is None, payload
        assert await self.town.value("select count(*) from payment") == before
        [error] = payload["userErrors"]
        refusal: dict[str, Any] = error
        return refusal

    async def confirm(self, payment: dict[str, Any], code: str | None = None) -> dict[str, Any]:
        """The payload of `confirmPayment`, with the code that came."""
        challenge = payment["confirmation"]["challengeId"]
        given = {"challengeId": challenge, "code": code or await self.town.code(self.who.msisdn, challenge)}
        payload: dict[str, Any] = (await self.cabinet.data(CONFIRM, input=given))["confirmPayment"]
        return payload

    async def paid(self, **changes: Any) -> dict[str, Any]:
        """A payment by code, confirmed."""
        payload = await self.confirm(await self.paying(**changes))
        assert payload["userErrors"] == [], payload
        payment: dict[str, Any] = payload["payment"]
        return payment

    async def look(self, payment: dict[str, Any]) -> dict[str, Any]:
        """The payment as it is now."""
        found: dict[str, Any] = (await self.cabinet.data(LOOK, id=payment["id"]))["node"]
        return found

    async def ended(self, payment: dict[str, Any]) -> dict[str, Any]:
        """The payment once it has come to an end, by whichever door."""
        async with asyncio.timeout(20):
            while (now := await self.look(payment))["status"] not in ENDED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return now

    async def balance(self) -> int:
        """What is on one's account, in minor units."""
        balance = await self.town.value(
            "select balance from ledger_account g join personal_account a on a.id = g.account_id where a.number = $1",
            self.who.account,
        )
        # Who was never paid anything has no account in the ledger.
        return int(balance or 0)

    async def again(self) -> "Payer":
        """The same person in a new session."""
        token = await open_session(self.town.url, self.operator, self.who.msisdn)
        return Payer(self.town, self.operator, self.who, self.cabinet.of(self.operator, token))


class Town:
    """The server, its database and its bank."""

    def __init__(
        self,
        address: str,
        url: str,
        data: Path,
        http: httpx2.AsyncClient,
        database: "asyncpg.Connection[asyncpg.Record]",
        demo_people: dict[str, Any],
    ) -> None:
        self.address = address
        self.url = url
        self.bank = (data / "bank" / "address").read_text()
        self.data = data
        self.journal = data / "bank" / "journal.ndjson"
        self.http = http
        self.database = database
        self._demo_people = demo_people

    async def newcomer(self, operator: str, level: str = "FULL") -> Payer:
        """Somebody with a number and an account of their own, signed in."""
        who = await Newcomers(self.database).arrive(operator, self._demo_people)
        token = await open_session(self.url, operator, who.msisdn, level)
        return Payer(self, operator, who, Cabinet(self.http, operator, token))

    async def card(self, **details: Any) -> str:
        """The token of a card of one's own: nobody else pays with it."""
        told = {
            "title": "Card",
            "scheme": "MIR",
            "last_four": "2204",
            "expires_year": 2039,
            "expires_month": 12,
            "issuer_country": "RU",
            "fingerprint": str(uuid4()),
            **details,
        }
        answer = await self.http.post(f"{self.bank}/tokens", json=told)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token

    async def at_the_bank(self, url: str, **form: str) -> httpx2.Response:
        """A button pressed on the bank's page."""
        return await self.http.post(url, data=form)

    async def control(self, **told: Any) -> None:
        """How the bank behaves from now on."""
        assert (await self.http.post(f"{self.bank}/control", json=told)).status_code == 204

    def charged(self, key: object) -> int | None:
        """What the payer of our payment was charged, by the bank's own journal; None: nothing."""
        found = charges(self.journal).get(str(key))
        return found.minor if found is not None else None

    async def code(self, msisdn: str, challenge: str) -> str:
        """The code of a challenge, from the message that has its two letters."""
        tag = await self.value("select tag from challenge where id = $1::uuid", challenge)
        async with asyncio.timeout(10):
            while True:
                for message in (await self.http.get(f"{self.address}/dev/inbox")).json():
                    if message["to"] == msisdn and message.get("code") and tag in message["text"]:
                        code: str = message["code"]
                        return code
                await asyncio.sleep(0.05)

    async def value(self, statement: str, *arguments: object) -> Any:
        """One value of the database."""
        return await self.database.fetchval(statement, *arguments)

    async def row(self, payment: dict[str, Any]) -> asyncpg.Record:
        """A payment as it is stored."""
        found = await self.database.fetchrow("select * from payment where id = $1", key_of(payment))
        assert found is not None
        return found

    async def set(self, payment: dict[str, Any], assignment: str) -> None:
        """Change a payment behind the scenes, such as its times."""
        await self.database.execute(f"update payment set {assignment} where id = $1", key_of(payment))


def key_of(payment: dict[str, Any]) -> int:
    """Our own key of a payment, which its global id has."""
    named = decode(payment["id"])
    assert named is not None
    return int(named.key)


async def quote(payer: Payer, amount: str = "157", currency: str | None = None, **target: str) -> dict[str, Any]:
    """What a payment would cost."""
    money = {"amount": amount, "currency": currency or CURRENCY.get(payer.operator, "RUB")}
    target = target or {"msisdn": payer.who.msisdn}
    found: dict[str, Any] = (await payer.cabinet.data(QUOTE, target=target, amount=money))["paymentQuote"]
    return found
