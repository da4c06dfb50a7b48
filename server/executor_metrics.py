"""How compiled operations do, as metrics: what was found in the cache, what ran, and why the rest did not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from execution.operations import Counts

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter


class ExecutorCounted:
    """The numbers of one process, brought in from what its executor counts by itself."""

    def __init__(self, counts: Callable[[], Counts], registry: CollectorRegistry) -> None:
        from prometheus_client import Counter, Gauge

        self._counts = counts
        self._lookups = Counter(
            "hearth_executor_lookups", "Operations that were looked for in the cache", ["found"], registry=registry
        )
        self._ran = Counter("hearth_executor_ran", "Operations that ran compiled", registry=registry)
        self._left = Counter(
            "hearth_executor_left", "Operations left to graphql-core before they ran", ["reason"], registry=registry
        )
        self._rerun = Counter(
            "hearth_executor_rerun", "Operations that graphql-core ran again", ["reason"], registry=registry
        )
        self._compiled = Counter("hearth_executor_compiled", "Programs that were made", registry=registry)
        self._evicted = Counter("hearth_executor_evicted", "Operations that the cache gave up", registry=registry)
        self._entries = Gauge(
            "hearth_executor_entries", "Operations in the cache", multiprocess_mode="livesum", registry=registry
        )
        self._bytes = Gauge(
            "hearth_executor_bytes", "About how large they are", multiprocess_mode="livesum", registry=registry
        )
        self._told: dict[tuple[Counter, str], int] = {}

    def flush(self) -> None:
        """Bring in what was counted since the last time."""
        counts = self._counts()
        self._bring(self._lookups, {"hit": counts.hits, "miss": counts.misses})
        for counter, number in (
            (self._ran, counts.ran),
            (self._compiled, counts.compiled),
            (self._evicted, counts.evicted),
        ):
            self._bring(counter, {"": number})
        # Reasons are the executor's own words, and few.
        self._bring(self._left, counts.left)
        self._bring(self._rerun, counts.rerun)
        self._entries.set(counts.entries)
        self._bytes.set(counts.size)

    def _bring(self, counter: Counter, numbers: Mapping[str, int]) -> None:
        for label, number in numbers.items():
            more = number - self._told.get((counter, label), 0)
            (counter.labels(label) if label else counter).inc(more)
            self._told[counter, label] = number
