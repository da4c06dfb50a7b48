"""The client of the bank that hearth brings along, for development and tests; its API is in docs/payments.md.

The wire format is also what tests feed to a service as notifications: `read_bank_notification`.
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import orjson

from domain.money import CurrencyCode, Money, MoneyRejected, parse_amount
from domain.payment import CardScheme, DeclineReason, PaymentMethodKind
from gateways.accounts import BankAccount
from gateways.payments import (
    AwaitingPayer,
    Charge,
    Charged,
    ChosenThere,
    Declined,
    Held,
    KnownOutcome,
    MethodDetails,
    MethodSaved,
    NewMethod,
    Notification,
    NotKnown,
    PaymentOutcome,
    PaymentRef,
    Pending,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderUnavailable,
    Refund,
    RefundDeclined,
    Refunded,
    RefundOutcome,
    RefundPending,
    Saved,
    Token,
)
from gateways.provider_http import Answer, ProviderHttp
from gateways.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, PostRejected, check_signature, sign

NAME = "bank"

_SECONDS = 5.0


class BankProvider:
    """Pays through the bank at an address: `async with BankProvider(account) as provider`."""

    name = NAME

    def __init__(self, account: BankAccount, *, seconds: float = _SECONDS) -> None:
        self._account = account
        self._http = ProviderHttp(account.url, seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def charge(self, charge: Charge) -> KnownOutcome:
        order = {
            "key": charge.key,
            "amount": str(charge.amount.amount),
            "currency": charge.amount.currency,
            "description": charge.description,
            "return_url": charge.return_url,
            "always_confirm": charge.always_confirm,
            "hold": charge.hold,
            "save_method": charge.save_method,
            **_named(charge.method),
        }
        return _payment((await self._ask("POST", "/v1/payments", order)).body)

    async def query(self, payment: PaymentRef) -> PaymentOutcome:
        answer = await self._ask("GET", f"/v1/payments/{quote(payment.key, safe='')}", missing=True)
        return NotKnown() if answer.status == 404 else _payment(answer.body)

    async def capture(self, payment: PaymentRef, amount: Money) -> PaymentOutcome:
        return await self._change(payment, "capture", {"amount": str(amount.amount), "currency": amount.currency})

    async def cancel(self, payment: PaymentRef) -> PaymentOutcome:
        return await self._change(payment, "cancel", {})

    async def refund(self, refund: Refund) -> RefundOutcome:
        order = {
            "key": refund.key,
            "payment": refund.payment.key,
            "amount": str(refund.amount.amount),
            "currency": refund.amount.currency,
        }
        return _refund((await self._ask("POST", "/v1/refunds", order)).body)

    async def method_details(self, method: Token | Saved) -> MethodDetails | None:
        answer = await self._ask("POST", "/v1/methods/details", _named(method), missing=True)
        return None if answer.status == 404 else _method(answer.body)

    async def save_method(self, method: NewMethod) -> MethodSaved | AwaitingPayer | Declined:
        order = {"key": method.key, "token": method.token}
        answer = await self._ask("POST", "/v1/methods", order, missing=True)
        if answer.status == 404:
            return Declined(DeclineReason.METHOD_UNUSABLE)
        details = _method(answer.body.get("method"))
        if details is None:
            raise ProviderUnavailable("the bank kept a method and did not say which")
        return MethodSaved(str(answer.body.get("reference")), details)

    async def read_notification(
        self, body: bytes, headers: Mapping[str, str], *, peer: str, now: float
    ) -> Notification | None:
        return read_bank_notification(body, headers, key=self._account.key, now=now)

    async def _change(self, payment: PaymentRef, verb: str, told: dict[str, Any]) -> PaymentOutcome:
        answer = await self._ask("POST", f"/v1/payments/{quote(payment.key, safe='')}/{verb}", told, missing=True)
        return NotKnown() if answer.status == 404 else _payment(answer.body)

    async def _ask(self, method: str, path: str, told: object = None, *, missing: bool = False) -> Answer:
        """What the bank answers to a signed request: 200, or also 404 where that is an answer (`missing`)."""
        body = b"" if told is None else orjson.dumps(told)
        timestamp = int(time.time())
        headers = {
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: sign(request_text(method, path, body), timestamp, self._account.key),
        }
        answer = await self._http.ask(method, path, body=body, headers=headers)
        if answer.status == 200 or (missing and answer.status == 404 and answer.body.get("error") == "unknown"):
            return answer
        reason = f"the bank answers {answer.status}"
        if answer.status == 429:
            raise ProviderBusy(reason)
        if answer.status < 500:
            raise ProviderMisconfigured(reason)
        raise ProviderUnavailable(reason)


def request_text(method: str, path: str, body: bytes) -> bytes:
    """What of a request to the bank is signed."""
    return f"{method} {path}\n".encode() + body


def read_bank_notification(body: bytes, headers: Mapping[str, str], *, key: str, now: float) -> Notification:
    """What the bank tells. Nothing of the body is looked at before its signature is found right.

    Raises PostRejected.
    """
    check_signature(body, headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, ""), key=key, now=now)
    try:
        told = orjson.loads(body)
        name, key_told = told["event"], told["key"]
        outcome = _payment(told) if told["about"] == "payment" else _refund(told)
    except (orjson.JSONDecodeError, KeyError, TypeError, ProviderUnavailable):
        raise PostRejected("the body must be what the bank says of a payment or of a refund") from None
    if not isinstance(name, str) or not isinstance(key_told, str):
        raise PostRejected("the body must name itself and the payment")
    return Notification(name, key_told, outcome)


def _named(method: Token | Saved | ChosenThere) -> dict[str, str]:
    match method:
        case Token(value):
            return {"token": value}
        case Saved(reference):
            return {"saved": reference}
        case ChosenThere(kind):
            return {"kind": kind}


def _payment(told: dict[str, Any]) -> KnownOutcome:
    """Raises ProviderUnavailable for what the bank should not have said."""
    try:
        provider_id = _text(told["id"])
        match told["state"]:
            case "CHARGED":
                return Charged(provider_id, _amount(told), _method(told["method"]), told["saved"])
            case "HELD":
                return Held(provider_id, _amount(told), _method(told["method"]), told["saved"])
            case "DECLINED":
                return Declined(DeclineReason(told["reason"]), provider_id)
            case "AWAITING_PAYER":
                return AwaitingPayer(provider_id, _text(told["url"]))
            case "PENDING":
                return Pending(provider_id)
    except (KeyError, TypeError, ValueError):
        pass
    raise ProviderUnavailable("the bank does not say what became of a payment")


def _refund(told: dict[str, Any]) -> RefundOutcome:
    """Raises ProviderUnavailable for what the bank should not have said."""
    try:
        provider_id = _text(told["id"])
        match told["state"]:
            case "DONE":
                return Refunded(provider_id, _amount(told))
            case "DECLINED":
                return RefundDeclined(DeclineReason(told["reason"]), provider_id)
            case "PENDING":
                return RefundPending(provider_id)
    except (KeyError, TypeError, ValueError):
        pass
    raise ProviderUnavailable("the bank does not say what became of a refund")


def _amount(told: dict[str, Any]) -> Money:
    try:
        return Money.from_decimal(parse_amount(_text(told["amount"])), CurrencyCode(told["currency"]))
    except MoneyRejected as error:
        raise ValueError("no amount") from error


def _method(told: Any) -> MethodDetails | None:
    if told is None:
        return None
    return MethodDetails(
        kind=PaymentMethodKind(told["kind"]),
        scheme=CardScheme(told["scheme"]) if told["scheme"] is not None else None,
        last_four=told["last_four"],
        expires_year=told["expires_year"],
        expires_month=told["expires_month"],
        issuer_country=told["issuer_country"],
        fingerprint=told["fingerprint"],
    )


def _text(told: Any) -> str:
    if not isinstance(told, str):
        raise TypeError("no text")
    return told
