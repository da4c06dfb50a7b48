"""A loader: many `load(key)` of one level of a query become one batch.

The stock executor resolves fields as soon as it can, so a loader that dispatched at once would send a batch for
every list that happens to arrive. These wait until every read asked for so far has been answered: then all
fields that could go on have gone on, and the level is complete.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
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


class _Level(Generic[K, V]):
    """Keys of one level that are loaded together, without a future for each."""

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.found: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()
        self.found.add_done_callback(_told)


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
        super().__init__(loop=asyncio.get_running_loop())
        self._name = name
        self._batch = batch
        self._missing = missing
        self._reads = reads
        self._batches = batches
        self._level: _Level[K, V] | None = None
        self._level_of: dict[K, _Level[K, V]] = {}

    def load(self, key: K) -> "asyncio.Future[V]":
        """The value of a key, once its level is complete.

        graphql-core cancels the siblings of a field that failed; others may be waiting for the same value.
        """
        level = self._level_of.get(key)
        return asyncio.shield(super().load(key) if level is None else self._of(level, key))

    async def load_level(self, keys: Sequence[K]) -> Mapping[K, V]:
        """The values of all that a compiled operation wants on a level: distinct keys, in a batch with those of `load`.

        There may be more in the answer.
        """
        if None in keys:
            raise TypeError("A key is never None")
        new = [key for key in keys if key not in self._level_of and key not in self._cache]
        if new:
            level = self._level
            if level is None:
                level = self._level = _Level()
                if not self._queue:
                    self._batches.form(self._dispatch, self._reads)
            level.keys += new
            self._level_of.update(dict.fromkeys(new, level))
            if len(new) == len(keys):
                return await level.found
        return {key: await self.load(key) for key in keys}

    def do_resolve_reject(self, key: K, future: "asyncio.Future[V]") -> None:
        self._queue.append(Queued(key=key, future=future))
        # Whoever waited may have been cancelled: then an error is nobody's any more.
        future.add_done_callback(_told)
        if len(self._queue) == 1 and self._level is None:
            self._batches.form(self._dispatch, self._reads)

    def _dispatch(self) -> None:
        if self._queue:
            dispatch_queue(self)
        else:
            asyncio.ensure_future(self._load_level())  # noqa: RUF006 - whoever waits for the level holds it

    async def _load_level(self) -> None:
        with suppress(Exception):  # it is told to whoever waits for the level
            await self.batch_load_fn([])

    async def batch_load_fn(self, keys: list[K]) -> list[V]:
        """Called by the library. A method, since a loader that held itself would wait for the garbage collector."""
        level, self._level = self._level, None
        wanted = keys if level is None else [*keys, *level.keys]
        self._batches.note(self._name, len(wanted))
        try:
            with watch.span(self._name, {"loader.keys": len(wanted)}):
                found: Mapping[K, Any] = await self._batch(wanted)
        except BaseException as error:
            if level is not None and not level.found.done():
                level.found.set_exception(error)
            raise
        if level is not None and not level.found.done():
            level.found.set_result({key: found[key] if key in found else self._missing() for key in level.keys})
        return [found[key] if key in found else self._missing() for key in keys]

    async def _of(self, level: _Level[K, V], key: K) -> V:
        return (await level.found)[key]


def _told(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()


def by_key(rows: Iterable[V], key: Callable[[V], K]) -> dict[K, V]:
    """Rows by their key, for loaders of one value a key."""
    return {key(row): row for row in rows}


def grouped(rows: Iterable[V], key: Callable[[V], K]) -> dict[K, list[V]]:
    """Rows by their key, in the order they came, for loaders of a list a key."""
    groups: dict[K, list[V]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
