"""A loader: many `load(key)` of one level of a query become one batch.

The stock executor resolves fields as soon as it can, so a loader that dispatched at once would send a batch for
every list that happens to arrive. These wait until every read asked for so far has been answered: then all
fields that could go on have gone on, and the level is complete.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from aiodataloader import DataLoader, dispatch_queue
from aiodataloader import Loader as Queued

from models import watch
from models.reader import Reader

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# A resolver's answer reaches the loads of its children within this many turns of the event loop.
_TURNS = 4


class Batches:
    """The batches of one request: how many keys each had, by loader (`extensions` in development, N15).

    `level_by_level` is set while whoever executes goes on to a level only when the one before is complete: then what
    is being read belongs to the same level, and a batch need not wait for it.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, list[int]] = {}
        self.level_by_level = False
        self._forming: list[Callable[[], None]] = []
        self._turns = 0
        self._waiting: asyncio.Task[None] | None = None

    def form(self, dispatch: Callable[[], None], reads: Reader) -> None:
        """Let a batch wait for its level to be complete, and then be sent."""
        self._forming.append(dispatch)
        self._turns = _TURNS
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_task(self._dispatch_when_level_is_complete(reads))

    def cancel(self) -> None:
        """Nobody waits any more for a batch that has not been sent."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._forming, self._waiting = [], None

    def note(self, loader: str, size: int) -> None:
        self.sizes.setdefault(loader, []).append(size)
        watch.note(watch.Told.LOADER_BATCH, (loader,), size)

    async def _dispatch_when_level_is_complete(self, reads: Reader) -> None:
        while self._turns:
            self._turns -= 1
            await asyncio.sleep(0)
            if not self.level_by_level:
                await reads.settled()
        forming, self._forming, self._waiting = self._forming, [], None
        for dispatch in forming:
            dispatch()


class Loader(Generic[K, V]):
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
        self._name = name
        self._batch = batch
        self._missing = missing
        self._reads = reads
        self._batches = batches
        self._singles: _Singles[K, V] | None = None
        # What is known of a level that was asked for, by key, and what one that is under way will tell.
        self._known: dict[K, V] = {}
        self._coming: dict[K, asyncio.Future[None]] = {}

    def know(self, values: Mapping[K, V]) -> None:
        """Values that were read on the way to something else: nobody needs to ask for them."""
        self._known.update(values)

    def load(self, key: K) -> "asyncio.Future[V]":
        """The value of a key, in a batch with all others of its level.

        graphql-core cancels the siblings of a field that failed; others may be waiting for the same value.
        """
        if key in self._known:
            known: asyncio.Future[V] = asyncio.get_running_loop().create_future()
            known.set_result(self._known[key])
            return known
        if key in self._coming:
            return asyncio.ensure_future(self._of_level(key))
        if self._singles is None:
            self._singles = _Singles(self.read, self._batches, self._reads)
        return asyncio.shield(self._singles.load(key))

    async def load_many(self, keys: Iterable[K]) -> list[V]:
        """The values of keys, in their order."""
        return await asyncio.gather(*map(self.load, keys))

    async def load_level(self, keys: Sequence[K]) -> Mapping[K, V]:
        """The values of all that a compiled operation wants on a level: distinct keys, in one batch.

        There may be more in the answer.
        """
        if None in keys:
            raise TypeError("A key is never None")
        known, coming = self._known, self._coming
        loaded = self._singles.keys if self._singles is not None else ()
        new = [key for key in keys if key not in known and key not in coming and key not in loaded]
        if new:
            await self._read_level(new)
        for key in keys:
            if key not in known:
                known[key] = await self.load(key)
        return known

    async def read(self, keys: Sequence[K]) -> list[V]:
        """The values of distinct keys, in their order."""
        self._batches.note(self._name, len(keys))
        with watch.span(self._name, {"loader.keys": len(keys)}):
            found: Mapping[K, Any] = await self._batch(keys)
        return [found[key] if key in found else self._missing() for key in keys]

    async def _read_level(self, keys: list[K]) -> None:
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        arrived.add_done_callback(_told)
        self._coming.update(dict.fromkeys(keys, arrived))
        try:
            self._known.update(zip(keys, await self.read(keys), strict=True))
        except BaseException as error:
            arrived.set_exception(error)
            raise
        arrived.set_result(None)

    async def _of_level(self, key: K) -> V:
        await asyncio.shield(self._coming[key])
        return self._known[key]


class _Singles(DataLoader[K, V]):
    """Gathers what is loaded key by key."""

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[list[V]]], batches: Batches, reads: Reader) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._read = read
        self._batches = batches
        self._reads = reads

    @property
    def keys(self) -> Container[object]:
        """What has been asked for."""
        return self._cache

    def do_resolve_reject(self, key: K, future: "asyncio.Future[V]") -> None:
        self._queue.append(Queued(key=key, future=future))
        # Whoever waited may have been cancelled: then an error is nobody's any more.
        future.add_done_callback(_told)
        if len(self._queue) == 1:
            self._batches.form(partial(dispatch_queue, self), self._reads)

    async def batch_load_fn(self, keys: list[K]) -> list[V]:
        """Called by the library."""
        return await self._read(keys)


def _told(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()


def by_key(rows: Iterable[V], key: Callable[[V], K]) -> dict[K, V]:
    """Rows by their key, for loaders of one value a key."""
    return {key(row): row for row in rows}


def grouped(rows: Iterable[V], key: Callable[[V], K]) -> dict[K, list[V]]:
    """Rows by their key, in the order they came, for loaders of a list a key."""
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)
