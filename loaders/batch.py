"""A loader: many `load(key)` of one level of a query become one batch.

The stock executor resolves fields as soon as it can, so a loader that dispatched at once would send a batch for
every list that happens to arrive. These wait until every read asked for so far has been answered: then all
fields that could go on have gone on, and the level is complete.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader, dispatch_queue
from aiodataloader import Loader as Queued

from models import watch
from models.reader import Reader

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# A resolver's answer reaches the loads of its children within this many turns of the event loop.
_TURNS = 4


class Batches:
    """The batches of one request: how many keys each had, by loader (`extensions` in development, N15)."""

    def __init__(self) -> None:
        self.sizes: dict[str, list[int]] = {}
        self._waiting: set[asyncio.Task[None]] = set()

    def start(self, dispatch: Coroutine[object, object, None]) -> None:
        """Let a loader wait for its level to be complete."""
        task = asyncio.get_running_loop().create_task(dispatch)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def cancel(self) -> None:
        """The request is answered: nobody waits for a batch that has not been sent."""
        for task in self._waiting:
            task.cancel()

    def note(self, loader: str, size: int) -> None:
        self.sizes.setdefault(loader, []).append(size)
        watch.note(watch.Told.LOADER_BATCH, (loader,), size)


class Loader(DataLoader[K, V]):
    """Loads by key through `batch`, which gets distinct keys and answers a mapping, or pairs by position.

    Keys that `batch` does not answer get `missing()`.
    """

    def __init__(
        self,
        name: str,
        batch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        missing: Callable[[], V],
        reads: Reader,
        batches: Batches,
    ) -> None:
        super().__init__(self._load_batch, loop=asyncio.get_running_loop())
        self._name = name
        self._batch = batch
        self._missing = missing
        self._reads = reads
        self._batches = batches

    def do_resolve_reject(self, key: K, future: "asyncio.Future[V]") -> None:
        self._queue.append(Queued(key=key, future=future))
        if len(self._queue) == 1:
            self._batches.start(self._dispatch_when_level_is_complete())

    async def _dispatch_when_level_is_complete(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            await self._reads.settled()
        dispatch_queue(self)

    async def _load_batch(self, keys: list[K]) -> list[V]:
        self._batches.note(self._name, len(keys))
        with watch.span(self._name, {"loader.keys": len(keys)}):
            found: Mapping[K, Any] = await self._batch(keys)
        return [found[key] if key in found else self._missing() for key in keys]


def by_key(rows: Iterable[V], key: Callable[[V], K]) -> dict[K, V]:
    """Rows by their key, for loaders of one value a key."""
    return {key(row): row for row in rows}


def grouped(rows: Iterable[V], key: Callable[[V], K]) -> dict[K, list[V]]:
    """Rows by their key, in the order they came, for loaders of a list a key."""
    groups: dict[K, list[V]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
