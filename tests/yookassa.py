"""A YooKassa on loopback that answers as its documentation says (yookassa.ru/developers/api), and counts the money."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SHOP, KEY = "506751", "test_a secret of the tests"

CARD = {
    "first6": "555555",
    "last4": "4477",
    "expiry_year": "2039",
    "expiry_month": "07",
    "card_type": "Mir",
    "card_product": {"code": "MCP"},
    "issuer_country": "RU",
    "issuer_name": "Bank",
}


class YooKassa:
    """What there is, and what the next requests are to suffer."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.methods: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, str | None, Any]] = []
        self._remembered: dict[str, tuple[datetime, bytes, str]] = {}
        # For the next POST: "lose" does the thing and answers 500, a number is answered and nothing done.
        self.next: str | int | None = None
        self.decline: str | None = None
        self.card: dict[str, Any] = CARD
        self.page = 100

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v3/payments", self.create_payment, methods=["POST"]),
                Route("/v3/payments", self.list_payments, methods=["GET"]),
                Route("/v3/payments/{id}", self.get_payment),
                Route("/v3/payments/{id}/{verb}", self.change_payment, methods=["POST"]),
                Route("/v3/refunds", self.create_refund, methods=["POST"]),
                Route("/v3/refunds", self.list_refunds, methods=["GET"]),
                Route("/v3/refunds/{id}", self.get_refund),
                Route("/v3/payment_methods", self.create_method, methods=["POST"]),
                Route("/v3/payment_methods/{id}", self.get_method),
            ]
        )

    def charged(self) -> list[str]:
        """The amounts that payers were charged."""
        return [each["amount"]["value"] for each in self.payments.values() if each["status"] == "succeeded"]

    async def create_payment(self, request: Request) -> Response:
        told = await self._told(request)
        return self._once(request, told, lambda: self._payment(told))

    def _payment(self, told: dict[str, Any]) -> dict[str, Any]:
        payment: dict[str, Any] = {
            "id": f"2{len(self.payments):07}-000f-5000-8000-{uuid4().hex[:12]}",
            "status": "succeeded" if told["capture"] else "waiting_for_capture",
            "amount": told["amount"],
            "description": told.get("description"),
            "recipient": {"account_id": SHOP, "gateway_id": "100700"},
            "created_at": self.now.isoformat().replace("+00:00", "Z"),
            "metadata": told.get("metadata", {}),
            "payment_method": {"type": "bank_card", "id": str(uuid4()), "saved": False, "card": self.card},
            "refundable": True,
            "test": True,
        }
        if "confirmation" in told:
            payment["status"] = "pending"
            del payment["payment_method"]
            page = f"https://yoomoney.ru/checkout/payments/v2/contract?orderId={payment['id']}"
            payment["confirmation"] = {"type": "redirect", "confirmation_url": page}
        elif self.decline is not None:
            payment["status"] = "canceled"
            payment["cancellation_details"] = {"party": "payment_network", "reason": self.decline}
        elif told.get("save_payment_method"):
            payment["payment_method"]["saved"] = True
        self.payments[payment["id"]] = payment
        return payment

    async def change_payment(self, request: Request) -> Response:
        told, payment = await self._told(request), self.payments.get(request.path_params["id"])
        if payment is None:
            return self._error(404, "not_found")

        def change() -> dict[str, Any] | Response:
            if payment["status"] != "waiting_for_capture":
                return self._error(400, "invalid_request")
            if request.path_params["verb"] == "capture":
                payment.update(status="succeeded", amount=told.get("amount", payment["amount"]))
            else:
                details = {"party": "merchant", "reason": "canceled_by_merchant"}
                payment.update(status="canceled", cancellation_details=details)
            return payment

        return self._once(request, told, change)

    async def create_refund(self, request: Request) -> Response:
        told = await self._told(request)

        def create() -> dict[str, Any] | Response:
            payment = self.payments.get(told["payment_id"])
            given = [each for each in self.refunds.values() if each["payment_id"] == told["payment_id"]]
            back = sum(Decimal(each["amount"]["value"]) for each in [*given, told])
            if payment is None or payment["status"] != "succeeded" or back > Decimal(payment["amount"]["value"]):
                return self._error(400, "invalid_request", "amount.value")
            refund = {"id": str(uuid4()), "status": "succeeded", **told}
            self.refunds[refund["id"]] = refund
            return refund

        return self._once(request, told, create)

    async def create_method(self, request: Request) -> Response:
        told = await self._told(request)

        def create() -> dict[str, Any]:
            name = str(uuid4())
            page = {"type": "redirect", "confirmation_url": f"https://yoomoney.ru/bind/{name}"}
            self.methods[name] = {"id": name, "type": "bank_card", "saved": False, "status": "pending"}
            self.methods[name]["confirmation"] = page
            return self.methods[name]

        return self._once(request, told, create)

    async def list_payments(self, request: Request) -> Response:
        since = request.query_params.get("created_at.gte", "")
        found = [each for each in self.payments.values() if each["created_at"] >= since]
        return await self._list(request, found)

    async def list_refunds(self, request: Request) -> Response:
        asked = request.query_params.get("payment_id")
        return await self._list(request, [each for each in self.refunds.values() if each["payment_id"] == asked])

    async def get_payment(self, request: Request) -> Response:
        return await self._get(request, self.payments)

    async def get_refund(self, request: Request) -> Response:
        return await self._get(request, self.refunds)

    async def get_method(self, request: Request) -> Response:
        return await self._get(request, self.methods)

    async def _list(self, request: Request, found: list[dict[str, Any]]) -> Response:
        await self._told(request)
        start = int(request.query_params.get("cursor", 0))
        end = start + min(int(request.query_params["limit"]), self.page)
        newest = found[::-1]
        answer: dict[str, Any] = {"type": "list", "items": newest[start:end]}
        if end < len(newest):
            answer["next_cursor"] = str(end)
        return JSONResponse(answer)

    async def _get(self, request: Request, kept: dict[str, dict[str, Any]]) -> Response:
        await self._told(request)
        found = kept.get(request.path_params["id"])
        return self._error(404, "not_found") if found is None else JSONResponse(found)

    async def _told(self, request: Request) -> Any:
        body = await request.body()
        told = orjson.loads(body) if body else {}
        headers = request.headers
        self.requests.append((request.url.path, headers["authorization"], headers.get("idempotence-key"), told))
        return told

    def _once(self, request: Request, told: Any, make: Any) -> Response:
        """A key is known again for 24 hours, with the object as it stands now; with another body it is refused."""
        key, text = request.headers["idempotence-key"], orjson.dumps([request.url.path, told])
        if isinstance(self.next, int):
            status, self.next = self.next, None
            return self._error(status, "too_many_requests" if status == 429 else "invalid_credentials")
        at, known, name = self._remembered.get(key, (None, b"", ""))
        if at is not None and self.now - at < timedelta(hours=24):
            if known != text:
                return self._error(400, "invalid_request", "Idempotence-Key")
            kept = {**self.payments, **self.refunds, **self.methods}
            return JSONResponse(kept[name])
        made = make()
        if isinstance(made, Response):
            return made
        self._remembered[key] = (self.now, text, made["id"])
        if self.next == "lose":
            self.next = None
            return self._error(500, "internal_server_error")
        return JSONResponse(made)

    def _error(self, status: int, code: str, parameter: str | None = None) -> Response:
        told = {"type": "error", "id": str(uuid4()), "code": code, "description": "…"}
        return JSONResponse(told | ({"parameter": parameter} if parameter else {}), status)
