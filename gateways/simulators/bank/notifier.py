"""Tells the shop what happened, by signed posts that are repeated until the shop takes them."""

import asyncio
import time

import httpx2

from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.in_process import signed
from gateways.simulators.bank.records import Event

_LOOK_SECONDS = 0.05
_SECONDS = 10.0
_AT_ONCE = 8


class Notifier:
    """Posts what `bank` has to tell to the shop's `url`."""

    def __init__(self, bank: Bank, url: str, key: str) -> None:
        self._bank = bank
        self._url = url
        self._key = key

    async def run(self) -> None:
        """Until cancelled: several at a time, so that one the shop is slow with does not hold up the rest."""
        turns = asyncio.Semaphore(_AT_ONCE)
        under_way: dict[str, asyncio.Task[None]] = {}
        async with httpx2.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
            try:
                while True:
                    under_way = {name: task for name, task in under_way.items() if not task.done()}
                    for event in self._bank.due_events():
                        if event.id not in under_way:
                            under_way[event.id] = asyncio.create_task(self._tell(event, http, turns))
                    await asyncio.sleep(_LOOK_SECONDS)
            finally:
                for task in under_way.values():
                    task.cancel()
                await asyncio.gather(*under_way.values(), return_exceptions=True)

    async def post(self, event: Event, http: httpx2.AsyncClient) -> bool:
        """Whether the shop took it."""
        body, headers = signed(event, self._key, time.time())
        try:
            response = await http.post(self._url, content=body, headers={"content-type": "application/json", **headers})
        except httpx2.HTTPError:
            return False
        return response.is_success

    async def release(self, *, backwards: bool) -> int:
        """Tell everything that is still to be told, one after the other, newest first if `backwards`."""
        events = self._bank.untold()
        async with httpx2.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
            for event in reversed(events) if backwards else events:
                await self._settled(event, http)
        return len(events)

    async def _tell(self, event: Event, http: httpx2.AsyncClient, turns: asyncio.Semaphore) -> None:
        async with turns:
            await self._settled(event, http)

    async def _settled(self, event: Event, http: httpx2.AsyncClient) -> None:
        if await self.post(event, http):
            self._bank.told(event)
        else:
            self._bank.not_told(event)
