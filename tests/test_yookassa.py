"""The YooKassa adapter against the API's documented messages, over a real socket."""

import base64
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.money import CurrencyCode, Money
from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.accounts import YooKassaAccount
from gateways.payments import (
    AwaitingPayer,
    Charge,
    Charged,
    ChosenThere,
    Declined,
    Held,
    MethodDetails,
    NewMethod,
    Notification,
    NotKnown,
    PaymentRef,
    ProviderBusy,
    ProviderFailed,
    ProviderMisconfigured,
    ProviderUnavailable,
    Refund,
    RefundDeclined,
    Refunded,
    Saved,
    Token,
)
from gateways.signature import PostRejected
from gateways.yookassa import YooKassaProvider
from tests.bank import HOME, charge, ref, refund_of, served
from tests.yookassa import CARD, KEY, SHOP, YooKassa

HERE = "127.0.0.1"


class Stage:
    """One server for all tests of the module: whose peer it is changes with every test."""

    peer: YooKassa
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
async def address(stage: Stage) -> AsyncIterator[str]:
    async with served(stage) as running:
        yield f"{running}/v3"


@pytest.fixture(scope="module")
async def adapter(stage: Stage, address: str) -> AsyncIterator[YooKassaProvider]:
    async with YooKassaProvider(YooKassaAccount(address, SHOP, KEY), now=lambda: stage.peer.now) as opened:
        yield opened


@pytest.fixture
def peer(stage: Stage) -> YooKassa:
    stage.peer = YooKassa()
    stage.app = stage.peer.app
    return stage.peer


@pytest.fixture
def provider(peer: YooKassa, adapter: YooKassaProvider) -> YooKassaProvider:
    return adapter


async def test_charge_is_what_the_documentation_says(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked = charge("+u7PDjMTkf08NtD66P6+eYWa2yjU3gsSIhOOO+OWsOg=", minor=15700)
    outcome = await provider.charge(asked)
    assert isinstance(outcome, Charged)
    assert outcome.amount == Money(15700, CurrencyCode.RUB)
    (path, authorization, key, told) = peer.requests[0]
    assert path == "/v3/payments"
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"{SHOP}:{KEY}"
    assert key == asked.key
    assert told == {
        "amount": {"value": "157.00", "currency": "RUB"},
        "capture": True,
        "description": asked.description,
        "metadata": {"hearth_key": asked.key},
        "payment_token": "+u7PDjMTkf08NtD66P6+eYWa2yjU3gsSIhOOO+OWsOg=",
    }
    assert await provider.query(ref(asked, outcome.provider_id)) == outcome


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"method": Saved("2f-1")}, {"payment_method_id": "2f-1"}),
        ({"method": Saved("2f-1"), "return_url": HOME}, {"payment_method_id": "2f-1"}),
        (
            {"method": ChosenThere(PaymentMethodKind.SBP), "return_url": HOME},
            {"payment_method_data": {"type": "sbp"}, "confirmation": {"type": "redirect", "return_url": HOME}},
        ),
        (
            {"method": ChosenThere(PaymentMethodKind.GOOGLE_PAY), "return_url": HOME},
            {"confirmation": {"type": "redirect", "return_url": HOME}},
        ),
        (
            {"method": Token("t"), "return_url": HOME, "always_confirm": True, "save_method": True},
            {
                "payment_token": "t",
                "confirmation": {"type": "redirect", "return_url": HOME, "enforce": True},
                "save_payment_method": True,
            },
        ),
        ({"method": Token("t"), "hold": True, "description": "x" * 200}, {"payment_token": "t", "capture": False}),
    ],
)
async def test_means_of_payment_as_documented(
    peer: YooKassa, provider: YooKassaProvider, changed: dict[str, Any], told: dict[str, Any]
) -> None:
    await provider.charge(replace(charge(), **changed))
    sent = peer.requests[0][3]
    assert len(sent.pop("description")) <= 128
    common = {"amount": sent["amount"], "metadata": sent["metadata"], "capture": True}
    assert sent == common | told


async def test_card_is_described_and_has_one_fingerprint(peer: YooKassa, provider: YooKassaProvider) -> None:
    one, two = [await provider.charge(charge(f"t{number}")) for number in range(2)]
    peer.card = {**CARD, "last4": "0001"}
    other = await provider.charge(charge("t3"))
    assert isinstance(one, Charged)
    assert isinstance(two, Charged)
    assert isinstance(other, Charged)
    assert one.method is not None
    assert other.method is not None
    assert one.method == two.method
    assert one.method.fingerprint != other.method.fingerprint
    assert replace(one.method, fingerprint=None) == MethodDetails(
        PaymentMethodKind.CARD, CardScheme.MIR, "4477", 2039, 7, "RU"
    )
    assert "4477" not in repr(one)


@pytest.mark.parametrize(
    ("card", "kind", "scheme"),
    [
        ({"card_type": "Visa"}, PaymentMethodKind.CARD, CardScheme.VISA),
        ({"card_type": "MasterCard", "source": "google_pay"}, PaymentMethodKind.GOOGLE_PAY, CardScheme.MASTERCARD),
        ({"card_type": "UnionPay"}, PaymentMethodKind.CARD, None),
        ({"card_type": "Unknown"}, PaymentMethodKind.CARD, None),
    ],
)
async def test_schemes_and_sources(
    peer: YooKassa,
    provider: YooKassaProvider,
    card: dict[str, str],
    kind: PaymentMethodKind,
    scheme: CardScheme | None,
) -> None:
    peer.card = {**CARD, **card}
    outcome = await provider.charge(charge())
    assert isinstance(outcome, Charged)
    assert outcome.method is not None
    assert (outcome.method.kind, outcome.method.scheme) == (kind, scheme)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("insufficient_funds", DeclineReason.INSUFFICIENT_FUNDS),
        ("card_expired", DeclineReason.METHOD_EXPIRED),
        ("3d_secure_failed", DeclineReason.NOT_CONFIRMED),
        ("country_forbidden", DeclineReason.COUNTRY_FORBIDDEN),
        ("fraud_suspected", DeclineReason.FRAUD_SUSPECTED),
        ("permission_revoked", DeclineReason.METHOD_UNUSABLE),
        ("payment_method_limit_exceeded", DeclineReason.LIMIT_EXCEEDED),
        ("issuer_unavailable", DeclineReason.ISSUER_UNAVAILABLE),
        ("general_decline", DeclineReason.OTHER),
        ("what nobody knows yet", DeclineReason.OTHER),
    ],
)
async def test_reasons_of_cancellation(
    peer: YooKassa, provider: YooKassaProvider, reason: str, expected: DeclineReason
) -> None:
    peer.decline = reason
    outcome = await provider.charge(charge())
    assert isinstance(outcome, Declined)
    assert outcome.reason == expected


async def test_payer_is_sent_to_yookassas_page(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked = charge(return_url=HOME)
    outcome = await provider.charge(asked)
    assert isinstance(outcome, AwaitingPayer)
    assert outcome.url.startswith("https://yoomoney.ru/checkout/")
    assert await provider.cancel(ref(asked, outcome.provider_id)) == outcome, "only a hold can be cancelled"
    del peer.payments[outcome.provider_id]["confirmation"]
    peer.payments[outcome.provider_id]["status"] = "succeeded"
    assert isinstance(await provider.query(ref(asked, outcome.provider_id)), Charged)


async def test_hold_is_captured_in_part_or_cancelled(peer: YooKassa, provider: YooKassaProvider) -> None:
    taken, given_up = charge("t1", hold=True), charge("t2", hold=True)
    held = await provider.charge(taken)
    assert isinstance(held, Held)
    part = await provider.capture(ref(taken, held.provider_id), Money(10000, CurrencyCode.RUB))
    assert isinstance(part, Charged)
    assert part.amount == Money(10000, CurrencyCode.RUB)
    assert await provider.capture(ref(taken, held.provider_id), Money(10000, CurrencyCode.RUB)) == part
    assert await provider.cancel(ref(taken, held.provider_id)) == part
    await provider.charge(given_up)
    # Whoever lost the answer does not know the id, and finds it by the key.
    cancelled = await provider.cancel(ref(given_up))
    assert isinstance(cancelled, Declined)
    assert cancelled.reason == DeclineReason.CANCELLED
    assert peer.charged() == ["100.00"]


async def test_lost_answer_is_no_decline_and_repeating_charges_once(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked = charge()
    peer.next = "lose"
    with pytest.raises(ProviderUnavailable, match="500"):
        await provider.charge(asked)
    found = await provider.query(ref(asked))
    assert isinstance(found, Charged)
    assert await provider.charge(asked) == found
    assert peer.charged() == ["157.50"]


async def test_repeating_after_the_key_was_forgotten_charges_once(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked = charge()
    peer.next = "lose"
    with pytest.raises(ProviderUnavailable):
        await provider.charge(asked)
    peer.now += timedelta(hours=30)
    assert isinstance(await provider.charge(asked), Charged)
    assert peer.charged() == ["157.50"]
    late = charge("t2")
    assert isinstance(await provider.charge(late), Charged), "one that never came is made"
    assert len(peer.charged()) == 2


async def test_payment_is_found_by_its_key_among_many(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked = charge()
    await provider.charge(asked)
    for number in range(7):
        await provider.charge(charge(f"t{number}"))
    peer.page = 3
    found = await provider.query(ref(asked))
    assert isinstance(found, Charged)
    assert await provider.query(ref(charge())) == NotKnown()
    assert await provider.query(PaymentRef(asked.key, asked.created_at, "no-such-id")) == NotKnown()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ProviderMisconfigured),
        (403, ProviderMisconfigured),
        (415, ProviderMisconfigured),
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
async def test_failure_of_the_provider_is_no_decline(
    peer: YooKassa, provider: YooKassaProvider, status: int, error: type[ProviderFailed]
) -> None:
    peer.next = status
    asked = charge("a private token")
    with pytest.raises(error, match=str(status)) as failure:
        await provider.charge(asked)
    assert "private" not in repr(failure.value)
    assert KEY not in repr(failure.value)
    assert peer.charged() == []


async def test_another_payment_under_a_used_key_is_no_decline(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked = charge()
    await provider.charge(asked)
    with pytest.raises(ProviderMisconfigured):
        await provider.charge(replace(asked, amount=Money(1, CurrencyCode.RUB)))
    assert peer.charged() == ["157.50"]


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [("payment_token", DeclineReason.METHOD_UNUSABLE), ("amount.value", DeclineReason.OTHER)],
)
async def test_request_that_is_refused_for_what_it_is_was_declined(parameter: str, reason: DeclineReason) -> None:
    answer = orjson.dumps({"type": "error", "id": "1", "code": "invalid_request", "parameter": parameter})
    async with answering(Response(answer, 400)) as provider:
        assert await provider.charge(charge()) == Declined(reason)


def answering(response: Response) -> Any:
    """A provider whose YooKassa has one answer to everything."""
    return _Answering(response)


class _Answering:
    def __init__(self, response: Response) -> None:
        self._response = response

    async def __aenter__(self) -> YooKassaProvider:
        async def answer(request: Request) -> Response:
            return self._response

        route = Route("/{path:path}", answer, methods=["GET", "POST"])
        self._served = served(Starlette(routes=[route]))
        address = await self._served.__aenter__()
        self._provider = YooKassaProvider(YooKassaAccount(f"{address}/v3", SHOP, KEY))
        return self._provider

    async def __aexit__(self, *_: object) -> None:
        await self._provider.__aexit__(None, None, None)
        await self._served.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "response",
    [
        PlainTextResponse("OK"),
        Response(b""),
        Response(b"[]"),
        Response(b"{}"),
        Response(b'{"id": "1", "status": "new"}'),
        Response(b'{"id": "1", "status": "succeeded"}'),
        Response(b'{"id": "1", "status": "succeeded", "amount": {"value": "1e400", "currency": "RUB"}}'),
        Response(b'{"id": "1", "status": "succeeded", "amount": {"value": 157.5, "currency": "RUB"}}'),
        Response(b'{"id": "1", "status": "succeeded", "amount": {"value": "157.50", "currency": "USD"}}'),
        Response(b'{"type": "processing", "retry_after": 1800}', 202),
        Response(b'"' + b"x" * 2_000_000 + b'"'),
        RedirectResponse("/elsewhere", 307),
    ],
    ids=["text", "empty", "list", "nothing", "status", "amount", "infinite", "float", "dollars", "202", "huge", "307"],
)
async def test_answer_that_is_not_as_documented_is_no_decline(response: Response) -> None:
    async with answering(response) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.charge(charge())


async def test_yookassa_that_hangs_is_no_decline(peer: YooKassa, address: str) -> None:
    async with YooKassaProvider(YooKassaAccount(address, SHOP, KEY), seconds=0.0001) as impatient:
        with pytest.raises(ProviderUnavailable, match="TimeoutError"):
            await impatient.charge(charge())


# Saved methods and refunds


async def test_method_is_saved_with_a_payment(provider: YooKassaProvider) -> None:
    outcome = await provider.charge(charge(save_method=True))
    assert isinstance(outcome, Charged)
    assert outcome.saved is not None
    assert outcome.saved not in repr(outcome)


async def test_method_is_saved_without_a_payment_on_yookassas_page(peer: YooKassa, provider: YooKassaProvider) -> None:
    outcome = await provider.save_method(NewMethod("save-1", None, HOME))
    assert isinstance(outcome, AwaitingPayer)
    assert peer.requests[0][3] == {"type": "bank_card", "confirmation": {"type": "redirect", "return_url": HOME}}
    assert await provider.save_method(NewMethod("save-1", None, HOME)) == outcome
    assert await provider.method_details(Saved(outcome.provider_id)) is None, "the payer has not been there yet"
    peer.methods[outcome.provider_id].update(saved=True, status="active", card=CARD)
    details = await provider.method_details(Saved(outcome.provider_id))
    assert details is not None
    assert details.last_four == "4477"
    assert await provider.method_details(Saved("nothing")) is None
    assert await provider.method_details(Token("t")) is None, "YooKassa does not tell of tokens"


async def test_refunds(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked = charge()
    await provider.charge(asked)
    part = refund_of(asked, 10000, "refund-1")
    outcome = await provider.refund(part)
    assert isinstance(outcome, Refunded)
    assert outcome.amount == Money(10000, CurrencyCode.RUB)
    assert await provider.refund(part) == outcome
    assert isinstance(await provider.refund(refund_of(asked, 5751, "refund-2")), RefundDeclined)
    peer.now += timedelta(hours=30)
    assert await provider.refund(part) == outcome, "found again after its key was forgotten"
    assert len(peer.refunds) == 1
    assert next(iter(peer.refunds.values()))["amount"] == {"value": "100.00", "currency": "RUB"}
    nothing: Refund = refund_of(charge(), 1, "refund-3")
    assert isinstance(await provider.refund(nothing), RefundDeclined)


# Notifications


def notification(event: str, told: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": "notification", "event": event, "object": told})


async def read(provider: YooKassaProvider, body: bytes, peer: str = HERE) -> Notification | None:
    return await provider.read_notification(body, {}, peer=peer, now=time.time())


async def paid(peer: YooKassa, provider: YooKassaProvider, **more: Any) -> tuple[Charge, dict[str, Any]]:
    asked = charge(**more)
    await provider.charge(asked)
    return asked, list(peer.payments.values())[-1]


async def test_notification_is_believed_for_what_the_api_says(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked, payment = await paid(peer, provider)
    told = await read(provider, notification("payment.succeeded", payment))
    assert told is not None
    assert (told.key, told.outcome) == (asked.key, await provider.query(ref(asked, payment["id"])))
    assert await read(provider, notification("payment.succeeded", payment)) == told, "a duplicate has the same name"


async def test_forged_success_of_a_real_payment_is_what_the_payment_is(
    peer: YooKassa, provider: YooKassaProvider
) -> None:
    peer.decline = "insufficient_funds"
    _, payment = await paid(peer, provider)
    forged = {**payment, "status": "succeeded", "amount": {"value": "99999.00", "currency": "RUB"}}
    told = await read(provider, notification("payment.succeeded", forged))
    assert told is not None
    assert isinstance(told.outcome, Declined)


async def test_late_and_reordered_notifications_say_what_is_true_now(
    peer: YooKassa, provider: YooKassaProvider
) -> None:
    asked, payment = await paid(peer, provider, hold=True)
    early = notification("payment.waiting_for_capture", payment)
    held = await read(provider, early)
    assert held is not None
    assert isinstance(held.outcome, Held)
    await provider.capture(ref(asked, payment["id"]), asked.amount)
    late = await read(provider, early)
    assert late is not None
    assert isinstance(late.outcome, Charged)
    assert late.id != held.id


async def test_refund_is_told_under_its_own_key(peer: YooKassa, provider: YooKassaProvider) -> None:
    asked, _ = await paid(peer, provider)
    outcome = await provider.refund(refund_of(asked, 100, "refund-9"))
    body = notification("refund.succeeded", {"id": outcome.provider_id})
    told = await read(provider, body)
    assert told is not None
    assert (told.key, told.outcome) == ("refund-9", outcome)


@pytest.mark.parametrize("sender", ["", "nobody", "8.8.8.8", "10.0.0.1", "185.71.76.32", "2a02:5181::1"])
async def test_notification_from_elsewhere_is_rejected_unread(
    peer: YooKassa, provider: YooKassaProvider, sender: str
) -> None:
    _, payment = await paid(peer, provider)
    asked = len(peer.requests)
    with pytest.raises(PostRejected):
        await read(provider, notification("payment.succeeded", payment), sender)
    assert len(peer.requests) == asked


@pytest.mark.parametrize(
    "sender", ["185.71.76.1", "185.71.77.31", "77.75.153.1", "77.75.156.11", "2a02:5180::7", "::ffff:77.75.156.35"]
)
async def test_documented_senders_are_heard(peer: YooKassa, provider: YooKassaProvider, sender: str) -> None:
    _, payment = await paid(peer, provider)
    assert await read(provider, notification("payment.succeeded", payment), sender) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        notification("payment.succeeded", {"id": 7}),
        notification("payment.succeeded", {"id": ""}),
        notification("payment.succeeded", {"id": "../refunds/1"}),
        notification("payment.succeeded", {"id": "a" * 65}),
        notification("payment.succeeded", {"id": "идентификатор"}),
        notification("payment.succeeded", {"id": "nothing-of-that-name"}),
        b" " * 70_000,
    ],
)
async def test_body_that_is_no_notification_is_rejected(provider: YooKassaProvider, body: bytes) -> None:
    with pytest.raises(PostRejected):
        await read(provider, body)


async def test_what_is_not_ours_is_passed_over(peer: YooKassa, provider: YooKassaProvider) -> None:
    _, payment = await paid(peer, provider)
    payment["metadata"] = {"order": "37"}
    assert await read(provider, notification("payment.succeeded", payment)) is None
    assert await read(provider, notification("deal.closed", {"id": "1"})) is None


async def test_notification_that_cannot_be_proven_now_is_to_come_again() -> None:
    async with answering(Response(b"{}", 500)) as provider:
        with pytest.raises(ProviderUnavailable):
            await read(provider, notification("payment.succeeded", {"id": "1"}))
