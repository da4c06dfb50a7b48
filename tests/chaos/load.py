"""People who pay, again and again: twice at once, with answers that never come, and who change their minds."""

import asyncio
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from domain.payment import ConfirmationKind
from tests.chaos.http import LOST, Http
from tests.chaos.people import Payer, Wallet

_PAYMENT = "payment { id status confirmation { challengeId redirectUrl } } userErrors { code message }"
_TOP_UP = f"mutation Pay($input: TopUpInput!) {{ topUp(input: $input) {{ {_PAYMENT} }} }}"
_CONFIRM = f"mutation Confirm($input: ConfirmPaymentInput!) {{ confirmPayment(input: $input) {{ {_PAYMENT} }} }}"
_CANCEL = f"mutation Cancel($input: CancelPaymentInput!) {{ cancelPayment(input: $input) {{ {_PAYMENT} }} }}"

_FINAL = frozenset({"COMPLETED", "DECLINED", "EXPIRED", "CANCELLED"})
# How long a code is waited for; a killed worker may have taken it along.
_CODE_SECONDS = 3.0
_RETRY_SECONDS = 0.05
_LOOK_SECONDS = 0.5
# Fewer than the messages that a number gets in an hour.
_CODES_PER_PAYER = 60
# How often a payer opens a new connection, so that a worker that has just started gets its share.
_NEW_CONNECTION = 0.3


@dataclass(slots=True)
class Wanted:
    """One payment, as its payer remembers it. `told` is the last status that anybody answered."""

    key: str
    payer: Payer
    account_id: int
    minor: int
    token: str | None
    told: str | None = None
    was_told_completed: bool = False

    def note(self, payment: dict[str, Any]) -> None:
        self.told = payment["status"]
        self.was_told_completed |= self.told == "COMPLETED"


class Codes:
    """The codes that arrived by SMS, by number, read from the end of the inbox's file."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._read = 0
        self._newest: dict[str, str] = {}

    def newest(self, msisdn: str) -> str | None:
        """The last code that reached a number."""
        if self._inbox.exists():
            with self._inbox.open("rb") as file:
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
            self._read += len(whole) + bool(whole)
            for line in whole.splitlines():
                message = orjson.loads(line)
                if message["code"] is not None:
                    self._newest[message["to"]] = message["code"]
        return self._newest.get(msisdn)


class Load:
    """What everybody wants and what they were told.

    `counts` is what happened, `errors` is what never may. Whoever pays by code gives way to somebody else before the
    messages of their number run out.
    """

    def __init__(self, api: int, bank: int, wallet: Wallet, codes: Codes, payers: list[Payer], seed: int) -> None:
        self.wanted: list[Wanted] = []
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.over = asyncio.Event()
        self._api = api
        self._bank = bank
        self._wallet = wallet
        self._codes = codes
        self._chance = random.Random(seed)
        self._by_operator: defaultdict[str, list[Payer]] = defaultdict(list)
        for payer in payers:
            self._by_operator[payer.operator].append(payer)
        self._waiting = {operator: list(them) for operator, them in self._by_operator.items()}

    async def run(self, operator: str) -> None:
        """One customer of an operator after the other, until it is over."""
        while not self.over.is_set() and self._waiting[operator]:
            payer = self._waiting[operator].pop(0)
            await self._live(payer)
            if payer.confirmation is not ConfirmationKind.SMS_CODE:
                self._waiting[operator].append(payer)

    async def end(self, people: Collection[asyncio.Task[None]], seconds: float) -> None:
        """Nobody begins anything more; whoever still waits after so many seconds is sent home, which is an error.

        They would ask for ever: where each call names the payment anew, a bank that loses its first answer to a
        payment never gets to the second.
        """
        self.over.set()
        _, waiting = await asyncio.wait(people, timeout=seconds)
        for each in waiting:
            each.cancel()
            self.errors["a payer waited in vain"] += 1

    async def _live(self, payer: Payer) -> None:
        """Pay a number of times; each payment is brought to where its payer has no more to do."""
        api, bank = Http(self._api, payer.headers), Http(self._bank)
        twin = Http(self._api, payer.headers)
        try:
            for _ in range(_CODES_PER_PAYER):
                if self.over.is_set():
                    return
                wanted = await self._decide(payer)
                self.wanted.append(wanted)
                payment = await self._submit(api, twin, wanted)
                while payment is not None and self._has_no_page_yet(wanted, payment):
                    await asyncio.sleep(_LOOK_SECONDS)
                    payment = await self._submit(api, twin, wanted)
                if payment is not None and payment["status"] == "AWAITING_CONFIRMATION":
                    await self._confirm(api, bank, wanted, payment)
                await asyncio.sleep(self._chance.uniform(0, 0.1))
                if self._chance.random() < _NEW_CONNECTION:
                    api.close()
        finally:
            for each in (api, twin, bank):
                each.close()

    def _has_no_page_yet(self, wanted: Wanted, payment: dict[str, Any]) -> bool:
        # The bank's answer was lost: where to go is told by a repetition.
        return payment["status"] == "PROCESSING" and wanted.payer.confirmation is ConfirmationKind.BANK_REDIRECT

    async def _decide(self, payer: Payer) -> Wanted:
        by_page = payer.confirmation is ConfirmationKind.BANK_REDIRECT
        token = None
        # On the bank's page a card may be chosen that nobody knows before: then its money is held first.
        while not (by_page and self._chance.random() < 0.3):
            try:
                token = await self._wallet.card(own=payer.confirmation is ConfirmationKind.SMS_CODE)
                break
            except LOST:
                await asyncio.sleep(_RETRY_SECONDS)
        target = self._chance.choice([payer, *self._by_operator[payer.operator]])
        return Wanted(str(uuid.uuid4()), payer, target.account_id, 100 * self._chance.randint(100, 400), token)

    def _input(self, wanted: Wanted, minor: int) -> dict[str, Any]:
        told: dict[str, Any] = {
            "idempotencyKey": wanted.key,
            "target": {"msisdn": self._number_of(wanted)},
            "amount": {"amount": str(minor // 100), "currency": "RUB"},
            "method": "CARD",
            "acceptTerms": True,
            "receiptEmail": "payer@example.org",
        }
        return told | ({"token": wanted.token} if wanted.token is not None else {})

    def _number_of(self, wanted: Wanted) -> str:
        everybody = self._by_operator[wanted.payer.operator]
        return next(each.msisdn for each in everybody if each.account_id == wanted.account_id)

    async def _submit(self, api: Http, twin: Http, wanted: Wanted) -> dict[str, Any] | None:
        """Ask until there is an answer, in one case of four twice at once, and then with another amount."""
        while True:
            asked = [self._mutate(api, "topUp", _TOP_UP, self._input(wanted, wanted.minor))]
            if self._chance.random() < 0.25:
                self.counts["double submits"] += 1
                asked.append(self._mutate(twin, "topUp", _TOP_UP, self._input(wanted, wanted.minor)))
            payloads = [each for each in await asyncio.gather(*asked) if each is not None]
            answered = [each["payment"] for each in payloads if each["payment"] is not None]
            refusals = [each["userErrors"][0]["code"] for each in payloads if each["userErrors"]]
            self.counts.update(refusals)
            if len({each["id"] for each in answered}) > 1:
                self.errors["one key has two payments"] += 1
            if answered:
                break
            if any(each != "CHANNEL_UNAVAILABLE" for each in refusals):
                self.errors.update(refusals)
                return None
            await asyncio.sleep(_RETRY_SECONDS)
        for payment in answered:
            wanted.note(payment)
        if self._chance.random() < 0.1:
            await self._submit_otherwise(twin, wanted)
        last: dict[str, Any] = answered[-1]
        return last

    async def _submit_otherwise(self, twin: Http, wanted: Wanted) -> None:
        told = await self._mutate(twin, "topUp", _TOP_UP, self._input(wanted, wanted.minor + 100))
        if told is not None:
            codes = [error["code"] for error in told["userErrors"]]
            self.counts["conflicting submits"] += 1
            if codes != ["IDEMPOTENCY_CONFLICT"]:
                self.errors[f"another amount with the same key: {codes}"] += 1

    async def _confirm(self, api: Http, bank: Http, wanted: Wanted, payment: dict[str, Any]) -> None:
        confirmation = payment["confirmation"]
        if self._chance.random() < 0.1:
            await self._give_up(api, wanted, payment)
        elif confirmation["redirectUrl"] is not None:
            await self._pay_on_the_page(api, bank, wanted, payment)
        elif confirmation["challengeId"] is not None:
            await self._give_the_code(api, wanted, payment)

    async def _pay_on_the_page(self, api: Http, bank: Http, wanted: Wanted, payment: dict[str, Any]) -> None:
        [word] = self._chance.choices(["pay", "lose", "decline", "lose-and-fail"], [70, 15, 10, 5])
        path = "/pay/" + payment["confirmation"]["redirectUrl"].rpartition("/")[2]
        form = f"do={word}" + ("&token=tok_mir_2204" if wanted.token is None else "")
        while True:
            try:
                await bank.post(path, form.encode(), "application/x-www-form-urlencoded")
                break
            except LOST:
                await asyncio.sleep(_RETRY_SECONDS)
        if self._chance.random() < 0.2:
            # Too late, or just in time: the bank decides.
            await self._give_up(api, wanted, payment)

    async def _give_the_code(self, api: Http, wanted: Wanted, payment: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CODE_SECONDS
        challenge, tried = payment["confirmation"]["challengeId"], None
        while loop.time() < deadline:
            code = self._codes.newest(wanted.payer.msisdn)
            if code is None or code == tried:
                await asyncio.sleep(0.02)
                continue
            told = await self._mutate(api, "confirmPayment", _CONFIRM, {"challengeId": challenge, "code": code})
            if told is None:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if told["payment"] is not None:
                wanted.note(told["payment"])
                return
            # The code of the payment before, which came first; or the answer to the right one was lost.
            if told["userErrors"][0]["code"] in ("CODE_ALREADY_USED", "CONFLICT"):
                return
            tried = code
        await self._give_up(api, wanted, payment)

    async def _give_up(self, api: Http, wanted: Wanted, payment: dict[str, Any]) -> None:
        while True:
            told = await self._mutate(api, "cancelPayment", _CANCEL, {"paymentId": payment["id"]})
            codes = [error["code"] for error in told["userErrors"]] if told is not None else ["LOST"]
            if told is not None and told["payment"] is not None:
                self.counts["cancels"] += 1
                wanted.note(told["payment"])
                return
            if codes not in (["LOST"], ["CHANNEL_UNAVAILABLE"], ["PAYMENT_UNAVAILABLE"]):
                return
            await asyncio.sleep(_RETRY_SECONDS)

    async def _mutate(self, api: Http, name: str, query: str, told: dict[str, Any]) -> dict[str, Any] | None:
        """The payload of a mutation, or None where nobody knows what was done."""
        self.counts["requests"] += 1
        try:
            answer = await api.json("/graphql", {"query": query, "variables": {"input": told}})
        except LOST:
            self.counts["unanswered"] += 1
            return None
        self.counts["answered"] += 1
        if "errors" in answer:
            self.errors[str(answer["errors"][0]["message"])] += 1
            return None
        payload: dict[str, Any] = answer["data"][name]
        return payload
