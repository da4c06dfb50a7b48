"""SMS through a provider that speaks HTTP: how a message is handed over, and how its delivery is reported.

Both are described for providers in docs/messages.md.
"""

from types import TracebackType
from typing import Any

import httpx2
import orjson

from domain.challenge import DeliveryStatus
from gateways.accounts import HttpSmsAccount
from gateways.messages import GatewayBusy, GatewayUnavailable, Message, MessageRefused, Receipt, Sent
from gateways.signature import PostRejected, check_signature

# Less than the worker gives a message, so that the reason is known.
_SECONDS = 4.0
_MAX_ANSWER_BYTES = 64 * 1024
_MAX_ID = 128
# What these say is about the key, the address or the moment, and not about the message: it waits.
_NOT_ABOUT_THE_MESSAGE = {401, 403, 404, 408, 425}
_TOO_MANY = 429


class HttpSmsGateway:
    """Posts each message to the provider: `async with HttpSmsGateway(account) as gateway`."""

    def __init__(self, account: HttpSmsAccount) -> None:
        self._url = account.url
        self._client = httpx2.AsyncClient(
            headers={"authorization": f"Bearer {account.key}"},
            timeout=_SECONDS,
            # Where messages go is a setting of Hearth, and no other variable turns them aside.
            trust_env=False,
        )

    async def __aenter__(self) -> "HttpSmsGateway":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, message: Message) -> Sent:
        """Raises MessageRefused for a 4xx about the message, GatewayBusy for 429, else GatewayUnavailable."""
        body = orjson.dumps({"to": message.to, "text": message.text, "reference": message.reference})
        try:
            request = self._client.stream("POST", self._url, content=body, headers={"content-type": "application/json"})
            async with request as response:
                _check(response.status_code)
                return Sent(await _told_id(response), DeliveryStatus.SENT)
        except httpx2.HTTPError as error:
            raise GatewayUnavailable(f"the SMS provider cannot be reached: {type(error).__name__}") from error


def _check(status: int) -> None:
    if 200 <= status < 300:
        return
    reason = f"the SMS provider answers {status}"
    if status == _TOO_MANY:
        raise GatewayBusy(reason)
    if 400 <= status < 500 and status not in _NOT_ABOUT_THE_MESSAGE:
        raise MessageRefused(reason)
    raise GatewayUnavailable(reason)


async def _told_id(response: httpx2.Response) -> str | None:
    """The provider's name for the message. One that cannot be read is None: the message is taken all the same."""
    content = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > _MAX_ANSWER_BYTES:
                return None
        answer = orjson.loads(content)
    except (httpx2.HTTPError, orjson.JSONDecodeError):
        return None
    return _id(answer)


def read_report(body: bytes, timestamp: str, signature: str, *, key: str, now: float) -> Receipt:
    """What a provider reports, from the raw body and the two headers of its request; `now` is in Unix seconds.

    Raises PostRejected. Nothing of the body is looked at before its signature is found right.
    """
    check_signature(body, timestamp, signature, key=key, now=now)
    try:
        report = orjson.loads(body)
        gateway_id, delivery = _id(report), DeliveryStatus(report["status"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise PostRejected('the body must be {"id": …, "status": …} with a known status') from None
    if gateway_id is None or delivery == DeliveryStatus.QUEUED:
        raise PostRejected("the body must have the id of a message and what became of it")
    return Receipt(gateway_id, delivery)


def _id(told: Any) -> str | None:
    """The string `id` of an object, which is to fit its column and to be printable."""
    name = told.get("id") if isinstance(told, dict) else None
    if isinstance(name, str) and 0 < len(name) <= _MAX_ID and name.isprintable():
        return name
    return None
