"""The bank simulator over HTTP: its API, its page for payers, and the controls that make it misbehave.

An application of its own, which runs in a process of its own (server/bank_process.py). Its API is in docs/payments.md.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from domain.money import CurrencyCode, Money, MoneyRejected, parse_amount
from domain.payment import PaymentMethodKind
from gateways.bank import request_text
from gateways.signature import (
    MAX_BODY_BYTES,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    PostRejected,
    check_signature,
)
from gateways.simulators.bank.bank import Bank, KeyReused, WrongState
from gateways.simulators.bank.notifier import Notifier
from gateways.simulators.bank.records import Behaviour, Card, Order, RefundOrder
from gateways.simulators.bank.wire import method_body, payment_body, refund_body
from server import bank_page
from server.graphql_request import BadRequest, bounded_body

_Short = Annotated[str, Field(min_length=1, max_length=64)]
_Text = Annotated[str, Field(max_length=2048)]
_PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


class _Told(BaseModel):
    # Whatever is not asked for is refused by name: nobody hands a card's number in by mistake.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class _Amount(_Told):
    amount: _Short
    currency: CurrencyCode

    def money(self) -> Money:
        """Raises MoneyRejected, also for what is nothing or less."""
        money = Money.from_decimal(parse_amount(self.amount), self.currency)
        if money.minor <= 0:
            raise MoneyRejected("the amount must be more than nothing")
        return money


class _Charge(_Amount):
    key: _Short
    description: _Text = ""
    token: _Short | None = None
    saved: _Short | None = None
    kind: PaymentMethodKind | None = None
    return_url: _Text | None = None
    always_confirm: bool = False
    hold: bool = False
    save_method: bool = False


class _Refund(_Amount):
    key: _Short
    payment: _Short


class _Method(_Told):
    token: _Short | None = None
    saved: _Short | None = None


class _NewMethod(_Told):
    key: _Short
    token: _Short


class _Control(_Told):
    everybody: Behaviour | None = None
    webhooks: Literal["held", "flowing"] | None = None


class _Release(_Told):
    backwards: bool = False


_CARD = TypeAdapter(Card)

Handler = Callable[[Request, bytes], Awaitable[Response]]


def bank_app(bank: Bank, notifier: Notifier, key: str) -> Starlette:
    """The application; it tells the shop what happens for as long as it runs."""
    api = _Api(bank)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        telling = asyncio.create_task(notifier.run())
        yield
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling

    def signed(path: str, handler: Handler, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            body = await bounded_body(request, MAX_BODY_BYTES)
            text = request_text(request.method, request.scope["raw_path"].decode(), body)
            told = request.headers
            check_signature(
                text, told.get(TIMESTAMP_HEADER, ""), told.get(SIGNATURE_HEADER, ""), key=key, now=time.time()
            )
            return await handler(request, body)

        return Route(path, _answering(endpoint), methods=methods)

    async def release(request: Request) -> Response:
        told = _Release.model_validate_json(await bounded_body(request, MAX_BODY_BYTES))
        return JSONResponse({"told": await notifier.release(backwards=told.backwards)})

    return Starlette(
        routes=[
            signed("/v1/payments", api.charge, "POST"),
            signed("/v1/payments/{key}", api.query, "GET"),
            signed("/v1/payments/{key}/capture", api.capture, "POST"),
            signed("/v1/payments/{key}/cancel", api.cancel, "POST"),
            signed("/v1/refunds", api.refund, "POST"),
            signed("/v1/methods", api.save, "POST"),
            signed("/v1/methods/details", api.details, "POST"),
            # The rest is open, as it is for payers' browsers and for tests: the bank listens on this machine only.
            Route("/tokens", _answering(api.make_token), methods=["POST"]),
            Route("/control", _answering(api.control), methods=["POST"]),
            Route("/control/release", _answering(release), methods=["POST"]),
            Route("/pay/{id}", _answering(api.page), methods=["GET", "POST"]),
            Route("/", api.home),
        ],
        lifespan=lifespan,
    )


def _answering(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, with an answer for each way in which a request can be wrong."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except PostRejected as rejected:
            return JSONResponse({"error": str(rejected)}, 403)
        except BadRequest as rejected:
            return JSONResponse({"error": str(rejected)}, rejected.status)
        except ValidationError as rejected:
            fields = [".".join(map(str, error["loc"])) or "body" for error in rejected.errors(include_input=False)]
            return JSONResponse({"error": f"not as agreed: {', '.join(fields)}"}, 400)
        except MoneyRejected as rejected:
            return JSONResponse({"error": str(rejected)}, 400)
        except (KeyReused, WrongState) as rejected:
            return JSONResponse({"error": str(rejected)}, 409)

    return answer


class _Api:
    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    async def charge(self, _: Request, body: bytes) -> Response:
        told = _Charge.model_validate_json(body)
        if sum(each is not None for each in (told.token, told.saved, told.kind)) != 1:
            return JSONResponse({"error": "give exactly one of token, saved and kind"}, 400)
        order = Order(
            key=told.key,
            amount=told.money(),
            description=told.description,
            token=told.token,
            saved=told.saved,
            kind=told.kind or PaymentMethodKind.CARD,
            return_url=told.return_url,
            always_confirm=told.always_confirm,
            hold=told.hold,
            save_method=told.save_method,
        )
        behaviour = self._bank.behaviour(order)
        if behaviour.fail and self._bank.payment(order.key) is None:
            return JSONResponse({"error": "the bank is down"}, 503)
        payment, new = self._bank.charge(order)
        if new:
            await asyncio.sleep(behaviour.answer_after)
        if new and behaviour.lose_answer:
            return _LostAnswer()
        return JSONResponse(payment_body(payment, self._bank.url(payment)))

    async def query(self, request: Request, _: bytes) -> Response:
        payment = self._bank.payment(request.path_params["key"])
        if payment is None:
            return JSONResponse({"error": "unknown"}, 404)
        return JSONResponse(payment_body(payment, self._bank.url(payment)))

    async def capture(self, request: Request, body: bytes) -> Response:
        key, amount = request.path_params["key"], _Amount.model_validate_json(body).money()
        if self._bank.payment(key) is None:
            return JSONResponse({"error": "unknown"}, 404)
        payment = self._bank.capture(key, amount)
        return JSONResponse(payment_body(payment, self._bank.url(payment)))

    async def cancel(self, request: Request, _: bytes) -> Response:
        key = request.path_params["key"]
        if self._bank.payment(key) is None:
            return JSONResponse({"error": "unknown"}, 404)
        payment = self._bank.cancel(key)
        return JSONResponse(payment_body(payment, self._bank.url(payment)))

    async def refund(self, _: Request, body: bytes) -> Response:
        told = _Refund.model_validate_json(body)
        return JSONResponse(refund_body(self._bank.refund(RefundOrder(told.key, told.payment, told.money()))))

    async def details(self, _: Request, body: bytes) -> Response:
        told = _Method.model_validate_json(body)
        card = self._bank.card(told.token, told.saved)
        return JSONResponse({"error": "unknown"}, 404) if card is None else JSONResponse(method_body(card))

    async def save(self, _: Request, body: bytes) -> Response:
        told = _NewMethod.model_validate_json(body)
        kept = self._bank.save(told.key, told.token)
        if kept is None:
            return JSONResponse({"error": "unknown"}, 404)
        reference, card = kept
        return JSONResponse({"reference": reference, "method": method_body(card)})

    async def make_token(self, request: Request) -> Response:
        card = _CARD.validate_json(await bounded_body(request, MAX_BODY_BYTES))
        headers = {"access-control-allow-origin": "*"}
        return JSONResponse({"token": self._bank.make_token(card)}, 201, headers=headers)

    async def control(self, request: Request) -> Response:
        told = _Control.model_validate_json(await bounded_body(request, MAX_BODY_BYTES))
        if told.everybody is not None:
            self._bank.control(told.everybody)
        if told.webhooks is not None:
            self._bank.webhooks_held = told.webhooks == "held"
        return Response(status_code=204)

    async def page(self, request: Request) -> Response:
        payment_id, words = request.path_params["id"], bank_page.words(request)
        message = None
        if request.method == "POST":
            form = bank_page.form(await bounded_body(request, MAX_BODY_BYTES))
            try:
                payment = self._bank.confirm(payment_id, bank_page.behaviour(form), form.get("token"))
                if not bank_page.loses_the_payer(form) and payment.order.return_url is not None:
                    return RedirectResponse(payment.order.return_url, 303, _PAGE_HEADERS)
                message = words.connection_lost
            except WrongState:
                message = words.decided_before
        known = self._bank.payment_by_id(payment_id)
        if known is None:
            return bank_page.response(bank_page.not_found(words), 404, _PAGE_HEADERS)
        return bank_page.response(bank_page.page(known, words, message), 200, _PAGE_HEADERS)

    async def home(self, request: Request) -> Response:
        return bank_page.response(bank_page.home(bank_page.words(request)), 200, _PAGE_HEADERS)


class _LostAnswer(Response):
    """Begins to answer and breaks the connection off; whoever asked cannot know what was done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        start: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
