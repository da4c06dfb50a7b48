"""A bank over a real socket, and the shop that it tells what happens."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from domain.money import CurrencyCode, Money
from gateways.accounts import BankAccount
from gateways.bank import BankProvider, read_bank_notification
from gateways.payments import Charge, Method, Notification, PaymentRef, Refund, Token
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.notifier import Notifier
from server.bank_app import bank_app

KEY = "the key of the tests"
HOME = "https://lk.example.ru/paid"


def charge(token: str = "tok_mir_2204", *, key: str | None = None, minor: int = 15750, **more: Any) -> Charge:
    """A payment of 157.50 by a test card."""
    method: Method = more.pop("method", Token(token))
    return Charge(
        key=key or str(uuid4()),
        amount=Money(minor, CurrencyCode.RUB),
        method=method,
        created_at=datetime.now(UTC),
        description="Пополнение счёта 1234567",
        **more,
    )


def ref(charged: Charge, provider_id: str | None = None) -> PaymentRef:
    """The payment of a charge."""
    return PaymentRef(charged.key, charged.created_at, provider_id)


def refund_of(charged: Charge, minor: int, key: str) -> Refund:
    """Some of a payment given back."""
    return Refund(key, ref(charged), Money(minor, CurrencyCode.RUB), charged.created_at, "По заявлению")


class Shop:
    """Takes what a bank posts, as the route of the payments service will."""

    def __init__(self) -> None:
        self.told: list[Notification] = []
        self.posts: list[tuple[bytes, dict[str, str]]] = []
        self.refusals = 0

    async def take(self, request: Request) -> Response:
        body, headers = await request.body(), dict(request.headers)
        if self.refusals:
            self.refusals -= 1
            return Response(status_code=503)
        self.posts.append((body, headers))
        self.told.append(read_bank_notification(body, headers, key=KEY, now=time.time()))
        return Response(status_code=204)

    async def told_of(self, key: str, count: int = 1) -> list[Notification]:
        """What was told of a payment or a refund, once it is so many times."""
        await until(lambda: len([each for each in self.told if each.key == key]) >= count)
        return [each for each in self.told if each.key == key]


class Street:
    """A bank, its shop, and a way to both."""

    def __init__(self, bank: Bank, shop: Shop, address: str, provider: BankProvider, http: httpx2.AsyncClient) -> None:
        self.bank = bank
        self.shop = shop
        self.address = address
        self.provider = provider
        self.http = http


@asynccontextmanager
async def street() -> AsyncIterator[Street]:
    """A bank and a shop, each behind a port of its own."""
    shop = Shop()
    async with served(Starlette(routes=[Route("/paid", shop.take, methods=["POST"])])) as shop_address:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            bank = Bank(address=address)
            app = bank_app(bank, Notifier(bank, f"{shop_address}/paid", KEY), KEY)
            async with (
                served(app, listener),
                BankProvider(BankAccount(address, KEY)) as provider,
                httpx2.AsyncClient(base_url=address, trust_env=False) as http,
            ):
                yield Street(bank, shop, address, provider, http)


@asynccontextmanager
async def served(app: ASGIApp, given: socket.socket | None = None) -> AsyncIterator[str]:
    """The address of an application that is served for the life of the block."""
    listener = given or socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    with listener:
        # Who connects before it has started waits in the listener's queue.
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


async def until(happens: Callable[[], bool]) -> None:
    """Wait for something that is to happen within seconds."""
    async with asyncio.timeout(10):
        while not happens():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
