"""Several processes of one server behind one socket: started, started again when they die, and stopped together.

Each is a copy of this process from before it did anything, so that all is imported and built once. Nothing else is
shared: whatever two workers must agree on is in PostgreSQL, so that two or twenty behave as one.
"""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from types import FrameType

from server.failure import StartFailure

_LOOK_SECONDS = 0.1
# A worker that dies sooner has something in its way that another would meet too.
_SHORTEST_LIFE_SECONDS = 3.0
# More than a worker takes to leave, whatever it is in the middle of.
_STOP_SECONDS = 15.0
_STOPPING = (signal.SIGTERM, signal.SIGINT)


def run_workers(count: int, listener: socket.socket, serve: Callable[[int], None]) -> None:
    """Run `serve(our process id)` in `count` workers until SIGTERM or SIGINT.

    Raises StartFailure where they cannot even start.
    """
    # What is never looked through for garbage is never copied for it either.
    gc.freeze()
    with _told_to_stop() as told:
        workers = {_start(serve): time.monotonic() for _ in range(count)}
        try:
            while not told:
                time.sleep(_LOOK_SECONDS)
                for dead in [each for each in workers if not each.is_alive()]:
                    code = dead.exitcode or 0
                    if time.monotonic() - workers.pop(dead) < _SHORTEST_LIFE_SECONDS and code > 0:
                        raise StartFailure(f"A worker stopped at once, with exit code {code}; see above")
                    print(f"hearth: a worker died ({code}); starting another.", file=sys.stderr, flush=True)
                    workers[_start(serve)] = time.monotonic()
        finally:
            # Once the last worker has closed it too, nobody connects to what nobody answers.
            listener.close()
            _stop(list(workers))


def parent_is_gone(parent: int) -> bool:
    """Whether whoever started this worker died without a word: then nobody would ever stop it."""
    return os.getppid() != parent


def _start(serve: Callable[[int], None]) -> ForkProcess:
    worker = multiprocessing.get_context("fork").Process(target=_work, args=(serve, os.getpid()))
    worker.start()
    return worker


def _work(serve: Callable[[int], None], parent: int) -> None:
    for number in _STOPPING:
        signal.signal(number, signal.SIG_DFL)
    # In a group of its own: Ctrl-C is for the parent, which tells its workers once.
    os.setsid()
    serve(parent)


def _stop(workers: list[ForkProcess]) -> None:
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for worker in workers:
        worker.join(max(0.1, deadline - time.monotonic()))
        if worker.is_alive():
            worker.kill()
            worker.join()


@contextmanager
def _told_to_stop() -> Iterator[list[int]]:
    """Give a list that holds something once a signal has told us to stop."""
    told: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        told.append(number)

    before = {number: signal.signal(number, note) for number in _STOPPING}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
