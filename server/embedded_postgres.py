"""A private PostgreSQL for development and tests, shared by every process that uses the same directory.

Each user holds a shared lock on `users.lock` for as long as it lives; the kernel drops it even on kill -9.
Starting and stopping are serialised by `start.lock`. Whoever leaves and finds no other user stops the server.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from server.failure import DatabaseUnavailable
from server.postgres_cluster import open_cluster
from server.postmaster import Postmaster


class EmbeddedPostgres:
    """The server of one data directory, as one of its users sees it.

    It listens on a Unix socket only, and its log is `postgres.log` in the directory. `durable=False` is for
    tests: it trades safety against a power cut for speed.

        with EmbeddedPostgres(Path(".hearth/database")) as dsn:
            ...
    """

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self._data = data.resolve()
        self._durable = durable
        self._membership: IO[bytes] | None = None
        self._postmaster: Postmaster | None = None

    def start(self) -> str:
        """Join the server, starting it if it does not run, and return the URL of the database `hearth`.

        The first start makes the cluster. Raises DatabaseUnavailable with one line that says why not.
        """
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            with self._alone():
                return self._join()
        except OSError as error:
            raise DatabaseUnavailable(f"The embedded database in {self._data} cannot start: {error}") from error

    def stop(self) -> None:
        """Leave the server, and stop it if nobody else uses it. Leaving twice is harmless."""
        if self._membership is None:
            return
        with self._alone():
            self._leave()

    def is_alive(self) -> bool:
        """Whether the server process runs; asks no question of the server itself."""
        return self._postmaster is not None and self._postmaster.pid() is not None

    def revive(self) -> None:
        """Start the server again if it died, at the same address. Only for a user that has started.

        Blocks until the server accepts connections, crash recovery included. Raises DatabaseUnavailable.
        """
        if self._postmaster is None:
            raise RuntimeError("revive() is for a database that was started")
        with self._alone():
            self._postmaster.ensure_running()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock under which the server is started and stopped."""
        with (self._data / "start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _join(self) -> str:
        if self._membership is None:
            self._membership = (self._data / "users.lock").open("ab")
            fcntl.flock(self._membership, fcntl.LOCK_SH)
        try:
            cluster = open_cluster(self._data, durable=self._durable)
            self._postmaster = self._postmaster or Postmaster(cluster, durable=self._durable)
            self._postmaster.ensure_running()
        except BaseException:
            self._leave()
            raise
        return cluster.dsn

    def _leave(self) -> None:
        postmaster, self._postmaster = self._postmaster, None
        membership, self._membership = self._membership, None
        if membership is None:
            return
        with membership:
            try:
                # Turns our shared lock into an exclusive one, which works only for the last user.
                fcntl.flock(membership, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if postmaster is not None:
                postmaster.stop()
