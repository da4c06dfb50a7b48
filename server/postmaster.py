"""The server process of the embedded PostgreSQL: is it alive, start it, stop it.

What is known about it stands in `postmaster.pid`, which PostgreSQL writes, so that a process that did not
start the server can tell and stop it all the same.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from server.failure import DatabaseUnavailable
from server.postgres_cluster import PORT, Cluster

START_SECONDS = 60
STOP_SECONDS = 15
_POLL_SECONDS = 0.01

# Lines of postmaster.pid, counted from 0.
_PID_LINE = 0
_STATUS_LINE = 7

# After a kill -9 of the postmaster its backends need a moment to notice; a new one does not wait for them.
_BACKENDS_REMAIN = "is still in use"

# glibc gives back what a statement took beyond 128 kB, and asks for it again at the next: of the dashboard of a hundred
# numbers that takes longer than to answer. Each connection may keep so many bytes instead.
_KEPT_BYTES = str(16 * 2**20)
_KEEPING_MEMORY = {"MALLOC_TRIM_THRESHOLD_": _KEPT_BYTES, "MALLOC_MMAP_THRESHOLD_": _KEPT_BYTES}


class Postmaster:
    """The server process of one cluster, whoever started it. Starting is serialised by the caller's lock."""

    def __init__(self, cluster: Cluster, *, durable: bool) -> None:
        self._cluster = cluster
        self._durable = durable
        self._child: subprocess.Popen[bytes] | None = None

    def pid(self) -> int | None:
        """Return the process id of the live server, or None."""
        if self._child is not None:
            self._child.poll()  # A dead child would stay a zombie.
        claimed = _first_number(_lines(self._pid_file))
        ours = b"postgres -D " + os.fsencode(self._cluster.folder) + b" "
        return claimed if claimed is not None and ours in _command_line(claimed) else None

    def ensure_running(self) -> None:
        """Start the server unless it runs, and wait until it answers. Raises DatabaseUnavailable."""
        deadline = time.monotonic() + START_SECONDS
        while self.pid() is None:
            reason = self._launch(deadline)
            if reason is None:
                return
            if _BACKENDS_REMAIN not in reason or time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The embedded PostgreSQL did not start: {reason} (more in {self._cluster.log})"
                )
            time.sleep(0.1)
        if not _wait(self._is_ready, deadline):
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL does not get ready: {_last_complaint(self._cluster.log, 0)} "
                f"(more in {self._cluster.log})"
            )

    def stop(self) -> None:
        """Stop the server: politely first, and hard when connections do not let it go."""
        pid = self.pid()
        if pid is not None:
            _signal(pid, signal.SIGINT)
            if not _wait(lambda: self.pid() is None, time.monotonic() + STOP_SECONDS):
                _signal(pid, signal.SIGQUIT)
                _wait(lambda: self.pid() is None, time.monotonic() + STOP_SECONDS)
        if self._child is not None:
            self._child.wait()
            self._child = None
        shutil.rmtree(self._cluster.sockets, ignore_errors=True)

    @property
    def _pid_file(self) -> Path:
        return self._cluster.folder / "postmaster.pid"

    def _launch(self, deadline: float) -> str | None:
        """Start the server and wait for it. Returns None when it is ready, else why it is not."""
        self._forget_the_dead()
        options = dict(self._cluster.account.process_options())
        options["env"] |= _KEEPING_MEMORY
        with self._cluster.log.open("ab") as log:
            begin = log.tell()
            self._child = child = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **options,
            )
        _wait(lambda: self._is_ready() or child.poll() is not None, deadline)
        if child.returncode is None and self._is_ready():
            return None
        if child.poll() is None:
            child.kill()
            child.wait()
        return _last_complaint(self._cluster.log, begin)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": self._cluster.sockets,
            "unix_socket_permissions": "0700",
            "max_connections": 300,
            "shared_buffers": "128MB",
            "log_checkpoints": "off",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._cluster.programs.path("postgres"), "-D", str(self._cluster.folder), *options]

    def _is_ready(self) -> bool:
        lines = _lines(self._pid_file)
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def _forget_the_dead(self) -> None:
        """Take away the claims of a killed server: PostgreSQL believes them while any process has its number.

        It may be a zombie whose parent does not reap, or a stranger that got the number since. PostgreSQL
        ignores a claim in its parent's name, so ours is written there: the rest of the file must stay, for it
        names the shared memory by which PostgreSQL finds out whether backends of the killed server remain.
        """
        (self._cluster.sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        lines = _lines(self._pid_file)
        if _first_number(lines) is None:
            self._pid_file.unlink(missing_ok=True)
        else:
            lines[_PID_LINE] = str(os.getpid())
            lines[_STATUS_LINE:] = []
            self._pid_file.write_text("\n".join(lines) + "\n")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _first_number(lines: list[str]) -> int | None:
    return int(lines[_PID_LINE]) if lines and lines[_PID_LINE].isdecimal() else None


def _command_line(pid: int) -> bytes:
    """Return the command of a live process, words apart by spaces; empty if it is gone or a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        except (FileNotFoundError, ProcessLookupError):
            return b""
    # macOS has no /proc; there `ps` is always installed.
    return subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, check=False).stdout


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _wait(happened: Callable[[], bool], deadline: float) -> bool:
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _last_complaint(log: Path, begin: int) -> str:
    """Return the last error that PostgreSQL logged after an offset, or else its last line."""
    with log.open("rb") as stream:
        stream.seek(begin)
        lines = stream.read().decode(errors="replace").splitlines()
    complaints = [line for line in lines if any(level in line for level in ("FATAL:", "PANIC:", "ERROR:"))]
    return (complaints or lines or ["it wrote nothing"])[-1]
