"""Several processes of one server behind one socket: started, started again when they die, and stopped together.

Each is `hearth serve` on a listener that it was given. Nothing else is shared: whatever two workers must agree on is
in PostgreSQL, so that two or twenty behave as one.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from server.failure import StartFailure

_LOOK_SECONDS = 0.1
# A worker that dies sooner has something in its way that another would meet too.
_SHORTEST_LIFE_SECONDS = 3.0
# More than a worker takes to leave, whatever it is in the middle of.
_STOP_SECONDS = 15.0


def run_workers(count: int, listener: socket.socket) -> None:
    """Run `count` workers until SIGTERM or SIGINT. Raises StartFailure where they cannot even start."""
    with _told_to_stop() as told:
        workers = {_start(listener): time.monotonic() for _ in range(count)}
        try:
            while not told:
                time.sleep(_LOOK_SECONDS)
                for dead in [each for each in workers if each.poll() is not None]:
                    if time.monotonic() - workers.pop(dead) < _SHORTEST_LIFE_SECONDS and dead.returncode > 0:
                        raise StartFailure(f"A worker stopped at once, with exit code {dead.returncode}; see above")
                    print(f"hearth: a worker died ({dead.returncode}); starting another.", file=sys.stderr, flush=True)
                    workers[_start(listener)] = time.monotonic()
        finally:
            # Once the last worker has closed it too, nobody connects to what nobody answers.
            listener.close()
            _stop(list(workers))


def _start(listener: socket.socket) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-P", "-m", "server.cli", "serve", "--listener", str(listener.fileno())]
    # In a group of their own: Ctrl-C is for us, and told to them once.
    return subprocess.Popen(words, pass_fds=[listener.fileno()], start_new_session=True)


def _stop(workers: "list[subprocess.Popen[bytes]]") -> None:
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for worker in workers:
        try:
            worker.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def parent_is_gone(parent: int) -> bool:
    """Whether whoever started this worker died without a word: then nobody would ever stop it."""
    return os.getppid() != parent


@contextmanager
def _told_to_stop() -> Iterator[list[int]]:
    """Give a list that holds something once a signal has told us to stop."""
    told: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        told.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
