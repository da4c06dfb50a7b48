"""A SIM registry that speaks CAMARA: SIM Swap 2 (`retrieve-date`, `check`) and Number Recycling 0.2 (`check`).

CAMARA is asked about one number at a time; a few of them at once. Networks may offer only one of the two ways to ask
about a SIM: where the date is not to be had, it is asked whether there was a change in the last hours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson
import structlog

from gateways.accounts import CamaraAccount
from gateways.payments import ProviderUnavailable
from gateways.provider_http import Answer, ProviderHttp
from gateways.sim_registry import Asked, RegistryUnavailable

A = TypeVar("A")

_SECONDS = 5.0
_AT_ONCE = 8
_DATE, _SWAPPED = "/sim-swap/v2/retrieve-date", "/sim-swap/v2/check"
_RECYCLED = "/number-recycling/v0.2/check"
# The longest and the shortest time that `check` may be asked about.
_LONGEST_HOURS, _SHORTEST_HOURS = 2400, 1
# No such way to ask here, at all or for us.
_NOT_OFFERED = frozenset({403, 404, 405, 501})
_OK, _MANY, _BROKEN, _STRANGERS = 200, 429, 500, 401

_log = structlog.get_logger()


class CamaraRegistry:
    """Asks an operator's CAMARA gateway: `async with CamaraRegistry(account) as registry`."""

    rests = timedelta(hours=1)

    def __init__(
        self,
        account: CamaraAccount,
        *,
        seconds: float = _SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = ProviderHttp(account.url, seconds)
        self._headers = {"authorization": f"Bearer {account.key}"}
        self._now = now
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def sim_changed_since(self, asked: Sequence[Asked]) -> Mapping[str, datetime | None]:
        found = await self._each(asked, self._sim_changed)
        return {msisdn: when for msisdn, (when,) in found.items()}

    async def number_reassigned_since(self, asked: Sequence[Asked]) -> Mapping[str, bool]:
        return await self._each(asked, self._reassigned)

    async def _sim_changed(self, asked: Asked) -> tuple[datetime | None] | None:
        """The answer in a tuple, since "never" is one too; None where there is none."""
        answer = await self._ask(_DATE, asked)
        if answer.status in _NOT_OFFERED:
            return await self._swapped(asked)
        if answer.status != _OK or "latestSimChange" not in answer.body:
            return None
        told = answer.body["latestSimChange"]
        if told is None:
            # The network forgets sooner than we ask about: what it still knows says no.
            return (None,)
        changed_at = _moment(told)
        if changed_at is None:
            return None
        return (changed_at if changed_at > asked.since else None,)

    async def _swapped(self, asked: Asked) -> tuple[datetime | None] | None:
        now = self._now()
        hours = min(max(ceil((now - asked.since) / timedelta(hours=1)), _SHORTEST_HOURS), _LONGEST_HOURS)
        answer = await self._ask(_SWAPPED, asked, maxAge=hours)
        swapped = answer.body.get("swapped")
        if answer.status != _OK or not isinstance(swapped, bool):
            return None
        return (now - timedelta(hours=hours) if swapped else None,)

    async def _reassigned(self, asked: Asked) -> bool | None:
        answer = await self._ask(_RECYCLED, asked, specifiedDate=asked.since.date().isoformat())
        changed = answer.body.get("phoneNumChanged")
        return changed if answer.status == _OK and isinstance(changed, bool) else None

    async def _ask(self, path: str, asked: Asked, **more: object) -> Answer:
        """Raises RegistryUnavailable where the registry, and not this number, is at fault."""
        body = orjson.dumps({"phoneNumber": f"+{asked.msisdn}", **more})
        try:
            answer = await self._http.ask("POST", path, body=body, headers=self._headers)
        except ProviderUnavailable as error:
            raise RegistryUnavailable(str(error)) from None
        broken = answer.status >= _BROKEN and answer.status not in _NOT_OFFERED
        if broken or answer.status in (_MANY, _STRANGERS):
            raise RegistryUnavailable(f"the registry answers {answer.status} {_code(answer.body)}")
        return answer

    async def _each(self, asked: Sequence[Asked], ask: Callable[[Asked], Awaitable[A | None]]) -> dict[str, A]:
        """The answers that came. Raises RegistryUnavailable when none did: some are better than none."""

        async def one(each: Asked) -> A | RegistryUnavailable | None:
            async with self._turn:
                try:
                    return await ask(each)
                except RegistryUnavailable as silence:
                    return silence

        answers = await asyncio.gather(*(one(each) for each in asked))
        silences = [answer for answer in answers if isinstance(answer, RegistryUnavailable)]
        if silences and len(silences) == len(asked):
            raise silences[0]
        if silences:
            _log.warning("the SIM registry was silent about some", numbers=len(silences), error=str(silences[0]))
        return {
            each.msisdn: answer
            for each, answer in zip(asked, answers, strict=True)
            if answer is not None and not isinstance(answer, RegistryUnavailable)
        }


def _moment(told: Any) -> datetime | None:
    """A moment of RFC 3339, which has a time zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _code(body: Mapping[str, Any]) -> str:
    """The error's code, as far as it can be one: a message may repeat the number."""
    code = body.get("code")
    return code if isinstance(code, str) and code.isupper() and len(code) <= 64 else "without a code"
