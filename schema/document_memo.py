"""A memo that is bounded: what was used last is kept, up to so many entries and bytes."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")

_ENTRIES = 2_000


class Memo(Generic[T]):
    """Values by key, at most `_ENTRIES` of `most_bytes` together; what was not used for longest goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> T | None:
        """What is kept by that key, which is thereby used."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept[0]

    def put(self, key: str, value: T, size: int) -> None:
        """Keep a value of `size` bytes by a key that is not there yet, unless it is larger than all may be."""
        if size > self._most_bytes:
            return
        self._kept[key] = value, size
        self.bytes += size
        while len(self._kept) > _ENTRIES or self.bytes > self._most_bytes:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self.bytes = 0
