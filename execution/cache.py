"""What is kept of documents: bounded, and such that documents which come once drive out none that come again."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """The least recently used is forgotten first, beyond so many entries or bytes; who puts says how many bytes."""

    def __init__(self, entries: int, size: int) -> None:
        self._entries = entries
        self._size = size
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.size = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value in the place of what was kept under that key; what is larger than the cache is not kept."""
        self.remove(key)
        if size > self._size:
            return
        self._kept[key] = (value, size)
        self.size += size
        while len(self._kept) > self._entries or self.size > self._size:
            _, (_, freed) = self._kept.popitem(last=False)
            self.size -= freed
            self.evicted += 1

    def remove(self, key: K) -> None:
        _, freed = self._kept.pop(key, (None, 0))
        self.size -= freed

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self.size = 0
