"""YooKassa, by its REST API v3 (yookassa.ru/developers/api).

It knows a request again by its Idempotence-Key for 24 hours. Our key is also in the metadata of what we make, so that
it is found again after that. Notifications are not signed: nothing of them is believed but the id of what to ask for.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from types import TracebackType
from typing import Any, Self

import orjson
import structlog

from domain.money import Money
from domain.payment import DeclineReason
from gateways.accounts import YooKassaAccount
from gateways.payments import (
    AwaitingPayer,
    Charge,
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
    ProviderBusy,
    ProviderMisconfigured,
    ProviderUnavailable,
    Refund,
    RefundDeclined,
    RefundOutcome,
    Saved,
    Token,
)
from gateways.provider_http import Answer, ProviderHttp
from gateways.signature import PostRejected
from gateways.yookassa_objects import KIND_TYPES, Unreadable, amount_body, key_of, method, payment, refund

NAME = "yookassa"

# A card's bank takes its time; the recovery loop waits longer still.
_SECONDS = 20.0
# A little less than YooKassa remembers a key: beyond this a repetition would be a second payment.
_KEY_LASTS = timedelta(hours=23)
# How far YooKassa's clock may be behind ours.
_CLOCKS = timedelta(minutes=5)
_PAGE, _MOST_PAGES = 100, 100
_MAX_DESCRIPTION = 128
_MAX_NOTIFICATION_BYTES = 64 * 1024
_MAX_ID = 64

# Where notifications come from (yookassa.ru/developers/using-api/webhooks).
_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "185.71.76.0/27",
        "185.71.77.0/27",
        "77.75.153.0/25",
        "77.75.154.128/25",
        "77.75.156.11/32",
        "77.75.156.35/32",
        "2a02:5180::/32",
    )
)

_log = structlog.get_logger()


class YooKassaProvider:
    """Pays through a shop at YooKassa: `async with YooKassaProvider(account) as provider`.

    What a token stands for is not told before it is charged, and money that was not held is not cancelled: charge with
    `hold` where rules ask who issued a card. A saved card is charged without its payer.
    """

    name = NAME

    def __init__(
        self,
        account: YooKassaAccount,
        *,
        seconds: float = _SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account = account
        self._now = now
        self._http = ProviderHttp(account.url, seconds, (account.shop_id, account.key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def charge(self, charge: Charge) -> KnownOutcome:
        if self._is_forgotten(charge.created_at):
            known = await self.query(PaymentRef(charge.key, charge.created_at))
            if not isinstance(known, NotKnown):
                return known
        answer = await self._post("/payments", charge.key, _order(charge))
        if answer.status == 400:
            return Declined(_fault(answer))
        return self._outcome(answer.body)

    async def query(self, payment: PaymentRef) -> PaymentOutcome:
        if payment.provider_id is None:
            found = await self._found("/payments", payment.key, {"created_at.gte": _time(payment.created_at - _CLOCKS)})
            return NotKnown() if found is None else self._outcome(found)
        answer = await self._get(f"/payments/{payment.provider_id}")
        return NotKnown() if answer.status == 404 else self._outcome(answer.body)

    async def capture(self, payment: PaymentRef, amount: Money) -> PaymentOutcome:
        known = await self.query(payment)
        if not isinstance(known, Held):
            return known
        told = {"amount": amount_body(amount)}
        answer = await self._post(f"/payments/{known.provider_id}/capture", f"{payment.key}-capture", told)
        return await self.query(payment) if answer.status == 400 else self._outcome(answer.body)

    async def cancel(self, payment: PaymentRef) -> PaymentOutcome:
        known = await self.query(payment)
        # A payment that waits for its payer ends by itself, within the hour; YooKassa does not cancel it.
        if not isinstance(known, Held):
            return known
        answer = await self._post(f"/payments/{known.provider_id}/cancel", f"{payment.key}-cancel", {})
        return await self.query(payment) if answer.status == 400 else self._outcome(answer.body)

    async def refund(self, refund: Refund) -> RefundOutcome:
        payment_id = refund.payment.provider_id
        if payment_id is None:
            known = await self.query(refund.payment)
            payment_id = None if isinstance(known, NotKnown) else known.provider_id
        if payment_id is None:
            return RefundDeclined(DeclineReason.OTHER)
        if self._is_forgotten(refund.created_at):
            found = await self._found("/refunds", refund.key, {"payment_id": payment_id})
            if found is not None:
                return _refund_outcome(found)
        told = {
            "payment_id": payment_id,
            "amount": amount_body(refund.amount),
            "description": refund.description[:_MAX_DESCRIPTION],
            "metadata": {"hearth_key": refund.key},
        }
        answer = await self._post("/refunds", refund.key, told)
        return RefundDeclined(_fault(answer)) if answer.status == 400 else _refund_outcome(answer.body)

    async def method_details(self, method: Token | Saved) -> MethodDetails | None:
        if isinstance(method, Token):
            return None
        answer = await self._get(f"/payment_methods/{method.reference}")
        return None if answer.status == 404 or not answer.body.get("saved") else self._method(answer.body)

    async def save_method(self, method: NewMethod) -> MethodSaved | AwaitingPayer | Declined:
        told = {"type": "bank_card", "confirmation": {"type": "redirect", "return_url": method.return_url}}
        answer = await self._post("/payment_methods", method.key, told)
        if answer.status == 400:
            return Declined(_fault(answer))
        reference, url = answer.body.get("id"), (answer.body.get("confirmation") or {}).get("confirmation_url")
        if not isinstance(reference, str):
            raise ProviderUnavailable("YooKassa names no payment method")
        if answer.body.get("saved") is True:
            return MethodSaved(reference, self._method(answer.body))
        if answer.body.get("status") == "pending" and isinstance(url, str):
            return AwaitingPayer(reference, url)
        return Declined(DeclineReason.METHOD_UNUSABLE, reference)

    async def read_notification(
        self, body: bytes, headers: Mapping[str, str], *, peer: str, now: float
    ) -> Notification | None:
        self._check_peer(peer)
        about, object_id = _announced(body)
        # What is no payment and no refund is nothing that we asked to be told.
        if about not in ("payments", "refunds"):
            return None
        answer = await self._get(f"/{about}/{object_id}")
        if answer.status == 404:
            raise PostRejected("nothing of that id exists")
        key = key_of(answer.body)
        if key is None:
            _log.warning("YooKassa tells of what was not made here", about=about, id=object_id)
            return None
        outcome = self._outcome(answer.body) if about == "payments" else _refund_outcome(answer.body)
        return Notification(f"{about}/{object_id}/{answer.body['status']}", key, outcome)

    def _check_peer(self, peer: str) -> None:
        try:
            address = ip_address(peer)
        except ValueError:
            raise PostRejected("the sender has no address") from None
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        # A YooKassa on this machine is one of the tests'.
        at_home = self._account.url.startswith("http://") and address.is_loopback
        if not at_home and not any(address in network for network in _NETWORKS):
            raise PostRejected("this is not where YooKassa's notifications come from")

    def _is_forgotten(self, created_at: datetime) -> bool:
        """Whether YooKassa may have forgotten the key of something that was asked for at that time."""
        return self._now() - created_at > _KEY_LASTS

    def _outcome(self, told: dict[str, Any]) -> KnownOutcome:
        try:
            return payment(told, self._account.key)
        except Unreadable as error:
            raise ProviderUnavailable(f"YooKassa does not say what became of a payment: {error}") from None

    def _method(self, told: dict[str, Any]) -> MethodDetails:
        try:
            return method(told, self._account.key)
        except Unreadable as error:
            raise ProviderUnavailable(f"YooKassa does not describe a payment method: {error}") from None

    async def _found(self, path: str, key: str, narrowed: dict[str, str]) -> dict[str, Any] | None:
        """The object of a list that has our key, newest first."""
        async for told in self._listed(path, narrowed):
            if key_of(told) == key:
                return told
        return None

    async def _listed(self, path: str, narrowed: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        params = {**narrowed, "limit": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            answer = await self._get(path, params)
            items, cursor = answer.body.get("items"), answer.body.get("next_cursor")
            if not isinstance(items, list) or answer.status != 200:
                raise ProviderUnavailable("YooKassa answers no list")
            for told in items:
                yield told
            if not isinstance(cursor, str):
                return
            params["cursor"] = cursor
        raise ProviderUnavailable(f"YooKassa lists more than {_PAGE * _MOST_PAGES} objects")

    async def _get(self, path: str, params: dict[str, str] | None = None) -> Answer:
        answer = await self._http.ask("GET", path, params=params)
        if answer.status not in (200, 404):
            raise _failure(answer)
        return answer

    async def _post(self, path: str, key: str, told: dict[str, Any]) -> Answer:
        """What YooKassa answers: 200, or 400 where it says what is wrong with the thing itself."""
        answer = await self._http.ask("POST", path, body=orjson.dumps(told), headers={"idempotence-key": key})
        # A key that was used otherwise says nothing of what became of its first use.
        if answer.status == 200 or (answer.status == 400 and answer.body.get("parameter") != "Idempotence-Key"):
            return answer
        raise _failure(answer)


def _order(charge: Charge) -> dict[str, Any]:
    told: dict[str, Any] = {
        "amount": amount_body(charge.amount),
        "capture": not charge.hold,
        "description": charge.description[:_MAX_DESCRIPTION],
        "metadata": {"hearth_key": charge.key},
    }
    match charge.method:
        case Token(value):
            told["payment_token"] = value
        case Saved(reference):
            told["payment_method_id"] = reference
        case ChosenThere(kind) if kind in KIND_TYPES:
            told["payment_method_data"] = {"type": KIND_TYPES[kind]}
    if charge.return_url is not None and not isinstance(charge.method, Saved):
        told["confirmation"] = {"type": "redirect", "return_url": charge.return_url}
        if charge.always_confirm:
            told["confirmation"]["enforce"] = True
    if charge.save_method:
        told["save_payment_method"] = True
    return told


def _refund_outcome(told: dict[str, Any]) -> RefundOutcome:
    try:
        return refund(told)
    except Unreadable as error:
        raise ProviderUnavailable(f"YooKassa does not say what became of a refund: {error}") from None


def _announced(body: bytes) -> tuple[str, str]:
    """What a notification is of, as a path of the API, and its id: both unproven. Raises PostRejected."""
    if len(body) > _MAX_NOTIFICATION_BYTES:
        raise PostRejected("the body is too long")
    try:
        told = orjson.loads(body)
        event, object_id = told["event"], told["object"]["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise PostRejected("the body must be a notification with an event and an object") from None
    if not isinstance(event, str) or not isinstance(object_id, str):
        raise PostRejected("the event and the object's id must be text")
    if not 0 < len(object_id) <= _MAX_ID or not object_id.replace("-", "").isalnum() or not object_id.isascii():
        raise PostRejected("the object's id is none")
    return f"{event.partition('.')[0]}s", object_id


def _fault(answer: Answer) -> DeclineReason:
    """Why a request was refused before anything came of it."""
    parameter = str(answer.body.get("parameter") or "")
    # Never the description: it may quote what we sent.
    _log.warning("YooKassa refuses a request", parameter=parameter[:_MAX_ID], id=str(answer.body.get("id"))[:_MAX_ID])
    return DeclineReason.METHOD_UNUSABLE if parameter.startswith("payment_") else DeclineReason.OTHER


def _failure(answer: Answer) -> Exception:
    reason = f"YooKassa answers {answer.status}"
    if answer.status == 429:
        return ProviderBusy(reason)
    # 500 and the like: "the result of the request is not known".
    return ProviderMisconfigured(reason) if 400 <= answer.status < 500 else ProviderUnavailable(reason)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
