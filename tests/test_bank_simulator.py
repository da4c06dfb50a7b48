"""F064–F080: the payment provider's port, through the bank simulator: over real sockets, in process and killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from domain.money import CurrencyCode, Money
from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.accounts import BankAccount
from gateways.bank import BankProvider, read_bank_notification, request_text
from gateways.payments import (
    AwaitingPayer,
    Charged,
    ChosenThere,
    Declined,
    Held,
    KnownOutcome,
    MethodSaved,
    NewMethod,
    Notification,
    NotKnown,
    PaymentProvider,
    Pending,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderUnavailable,
    Refund,
    RefundDeclined,
    Refunded,
    RefundPending,
    Saved,
    Token,
)
from gateways.signature import PostRejected, sign
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import InProcessBank
from gateways.simulators.bank.journal import Journal, charges
from gateways.simulators.bank.records import Behaviour, Card
from server.bank_process import journal_file, local_bank
from server.payment_gateway import payment_provider
from server.settings import Settings
from tests.bank import KEY, Street, charge, ref, street, until
from tests.conftest import ROOT, SECRET, free_port

RUB = CurrencyCode.RUB
HOME = "https://lk.example.ru/paid"


@pytest.fixture(scope="module")
async def running_street() -> AsyncIterator[Street]:
    async with street() as running:
        yield running


@pytest.fixture
async def town(running_street: Street) -> Street:
    running_street.shop.told.clear()
    running_street.shop.posts.clear()
    running_street.bank.webhooks_held = False
    running_street.bank.control(Behaviour())
    return running_street


@pytest.fixture(params=["http", "in process"])
def provider(request: pytest.FixtureRequest, town: Street) -> PaymentProvider:
    """The same bank, over its socket and without one."""
    return town.provider if request.param == "http" else InProcessBank(town.bank, KEY)


def refund_of(charged: Any, minor: int, key: str) -> Refund:
    return Refund(key, ref(charged), Money(minor, RUB), charged.created_at, "По заявлению")


async def test_charge_moves_the_money_and_tells_what_it_was_paid_with(provider: PaymentProvider) -> None:
    asked = charge("tok_visa_4242")
    outcome = await provider.charge(asked)
    assert isinstance(outcome, Charged)
    assert outcome.amount == Money(15750, RUB)
    assert outcome.method == await provider.method_details(Token("tok_visa_4242"))
    assert await provider.query(ref(asked)) == outcome


async def test_what_a_method_is_is_known_before_it_is_charged(provider: PaymentProvider) -> None:
    card = await provider.method_details(Token("tok_visa_foreign_1111"))
    assert card is not None
    assert (card.kind, card.scheme, card.issuer_country) == (PaymentMethodKind.CARD, CardScheme.VISA, "DE")
    assert (card.last_four, card.expires_year, card.expires_month) == ("1111", 2039, 12)
    strange = await provider.method_details(Token("tok_unionpay_6200"))
    assert strange is not None
    assert strange.scheme is None, "a scheme that no operator takes"
    assert await provider.method_details(Token("tok_nothing")) is None
    assert await provider.method_details(Saved("pm_nothing")) is None


@pytest.mark.parametrize("minor", [1, 99, 100, 15750, 10**15])
async def test_amounts_are_exact(provider: PaymentProvider, minor: int) -> None:
    outcome = await provider.charge(charge(minor=minor))
    assert isinstance(outcome, Charged)
    assert outcome.amount.minor == minor


async def test_amount_travels_as_text(town: Street) -> None:
    asked = charge(minor=15750)
    await town.provider.charge(asked)
    await town.shop.told_of(asked.key)
    assert orjson.loads(town.shop.posts[-1][0])["amount"] == "157.50"


async def test_fifty_concurrent_charges_with_one_key_are_one_charge(town: Street) -> None:
    asked = charge()
    outcomes = await asyncio.gather(*(town.provider.charge(asked) for _ in range(50)))
    assert len(set(map(repr, outcomes))) == 1
    assert len(await town.shop.told_of(asked.key)) == 1


async def test_a_key_is_never_another_payment(provider: PaymentProvider) -> None:
    asked = charge()
    first = await provider.charge(asked)
    for other in (replace(asked, amount=Money(1, RUB)), replace(asked, method=Token("tok_visa_4242"))):
        with pytest.raises(ProviderMisconfigured):
            await provider.charge(other)
    assert await provider.query(ref(asked)) == first


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_mir_expired_0001", DeclineReason.METHOD_EXPIRED),
        ("tok_mir_poor_0002", DeclineReason.INSUFFICIENT_FUNDS),
        ("tok_mir_fraud_0003", DeclineReason.FRAUD_SUSPECTED),
        ("tok_nobodys", DeclineReason.METHOD_UNUSABLE),
        ("tok_mir_confirm_0013", DeclineReason.NOT_CONFIRMED),
    ],
)
async def test_declined_is_final_and_has_a_reason(
    provider: PaymentProvider, town: Street, token: str, reason: DeclineReason
) -> None:
    asked = charge(token)
    outcome = await provider.charge(asked)
    assert isinstance(outcome, Declined)
    assert outcome.reason == reason
    assert await provider.charge(asked) == outcome
    assert [each.outcome for each in await town.shop.told_of(asked.key)] == [outcome]


async def test_unknown_key_is_not_known(provider: PaymentProvider) -> None:
    asked = charge()
    assert await provider.query(ref(asked)) == NotKnown()
    assert await provider.capture(ref(asked), asked.amount) == NotKnown()
    assert await provider.cancel(ref(asked)) == NotKnown()


async def test_lost_answer_is_no_decline_and_the_money_has_moved(provider: PaymentProvider) -> None:
    asked = charge("tok_mir_lost_0011")
    with pytest.raises(ProviderUnavailable):
        await provider.charge(asked)
    known = await provider.query(ref(asked))
    assert isinstance(known, Charged)
    assert await provider.charge(asked) == known


async def test_bank_that_is_down_did_nothing(provider: PaymentProvider) -> None:
    asked = charge("tok_mir_down_0016")
    with pytest.raises(ProviderUnavailable):
        await provider.charge(asked)
    assert await provider.query(ref(asked)) == NotKnown()


async def test_answer_that_is_too_late_is_no_decline(town: Street) -> None:
    town.bank.control(Behaviour(answer_after=0.5))
    asked = charge()
    async with BankProvider(BankAccount(town.address, KEY), seconds=0.1) as impatient:
        with pytest.raises(ProviderUnavailable, match="TimeoutError") as failure:
            await impatient.charge(asked)
    assert "tok_" not in f"{failure.value!r} {asked!r}"
    assert isinstance(await town.provider.query(ref(asked)), Charged)


async def test_bank_that_is_not_there_is_no_decline() -> None:
    async with BankProvider(BankAccount(f"http://127.0.0.1:{free_port()}", KEY)) as provider:
        for call in (provider.charge(charge()), provider.query(ref(charge()))):
            with pytest.raises(ProviderUnavailable, match="ConnectError"):
                await call


async def test_pending_is_settled_later_and_told(provider: PaymentProvider, town: Street) -> None:
    town.bank.control(Behaviour(settle_after=0.3))
    asked = charge()
    assert isinstance(await provider.charge(asked), Pending)
    told = await town.shop.told_of(asked.key, 2)
    assert [type(each.outcome) for each in told] == [Pending, Charged]
    assert isinstance(await provider.query(ref(asked)), Charged)


async def test_held_money_is_taken_in_part_or_given_up(provider: PaymentProvider) -> None:
    taken, given_up = charge(hold=True), charge(hold=True)
    for asked in (taken, given_up):
        assert isinstance(await provider.charge(asked), Held)
    part = await provider.capture(ref(taken), Money(10000, RUB))
    assert isinstance(part, Charged)
    assert part.amount == Money(10000, RUB)
    assert await provider.capture(ref(taken), Money(10000, RUB)) == part, "a repetition takes nothing more"
    assert await provider.cancel(ref(taken)) == part, "what is paid is not cancelled"
    assert isinstance(await provider.cancel(ref(given_up)), Declined)
    assert isinstance(await provider.query(ref(given_up)), Declined)


async def test_more_than_was_held_is_not_taken(provider: PaymentProvider) -> None:
    asked = charge(hold=True)
    await provider.charge(asked)
    with pytest.raises(ProviderFailed):
        await provider.capture(ref(asked), Money(15751, RUB))
    assert isinstance(await provider.query(ref(asked)), Held)


async def test_saved_method_pays_again_and_repetitions_save_it_once(provider: PaymentProvider) -> None:
    first = await provider.charge(charge("tok_visa_4242", save_method=True))
    assert isinstance(first, Charged)
    assert first.saved is not None
    again = await provider.charge(charge(method=Saved(first.saved)))
    assert isinstance(again, Charged)
    assert again.method == first.method == await provider.method_details(Saved(first.saved))
    asked = NewMethod(charge().key, "tok_mir_2204", None)
    kept = await provider.save_method(asked)
    assert isinstance(kept, MethodSaved)
    assert await provider.save_method(asked) == kept
    assert kept.reference not in repr(kept)
    assert isinstance(await provider.save_method(NewMethod(charge().key, "tok_nobodys", None)), Declined)
    assert isinstance(await provider.save_method(NewMethod(charge().key, "tok_mir_expired_0001", None)), Declined)


async def test_method_that_was_not_to_be_saved_is_not(provider: PaymentProvider) -> None:
    outcome = await provider.charge(charge())
    assert isinstance(outcome, Charged)
    assert outcome.saved is None


async def test_refunds_give_back_no_more_than_was_paid(provider: PaymentProvider) -> None:
    asked = charge()
    await provider.charge(asked)
    part = await provider.refund(refund_of(asked, 10000, f"{asked.key}-1"))
    assert isinstance(part, Refunded)
    assert await provider.refund(refund_of(asked, 10000, f"{asked.key}-1")) == part, "a key gives back once"
    assert isinstance(await provider.refund(refund_of(asked, 5751, f"{asked.key}-2")), RefundDeclined)
    rest = await provider.refund(refund_of(asked, 5750, f"{asked.key}-3"))
    assert isinstance(rest, Refunded)
    assert rest.amount == Money(5750, RUB)
    with pytest.raises(ProviderMisconfigured):
        await provider.refund(refund_of(asked, 1, f"{asked.key}-1"))


async def test_what_was_not_paid_is_not_refunded(provider: PaymentProvider) -> None:
    declined, unknown = charge("tok_mir_poor_0002"), charge()
    await provider.charge(declined)
    for asked in (declined, unknown):
        assert isinstance(await provider.refund(refund_of(asked, 1, f"{asked.key}-1")), RefundDeclined)


async def test_pending_refund_sets_its_money_aside(provider: PaymentProvider, town: Street) -> None:
    asked = charge()
    await provider.charge(asked)
    town.bank.control(Behaviour(settle_after=0.2))
    first = refund_of(asked, 15750, f"{asked.key}-1")
    assert isinstance(await provider.refund(first), RefundPending)
    assert isinstance(await provider.refund(refund_of(asked, 1, f"{asked.key}-2")), RefundDeclined)
    told = await town.shop.told_of(first.key, 2)
    assert isinstance(told[-1].outcome, Refunded)
    assert await provider.refund(first) == told[-1].outcome


# The page


async def awaited(town: Street, asked: Any) -> tuple[AwaitingPayer, str]:
    outcome = await town.provider.charge(asked)
    assert isinstance(outcome, AwaitingPayer)
    assert outcome.url.startswith(town.address)
    assert outcome.url not in repr(outcome)
    return outcome, outcome.url


@pytest.mark.parametrize(
    ("button", "expected", "returns"),
    [
        ("pay", Charged, True),
        ("decline", Declined, True),
        ("", Declined, True),
        ("later", Pending, True),
        ("lose", Charged, False),
        ("lose-and-fail", Declined, False),
    ],
)
async def test_f073_payer_decides_on_the_page(
    town: Street, button: str, expected: type[KnownOutcome], returns: bool
) -> None:
    asked = charge("tok_visa_4242", return_url=HOME, always_confirm=True)
    _, url = await awaited(town, asked)
    page = await town.http.get(url, headers={"accept-language": "ru-RU,ru"})
    assert "157,50" in page.text
    assert "4242" in page.text
    assert asked.description in page.text
    answer = await town.http.post(url, data={"do": button})
    assert (answer.status_code, answer.headers.get("location")) == ((303, HOME) if returns else (200, None))
    assert isinstance(await town.provider.query(ref(asked)), expected)
    again = await town.http.post(url, data={"do": "pay"})
    assert again.status_code == 200, "a second press decides nothing"
    assert isinstance(await town.provider.query(ref(asked)), expected)


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        (PaymentMethodKind.CARD, "tok_mastercard_5555"),
        (PaymentMethodKind.SBP, "tok_sbp"),
        (PaymentMethodKind.E_WALLET, "tok_wallet"),
        (PaymentMethodKind.BANK_APP, "tok_bank_app"),
        (PaymentMethodKind.APPLE_PAY, ""),
    ],
)
async def test_f077_payer_gives_the_means_of_payment_on_the_page(
    town: Street, kind: PaymentMethodKind, token: str
) -> None:
    asked = charge(method=ChosenThere(kind), return_url=HOME, save_method=True)
    _, url = await awaited(town, asked)
    assert token in (await town.http.get(url)).text
    await town.http.post(url, data={"do": "pay", "token": token})
    outcome = await town.provider.query(ref(asked))
    assert isinstance(outcome, Charged)
    assert outcome.method is not None
    assert outcome.method.kind == kind
    assert outcome.saved is not None


async def test_payment_that_waits_can_be_cancelled_and_then_not_paid(town: Street) -> None:
    asked = charge(return_url=HOME, always_confirm=True)
    _, url = await awaited(town, asked)
    assert isinstance(await town.provider.cancel(ref(asked)), Declined)
    await town.http.post(url, data={"do": "pay"})
    assert isinstance(await town.provider.query(ref(asked)), Declined)


async def test_page_speaks_english_escapes_and_loads_nothing(town: Street) -> None:
    asked = replace(charge(return_url=HOME, always_confirm=True), description="<script>alert(1)</script>")
    _, url = await awaited(town, asked)
    page = await town.http.get(url, params={"lang": "en"})
    assert "Pay RUB" in page.text.replace("\xa0", "")
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await town.http.get(f"{town.address}/pay/nothing")).status_code == 404
    assert "tok_visa_4242" in (await town.http.get("/")).text


# Notifications


async def test_notification_tells_the_outcome(town: Street) -> None:
    asked = charge()
    outcome = await town.provider.charge(asked)
    (told,) = await town.shop.told_of(asked.key)
    assert told.outcome == outcome
    body, headers = town.shop.posts[-1]
    assert await town.provider.read_notification(body, headers, peer="127.0.0.1", now=time.time()) == told


async def test_duplicates_have_the_same_name(town: Street) -> None:
    asked = charge("tok_mir_twice_0014")
    await town.provider.charge(asked)
    first, second = await town.shop.told_of(asked.key, 2)
    assert first == second


async def test_silent_bank_tells_nothing_and_answers_questions(town: Street) -> None:
    asked = charge("tok_mir_silent_0015")
    await town.provider.charge(asked)
    assert not [event for event in town.bank.untold() if asked.key in event.body]
    assert isinstance(await town.provider.query(ref(asked)), Charged)


async def test_notification_that_is_not_taken_comes_again(town: Street) -> None:
    town.shop.refusals = 2
    asked = charge()
    await town.provider.charge(asked)
    assert len(await town.shop.told_of(asked.key)) == 1
    assert town.shop.refusals == 0


async def test_late_notification_is_signed_when_it_is_sent(town: Street) -> None:
    town.bank.control(Behaviour(notify_after=1.2))
    asked, at = charge(), time.time()
    await town.provider.charge(asked)
    await town.shop.told_of(asked.key)
    assert int(town.shop.posts[-1][1]["x-hearth-timestamp"]) >= int(at + 1.2)


async def test_reordered_notifications_say_what_was_then(town: Street) -> None:
    await town.http.post("/control", json={"webhooks": "held"})
    asked = charge(hold=True)
    await town.provider.charge(asked)
    await town.provider.capture(ref(asked), asked.amount)
    answer = await town.http.post("/control/release", json={"backwards": True})
    assert answer.json()["told"] == 2
    assert [type(each.outcome) for each in town.shop.told] == [Charged, Held]
    assert len({each.id for each in town.shop.told}) == 2


BODY = orjson.dumps(
    {"event": "evt_1", "about": "payment", "key": "k", "state": "PENDING", "amount": "1.00", "currency": "RUB"}
    | {"id": "bank-1", "reason": None, "url": None, "method": None, "saved": None}
)
NOW = 1_790_000_000


def read(body: bytes = BODY, *, at: int = NOW, key: str = KEY, now: float = NOW) -> object:
    headers = {"x-hearth-timestamp": str(at), "x-hearth-signature": sign(body, at, key)}
    return read_bank_notification(body, headers, key=KEY, now=now)


@pytest.mark.parametrize("apart", [-300, 300])
def test_notification_within_five_minutes_counts(apart: int) -> None:
    assert read(now=NOW + apart) == Notification("evt_1", "k", Pending("bank-1"))


@pytest.mark.parametrize("apart", [-301, 301, 86_400])
def test_notification_of_another_time_is_rejected(apart: int) -> None:
    with pytest.raises(PostRejected, match="the time now"):
        read(now=NOW + apart)


def test_forged_notification_is_rejected() -> None:
    with pytest.raises(PostRejected, match="not the signature"):
        read(key="another key")
    headers = {"x-hearth-timestamp": str(NOW), "x-hearth-signature": sign(BODY, NOW, KEY)}
    for body, told in ((BODY + b" ", headers), (BODY, {**headers, "x-hearth-timestamp": str(NOW + 1)}), (BODY, {})):
        with pytest.raises(PostRejected):
            read_bank_notification(body, told, key=KEY, now=NOW)
    with pytest.raises(PostRejected, match="no key is configured"):
        read_bank_notification(BODY, headers, key="", now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"event": "e"}',
        BODY.replace(b"PENDING", b"PAID"),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b'"1.00"', b'"1e400"'),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b'"1.00"', b'"NaN"'),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b'"1.00"', b"1.00"),
        BODY.replace(b'"PENDING"', b'"CHARGED"').replace(b"RUB", b"USD"),
        BODY.replace(b'"PENDING"', b'"DECLINED"'),
        BODY.replace(b'"k"', b"7"),
        b" " * 5000 + BODY,
    ],
)
def test_signed_nonsense_is_rejected(body: bytes) -> None:
    with pytest.raises(PostRejected):
        read(body)


# The API


async def post(town: Street, path: str, body: bytes, *, key: str = KEY, age: int = 0) -> httpx2.Response:
    at = int(time.time()) - age
    headers = {"x-hearth-timestamp": str(at), "x-hearth-signature": sign(request_text("POST", path, body), at, key)}
    return await town.http.post(path, content=body, headers=headers)


ORDER: dict[str, Any] = {"key": "api-1", "amount": "157.50", "currency": "RUB", "token": "tok_mir_2204"}


async def test_request_that_is_not_signed_now_by_the_shop_does_nothing(town: Street) -> None:
    body = orjson.dumps({**ORDER, "key": "forged"})
    assert (await post(town, "/v1/payments", body, key="another key")).status_code == 403
    assert (await post(town, "/v1/payments", body, age=301)).status_code == 403
    assert (await town.http.post("/v1/payments", content=body)).status_code == 403
    assert town.bank.payment("forged") is None


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "0.00"},
        {"amount": "-1"},
        {"amount": "157.505"},
        {"amount": "1e3"},
        {"amount": "NaN"},
        {"amount": 157.5},
        {"amount": "9" * 40},
        {"currency": "USD"},
        {"key": ""},
        {"key": "k" * 65},
        {"token": None},
        {"saved": "pm_1"},
        {"kind": "GOLD", "token": None},
        {"card_number": "2204000000000000"},
        {"cvv": "123"},
    ],
)
async def test_malformed_charge_is_refused_and_not_quoted(town: Street, changed: dict[str, Any]) -> None:
    answer = await post(town, "/v1/payments", orjson.dumps(ORDER | {"key": "malformed"} | changed))
    assert answer.status_code == 400
    assert "2204000000000000" not in answer.text
    assert town.bank.payment("malformed") is None


@pytest.mark.parametrize(("body", "status"), [(b"", 400), (b"{", 400), (b"[]", 400), (b" " * 5000, 413)])
async def test_body_that_is_none_is_refused(town: Street, body: bytes, status: int) -> None:
    assert (await post(town, "/v1/payments", body)).status_code == status


async def test_tests_make_tokens_of_their_own(town: Street) -> None:
    card = {"title": "Own", "scheme": "MIR", "last_four": "7777", "expires_year": 2035, "expires_month": 1}
    answer = await town.http.post("/tokens", json={**card, "behaviour": {"decline": "LIMIT_EXCEEDED"}})
    assert answer.status_code == 201
    outcome = await town.provider.charge(charge(answer.json()["token"]))
    assert isinstance(outcome, Declined)
    assert outcome.reason == DeclineReason.LIMIT_EXCEEDED
    refused = await town.http.post("/tokens", json={**card, "number": "2204000000000000"})
    assert refused.status_code == 400


async def test_same_card_has_the_same_fingerprint_under_every_token(town: Street) -> None:
    card = Card("Twin", scheme=CardScheme.MIR, last_four="8888", expires_year=2035, expires_month=1)
    one, two = [await town.provider.method_details(Token(town.bank.make_token(card))) for _ in range(2)]
    other = await town.provider.method_details(Token("tok_mir_2204"))
    assert one == two
    assert one is not None
    assert other is not None
    assert one.fingerprint != other.fingerprint


# What outlives a kill


def test_journal_gives_everything_back(tmp_path: Path) -> None:
    file = tmp_path / "journal.ndjson"
    journal = Journal(file)
    bank = Bank(journal)
    provider = InProcessBank(bank)
    own = bank.make_token(Card("Own", last_four="7777"))
    bank.control(Behaviour(notify_after=60))
    asked = [charge(own, save_method=True), charge(hold=True), charge(return_url=HOME, always_confirm=True)]
    for each in asked:
        asyncio.run(provider.charge(each))
    asyncio.run(provider.refund(refund_of(asked[0], 750, "refund-1")))
    journal.close()
    # A line that was being written when the process died.
    with file.open("ab") as torn:
        torn.write(b'{"at": 1, "paym')

    again = Bank(Journal(file))
    for each in asked:
        assert again.payment(each.key) == bank.payment(each.key)
        assert not again.charge(bank_order(bank, each.key))[1], "a repetition is no second charge"
    assert again.card(own, None) == bank.card(own, None)
    assert again.card(None, f"pm_{asked[0].key}") is not None
    assert again.untold() == bank.untold()
    assert again.everybody == bank.everybody
    assert charges(file) == {asked[0].key: Money(15000, RUB)}
    assert isinstance(asyncio.run(InProcessBank(again).refund(refund_of(asked[0], 750, "refund-1"))), Refunded)
    assert charges(file) == {asked[0].key: Money(15000, RUB)}


def bank_order(bank: Bank, key: str) -> Any:
    payment = bank.payment(key)
    assert payment is not None
    return payment.order


class BankProcess:
    """`hearth bank` in a data directory."""

    def __init__(self, data: Path, port: int) -> None:
        self.settings = Settings(
            env="development", data=data, secret=SECRET, port=port, database_url="postgresql://x/y"
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")},
            "PYTHONPATH": str(ROOT),
            "HEARTH_DATA": str(data),
            "HEARTH_SECRET": SECRET,
            "PORT": str(port),
        }
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "server.cli", "bank"]
        self.process = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert b"Bank simulator at" in self.process.stdout.readline()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


async def test_bank_that_is_killed_again_and_again_charges_each_key_once(tmp_path: Path) -> None:
    bank = await asyncio.to_thread(BankProcess, tmp_path, free_port())
    asked = [charge(minor=1000 + number) for number in range(40)]
    first: dict[str, KnownOutcome] = {}

    async def pay(provider: PaymentProvider, each: Any) -> None:
        while True:
            try:
                outcome = await provider.charge(each)
            except ProviderFailed:
                await asyncio.sleep(0.05)
                continue
            assert first.setdefault(each.key, outcome) == outcome
            return

    try:
        account = local_bank(bank.settings)
        assert account is not None
        async with payment_provider(bank.settings) as provider:
            for round_ in range(4):
                paying = [asyncio.create_task(pay(provider, each)) for each in asked[: 10 * (round_ + 1)]]
                await until(lambda paying=paying: any(task.done() for task in paying))
                await asyncio.to_thread(bank.kill)
                await asyncio.to_thread(bank.start)
                await asyncio.gather(*paying)
            assert local_bank(bank.settings) == account, "links to its pages outlive it"
        assert charges(journal_file(bank.settings)) == {each.key: each.amount for each in asked}
    finally:
        bank.process.kill()
        bank.process.wait()
