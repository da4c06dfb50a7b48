"""SMS by HTTP: a provider on loopback, and what it reports later."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import orjson
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.challenge import DeliveryStatus
from gateways import http_sms
from gateways.accounts import HttpSmsAccount
from gateways.http_sms import HttpSmsGateway, read_report
from gateways.messages import GatewayBusy, GatewayUnavailable, Message, MessageRefused, Receipt, Sent
from gateways.signature import PostRejected, sign
from tests.conftest import free_port

KEY = "the key of the tests"
MESSAGE = Message(
    operator="tele2", channel="SMS", reference="r1", to="79990000001", text="Теле2: код 123456", code="123456"
)


class Provider:
    """Takes messages, and answers as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.be_kind()

    def be_kind(self) -> None:
        """Forget what a test asked for."""
        self.asked: list[tuple[str | None, object]] = []
        self.status = 200
        self.answer = b'{"id": "m-1"}'
        self.seconds = 0.0

    async def take(self, request: Request) -> Response:
        self.asked.append((request.headers.get("authorization"), orjson.loads(await request.body())))
        await asyncio.sleep(self.seconds)
        if 300 <= self.status < 400:
            return RedirectResponse("/elsewhere", self.status)
        return Response(self.answer, self.status, media_type="application/json")


@pytest.fixture(scope="module")
async def running_provider() -> AsyncIterator[Provider]:
    told = Provider()
    routes = [Route("/{path}", told.take, methods=["POST"])]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told.url = f"http://127.0.0.1:{listener.getsockname()[1]}/messages"
        # Who connects before it has started waits in the listener's queue.
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield told
        server.should_exit = True
        await serving


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    running_provider.be_kind()
    return running_provider


@pytest.fixture
async def gateway(provider: Provider) -> AsyncIterator[HttpSmsGateway]:
    async with HttpSmsGateway(HttpSmsAccount.from_url(provider.url, KEY)) as opened:
        yield opened


async def test_message_is_handed_over_with_the_key(provider: Provider, gateway: HttpSmsGateway) -> None:
    assert await gateway.send(MESSAGE) == Sent("m-1", DeliveryStatus.SENT)
    [(authorization, asked)] = provider.asked
    assert authorization == f"Bearer {KEY}"
    assert asked == {"to": "79990000001", "text": "Теле2: код 123456", "reference": "r1"}


@pytest.mark.parametrize(
    "answer",
    [b"", b"OK", b"[]", b"{}", b'{"id": 7}', b'{"id": ""}', b'{"id": "a\\u0000"}', b'"' + b"x" * 200_000],
    ids=["empty", "text", "list", "nothing", "number", "blank", "nul", "long"],
)
async def test_message_that_was_taken_without_a_name_is_not_sent_again(
    provider: Provider, gateway: HttpSmsGateway, answer: bytes
) -> None:
    provider.answer = answer
    assert await gateway.send(MESSAGE) == Sent(None, DeliveryStatus.SENT)


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_message_that_the_provider_does_not_take_is_refused(
    provider: Provider, gateway: HttpSmsGateway, status: int
) -> None:
    provider.status = status
    with pytest.raises(MessageRefused, match=str(status)):
        await gateway.send(MESSAGE)


@pytest.mark.parametrize("status", [302, 307, 401, 403, 404, 500, 503])
async def test_failure_that_is_not_about_the_message_is_for_another_time(
    provider: Provider, gateway: HttpSmsGateway, status: int
) -> None:
    provider.status = status
    with pytest.raises(GatewayUnavailable, match=str(status)):
        await gateway.send(MESSAGE)
    assert len(provider.asked) == 1, "a key goes nowhere but to its provider"


async def test_provider_that_asks_for_patience_gets_it(provider: Provider, gateway: HttpSmsGateway) -> None:
    provider.status = 429
    with pytest.raises(GatewayBusy):
        await gateway.send(MESSAGE)


async def test_provider_that_hangs_is_not_waited_for(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_sms, "_SECONDS", 0.1)
    provider.seconds = 0.5
    async with HttpSmsGateway(HttpSmsAccount.from_url(provider.url, KEY)) as gateway:
        with pytest.raises(GatewayUnavailable, match="ReadTimeout"):
            await gateway.send(MESSAGE)


async def test_provider_that_is_not_there_is_named_as_the_reason() -> None:
    async with HttpSmsGateway(HttpSmsAccount.from_url(f"http://127.0.0.1:{free_port()}/", KEY)) as gateway:
        with pytest.raises(GatewayUnavailable, match="cannot be reached: ConnectError") as failure:
            await gateway.send(MESSAGE)
    assert "79990000001" not in repr(failure.value)


REPORT = b'{"id": "m-1", "status": "DELIVERED"}'
NOW = 1_790_000_000


def told(body: bytes = REPORT, *, at: int = NOW, key: str = KEY, now: float = NOW) -> Receipt:
    return read_report(body, str(at), sign(body, at, key), key=KEY, now=now)


def test_report_tells_what_became_of_a_message() -> None:
    assert told() == Receipt("m-1", DeliveryStatus.DELIVERED)
    assert told(b'{"id": "m-2", "status": "FAILED", "error": "absent"}') == Receipt("m-2", DeliveryStatus.FAILED)


def test_signature_is_the_documented_one() -> None:
    # printf '%s' '1790000000.{"id": …}' | openssl dgst -sha256 -hmac 'the key of the tests'
    signature = "059c204117dd25cc2f14c0ff5dfd7af5cbee1085c00c02148da9eb0dd77ad0ce"
    assert sign(REPORT, NOW, KEY) == signature


@pytest.mark.parametrize("apart", [-300, 300])
def test_report_within_five_minutes_counts(apart: int) -> None:
    assert told(now=NOW + apart).gateway_id == "m-1"


@pytest.mark.parametrize("apart", [-301, 301, 86_400])
def test_report_of_another_time_is_rejected(apart: int) -> None:
    with pytest.raises(PostRejected, match="the time now"):
        told(now=NOW + apart)


@pytest.mark.parametrize("timestamp", ["", "now", "1e9", "-1", "١٧٩٠٠٠٠٠٠٠", "9" * 13, f" {NOW}", f"{NOW}\n"])
def test_timestamp_that_is_none_is_rejected(timestamp: str) -> None:
    with pytest.raises(PostRejected, match="the time now"):
        read_report(REPORT, timestamp, sign(REPORT, NOW, KEY), key=KEY, now=NOW)


@pytest.mark.parametrize("signature", ["", "00", "подпись", sign(REPORT, NOW, "another key")])
def test_report_without_the_right_signature_is_rejected(signature: str) -> None:
    with pytest.raises(PostRejected, match="not the signature"):
        read_report(REPORT, str(NOW), signature, key=KEY, now=NOW)


def test_signature_holds_for_its_body_and_its_moment_only() -> None:
    signature = sign(REPORT, NOW, KEY)
    for body, timestamp in ((REPORT + b" ", NOW), (REPORT, NOW + 1)):
        with pytest.raises(PostRejected, match="not the signature"):
            read_report(body, str(timestamp), signature, key=KEY, now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"id": "m-1"}',
        b'{"id": "m-1", "status": "DELIVRD"}',
        b'{"id": "m-1", "status": []}',
        b'{"id": "m-1", "status": "QUEUED"}',
        b'{"id": 7, "status": "SENT"}',
        b'{"id": "", "status": "SENT"}',
        b'{"id": "' + b"m" * 129 + b'", "status": "SENT"}',
        b"\xff" * 5000,
    ],
)
def test_report_that_says_nothing_is_rejected(body: bytes) -> None:
    with pytest.raises(PostRejected):
        told(body)


@given(st.binary(max_size=200))
def test_garbage_with_a_right_signature_is_a_receipt_or_rejected(body: bytes) -> None:
    with suppress(PostRejected):
        told(body)


def test_clock_is_in_unix_seconds() -> None:
    at = int(time.time())
    assert told(at=at, now=time.time()).gateway_id == "m-1"
