"""How many sockets one user, or one network, keeps open: counted in each worker's memory, as ordinary requests are.

A socket costs memory for as long as it is open, however little it says.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Places:
    """As many places for each as there are at `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: Counter[Hashable] = Counter()

    @contextmanager
    def taken(self, key: Hashable | None) -> Iterator[bool]:
        """Take a place for the life of the block, if there is one left; None is not counted, and always has one."""
        if key is None:
            yield True
            return
        if self._taken[key] >= self.most:
            yield False
            return
        self._taken[key] += 1
        try:
            yield True
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
