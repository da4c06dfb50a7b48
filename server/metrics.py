"""Prometheus metrics, on a port of their own that only this machine reaches unless the settings say otherwise.

Without HEARTH_METRICS_PORT nothing is counted, and the client library is not imported. Several workers count in files
of one folder, and the process that started them reads all of these: whichever worker is asked, the answer is the same.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from execution.operations import Counts
from models import watch
from models.database import credentials, writing_pool
from models.watch import Told
from server.executor_metrics import ExecutorCounted
from server.failure import StartFailure
from server.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Histogram
    from prometheus_client.core import Metric

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Names are the callers' own: the first that are executed are told apart, the rest are one.
MOST_OPERATIONS = 100
_LONGEST_NAME = 64
_OTHER = "other"
_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 2.0

_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COUNTS = (1, 2, 4, 6, 8, 12, 16, 24, 32, 64, 128)
_KEYS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

# Both look at an index's end, however much there is.
_OUTBOX = """
select count(*), coalesce(extract(epoch from now() - min(run_at)), 0)::float8
from outbox where done_at is null and run_at <= now()
"""
_TOP_UPS = """
select status, count(*) from (select status from payment where kind = 'TOP_UP' order by id desc limit 1000) newest
group by status
"""


@contextmanager
def shared_metrics(settings: Settings) -> Iterator[None]:
    """For the process that starts workers: a folder that they count in, and the port where all of it is told."""
    if settings.metrics_port is None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="hearth-metrics-") as folder:
        # The library looks for it once, when it is imported; and what is imported here, the workers have too.
        os.environ[_FOLDER] = folder
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        registry.register(_Workers(Path(folder), MultiProcessCollector(None, folder)))  # type: ignore[no-untyped-call]
        try:
            with _told(settings, registry):
                yield
        finally:
            del os.environ[_FOLDER]


@asynccontextmanager
async def metrics(
    settings: Settings,
    reads: asyncpg.Pool[asyncpg.Record] | None = None,
    executor: Callable[[], Counts] | None = None,
) -> AsyncIterator[None]:
    """Count what this process does, for the life of the block; alone, or for who started it.

    Who only writes has no pool of `reads`, and who answers no queries no `executor` that counts them.
    """
    if settings.metrics_port is None:
        yield
        return
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    counted = Counted(registry, executor)
    watch.count_with(counted.note)
    looking = asyncio.create_task(counted.keep_up({"reads": lambda: reads, "writes": writing_pool}))
    try:
        if _FOLDER in os.environ:
            yield
        else:
            with _told(settings, registry):
                yield
    finally:
        watch.count_with(None)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        counted.flush()


class _Gathered:
    """Numbers that have not been brought in yet, by the bounds of the histogram that they go into."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.forget()

    def forget(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def bring(self, histogram: Histogram) -> None:
        """As `observe` for each would, all at once; the library has no word of its own for that."""
        for bucket, number in zip(histogram._buckets, self.counts, strict=True):
            if number:
                bucket.inc(number)
        histogram._sum.inc(self.total)


class Counted:
    """The numbers of one process."""

    def __init__(self, registry: CollectorRegistry, executor: Callable[[], Counts] | None = None) -> None:
        from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

        disable_created_metrics()  # type: ignore[no-untyped-call]
        seconds = Histogram(
            "hearth_operation_seconds",
            "How long queries and mutations took",
            ["operation", "kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        ended = Counter(
            "hearth_operations", "Operations by how they ended", ["operation", "outcome"], registry=registry
        )
        statements = Histogram(
            "hearth_operation_statements",
            "Statements that an operation sent to PostgreSQL",
            ["operation"],
            buckets=_COUNTS,
            registry=registry,
        )
        batches = Histogram(
            "hearth_loader_batch_keys", "Keys in a loader's batch", ["loader"], buckets=_KEYS, registry=registry
        )
        codes = Counter("hearth_one_time_codes", "One-time codes by outcome", ["purpose", "outcome"], registry=registry)
        messages = Counter("hearth_messages", "Messages tried, by outcome", ["channel", "outcome"], registry=registry)
        self._pools = Gauge(
            "hearth_pool_connections",
            "Connections to PostgreSQL, looked at every second",
            ["pool", "state"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._names: set[str] = {_OTHER}
        self._gathered: dict[tuple[Told, tuple[str, ...]], _Gathered] = {}
        # How the numbers of each kind are brought in: to which histogram, or to which counter.
        self._histograms = {Told.STATEMENTS: statements, Told.LOADER_BATCH: batches}
        self._counters = {Told.ONE_TIME_CODE: codes, Told.MESSAGE: messages}
        self._ended, self._seconds = ended, seconds
        self._executor = None if executor is None else ExecutorCounted(executor, registry)

    def note(self, told: Told, labels: tuple[str, ...], value: float) -> None:
        """Count a number; it is told within a second."""
        gathered = self._gathered.get((told, labels))
        if gathered is None:
            gathered = self._gather(told, labels)
        gathered.counts[bisect_left(gathered.bounds, value)] += 1
        gathered.total += value

    def _gather(self, told: Told, labels: tuple[str, ...]) -> _Gathered:
        if told in (Told.OPERATION, Told.STATEMENTS):
            labels = (self._bounded(labels[0]), *labels[1:])
        bounds = {Told.OPERATION: _SECONDS, Told.STATEMENTS: _COUNTS, Told.LOADER_BATCH: _KEYS}.get(told, ())
        return self._gathered.setdefault((told, labels), _Gathered(bounds))

    def flush(self) -> None:
        """Bring in what was gathered: once for many requests, since this costs more than a request should."""
        for (told, labels), gathered in self._gathered.items():
            if not (number := sum(gathered.counts)):
                continue
            if (counter := self._counters.get(told)) is not None:
                counter.labels(*labels).inc(number)
            elif told is Told.OPERATION:
                name, kind, outcome = labels
                self._ended.labels(name, outcome).inc(number)
                # A subscription lasts as long as somebody listens.
                if kind != "subscription":
                    gathered.bring(self._seconds.labels(name, kind))
            else:
                gathered.bring(self._histograms[told].labels(*labels))
            gathered.forget()
        if self._executor is not None:
            self._executor.flush()

    def _bounded(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) > MOST_OPERATIONS or len(name) > _LONGEST_NAME:
                return _OTHER
            self._names.add(name)
        return name

    async def keep_up(self, pools: dict[str, Callable[[], asyncpg.Pool[asyncpg.Record] | None]]) -> None:
        """Bring in what was gathered, and how many connections are in use, every second until cancelled."""
        while True:
            for name, find in pools.items():
                if (pool := find()) is not None:
                    idle = pool.get_idle_size()
                    self._pools.labels(name, "idle").set(idle)
                    self._pools.labels(name, "busy").set(pool.get_size() - idle)
            self.flush()
            await asyncio.sleep(_LOOK_SECONDS)


class _Workers:
    """What the workers counted; of those that have died, only what lasts."""

    def __init__(self, folder: Path, collector: Any) -> None:
        self._folder = folder
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.multiprocess import mark_process_dead

        for file in self._folder.glob("gauge_live*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not Path(f"/proc/{pid}").exists():
                mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
        found: Iterable[Metric] = self._collector.collect()
        return found


class _Database:
    """What PostgreSQL knows for all processes, asked for when somebody looks."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        waiting = GaugeMetricFamily("hearth_outbox_waiting", "Messages that are due and have not left")
        lag = GaugeMetricFamily("hearth_outbox_lag_seconds", "How long the oldest message that is due has waited")
        top_ups = GaugeMetricFamily("hearth_top_ups", "The newest 1,000 top-ups by state", labels=["state"])
        answers = GaugeMetricFamily("hearth_database_answers", "Whether PostgreSQL answered just now")
        with self._turn:
            found = asyncio.run(self._ask())
        answers.add_metric([], float(found is not None))
        if found is not None:
            outbox, states = found
            waiting.add_metric([], outbox[0])
            lag.add_metric([], outbox[1])
            for state, count in states:
                top_ups.add_metric([state], count)
        return waiting, lag, top_ups, answers

    async def _ask(self) -> tuple[asyncpg.Record, list[asyncpg.Record]] | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                connection = await asyncpg.connect(**credentials(self._dsn))
                try:
                    outbox = await connection.fetchrow(_OUTBOX)
                    assert outbox is not None
                    return outbox, await connection.fetch(_TOP_UPS)
                finally:
                    connection.terminate()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None


@contextmanager
def _told(settings: Settings, registry: CollectorRegistry) -> Iterator[None]:
    """Answer on the metrics' port, in threads of its own, for the life of the block."""
    from prometheus_client import start_http_server

    assert settings.metrics_port is not None
    registry.register(_Database(settings.dsn))
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        raise StartFailure(
            f"Metrics cannot be told at {settings.metrics_host}:{settings.metrics_port} (HEARTH_METRICS_PORT): "
            f"{error.strerror}"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
