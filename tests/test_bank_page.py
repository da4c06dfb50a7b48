"""The bank simulator as payers and programs meet it: its page (F073, F077) and its API."""

import time
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest
from playwright.async_api import async_playwright

from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.bank import request_text
from gateways.payments import (
    AwaitingPayer,
    Charged,
    ChosenThere,
    Declined,
    KnownOutcome,
    Pending,
    Token,
)
from gateways.signature import sign
from gateways.simulators.bank.records import Card
from tests.bank import HOME, KEY, Street, charge, ref
from tests.test_browser import CHROMIUM, FLAGS, foreign_addresses


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


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_mir_expired_0001", DeclineReason.METHOD_EXPIRED),
        ("tok_sbp", DeclineReason.METHOD_UNUSABLE),
        ("tok_nobodys", DeclineReason.METHOD_UNUSABLE),
    ],
)
async def test_what_cannot_pay_is_declined_on_the_page_too(town: Street, token: str, reason: DeclineReason) -> None:
    asked = charge(method=ChosenThere(PaymentMethodKind.CARD), return_url=HOME)
    _, url = await awaited(town, asked)
    await town.http.post(url, data={"do": "pay", "token": token})
    outcome = await town.provider.query(ref(asked))
    assert isinstance(outcome, Declined)
    assert outcome.reason == reason


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
    assert "Pay 157.50\xa0RUB" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await town.http.get(f"{town.address}/pay/nothing")).status_code == 404
    assert "tok_visa_4242" in (await town.http.get("/")).text


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


@pytest.mark.browser
async def test_payer_pays_in_a_browser_and_comes_back(town: Street) -> None:
    shop = f"{town.address}/?lang=en"
    asked = charge(method=ChosenThere(PaymentMethodKind.CARD), return_url=shop)
    _, url = await awaited(town, asked)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(locale="en-GB", viewport={"width": 390, "height": 820})
        foreign: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: foreign.extend(foreign_addresses(request.url)))
        page.on("console", lambda message: errors.extend([message.text] if message.type == "error" else []))
        await page.goto(url)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.get_by_role("radio", name="Mastercard").check()
        await page.get_by_role("button", name="Pay 157.50").click()
        await page.wait_for_url(shop)
        await browser.close()
    assert foreign == []
    # A browser asks for an icon by itself.
    assert [error for error in errors if "404" not in error] == []
    outcome = await town.provider.query(ref(asked))
    assert isinstance(outcome, Charged)
    assert outcome.method is not None
    assert outcome.method.last_four == "5555"
