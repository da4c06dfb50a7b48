"""An SMS centre that other people made, npm's `smpp`, on loopback: tests order it about and watch what happens."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from types import TracebackType
from typing import Any

from gateways.accounts import SmppAccount
from tests.npm_peer import installed, node

PASSWORD = "s3cret"
# Each wait is over in milliseconds unless something is broken.
_PATIENCE = 5.0


class SmsCentre:
    """`async with SmsCentre() as centre`; see peers/smpp/server.mjs for the orders and events."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.events: list[dict[str, Any]] = []
        self._told = asyncio.Condition()
        self._ended = False

    @property
    def account(self) -> SmppAccount:
        return SmppAccount("127.0.0.1", self.port, "hearth", PASSWORD, "1070")

    async def __aenter__(self) -> "SmsCentre":
        folder = await asyncio.to_thread(installed, "smpp")
        self._process: Process = await asyncio.create_subprocess_exec(
            node(), folder / "server.mjs", str(self.port), PASSWORD, stdin=PIPE, stdout=PIPE
        )
        self._listening = asyncio.create_task(self._listen())
        self.port = (await self.event("listening"))["port"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        await self._process.wait()
        await self._listening

    async def order(self, **orders: Any) -> None:
        """Tell the centre what to do, and wait until it has heard."""
        assert self._process.stdin is not None
        number = len(self.all("ordered")) + 1
        self._process.stdin.write(json.dumps(orders).encode() + b"\n")
        await self.event("ordered", number)

    async def forget(self) -> None:
        """Be as at the start, for the next test."""
        await self.order(forget=True)
        self.events.clear()

    async def event(self, name: str, number: int = 1) -> dict[str, Any]:
        """The first event of that name, or the one with that number, as soon as it happens."""
        async with asyncio.timeout(_PATIENCE), self._told:
            await self._told.wait_for(lambda: self._ended or len(self.all(name)) >= number)
        assert len(self.all(name)) >= number, f"the centre ended before {name!r}"
        return self.all(name)[number - 1]

    def all(self, name: str) -> list[dict[str, Any]]:
        """The events of that name so far."""
        return [event for event in self.events if event["event"] == name]

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._told:
                self.events.append(json.loads(line))
                self._told.notify_all()
        async with self._told:
            self._ended = True
            self._told.notify_all()
