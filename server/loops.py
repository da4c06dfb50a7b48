"""What goes on for ever beside the requests: loops that look, do what is due, and rest.

A loop that is told to end does so while it rests, with nothing half done. All that they do outlives a kill too, but
then somebody waits for a lease to run out, or for the recovery of a payment.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Self


class _Loop:
    """One loop: whether it rests, and whether it is to end when it does."""

    def __init__(self) -> None:
        self.rests = False
        self.is_over = False


_current: ContextVar[_Loop | None] = ContextVar("loop", default=None)


async def rest(seconds: float, woken: asyncio.Event | None = None) -> None:
    """Wait for so long, or until woken: the place where a loop ends. Others that come here just wait."""
    loop = _current.get() or _Loop()
    if loop.is_over:
        raise asyncio.CancelledError
    loop.rests = True
    try:
        async with asyncio.timeout(seconds):
            await (woken or asyncio.Event()).wait()
    except TimeoutError:
        pass
    finally:
        loop.rests = False


class Loops:
    """Runs loops for the life of the block; at its end each has `patience` seconds to get to its rest."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._tasks: dict[asyncio.Task[None], _Loop] = {}

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Run something that never ends."""
        loop = _Loop()
        context = copy_context()
        context.run(_current.set, loop)
        self._tasks[asyncio.create_task(work, context=context)] = loop

    async def failure(self) -> None:
        """Wait until one of them fails, which only a bug can cause, and raise what it raised."""
        over, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in over:
            task.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task, loop in self._tasks.items():
            loop.is_over = True
            if loop.rests:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._patience)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
