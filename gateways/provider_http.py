"""One request to a payment provider and its answer, or the plain statement that nobody knows what was done."""

import asyncio
from typing import Any, NamedTuple

import httpx2
import orjson

from gateways.payments import ProviderUnavailable
from models import watch

_LARGEST_ANSWER = 1024 * 1024
# What may be under way at once: a provider that hangs must not take all a process has.
_MOST_CONNECTIONS = 100


class Answer(NamedTuple):
    """A status and the JSON object that came with it."""

    status: int
    body: dict[str, Any]


class ProviderHttp:
    """Connections to the provider at `url`, kept open between requests; each request gets `seconds` as a whole."""

    def __init__(self, url: str, seconds: float, auth: tuple[str, str] | None = None) -> None:
        self._seconds = seconds
        self._client = httpx2.AsyncClient(
            base_url=url,
            auth=auth,
            # The whole of a request has its own limit, below.
            timeout=None,
            limits=httpx2.Limits(max_connections=_MOST_CONNECTIONS),
            # Nobody who asks for plain bytes has to bound what they unpack to.
            headers={"accept": "application/json", "accept-encoding": "identity"},
            # Where money goes is a setting of Hearth, and no other variable turns it aside.
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Answer:
        """Raises ProviderUnavailable where no JSON object came back in time: whether it was done is not known."""
        told = {"content-type": "application/json"} if body else {}
        request = self._client.build_request(
            method, path, content=body or None, headers={**told, **(headers or {})}, params=params
        )
        try:
            # The path may name a payment or a number.
            with watch.span("gateway provider", {"http.request.method": method}):
                async with asyncio.timeout(self._seconds):
                    response = await self._client.send(request, stream=True, follow_redirects=False)
                    try:
                        content = await _bounded(response)
                    finally:
                        await response.aclose()
            answer = orjson.loads(content)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            # The error's own text may quote the request.
            raise ProviderUnavailable(f"the provider does not answer: {type(error).__name__}") from None
        except orjson.JSONDecodeError:
            raise ProviderUnavailable(f"the provider answers {response.status_code} without JSON") from None
        if not isinstance(answer, dict):
            raise ProviderUnavailable(f"the provider answers {response.status_code} without a JSON object")
        return Answer(response.status_code, answer)


async def _bounded(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise ProviderUnavailable("the provider answers too much")
    return bytes(content)
