"""`hearth` as its users start it, each command in a process of its own that need not import everything first.

Importing takes a second and a half, and most commands next to nothing; so one process has everything imported and
forks for each command. How `hearth` comes up by itself is for test_cli.py and test_run.py.
"""

import atexit
import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
_PR_SET_PDEATHSIG = 1


class Process:
    """A command that was started; what it says goes to the files it was given."""

    def __init__(self, process_id: int) -> None:
        self.pid = process_id
        # It names the process until it is closed, and no other that gets the same number.
        self._handle = os.pidfd_open(process_id)

    def is_over(self, timeout: float = 0) -> bool:
        """Whether it has ended, after so many seconds at most."""
        return bool(select.select([self._handle], [], [], timeout)[0])

    def terminate(self) -> None:
        """Ask it to end."""
        signal.pidfd_send_signal(self._handle, signal.SIGTERM)

    def wait(self, timeout: float) -> int:
        """Its exit code, negative for a signal. One that is not over by then is killed, and TimeoutError is raised."""
        in_time = self.is_over(timeout)
        if not in_time:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        code = _nursery().ask({"wait": self.pid})
        os.close(self._handle)
        if not in_time:
            raise TimeoutError(f"it takes longer than {timeout} seconds")
        return code


def start(
    environment: Mapping[str, str],
    *words: str,
    said: str | Path = os.devnull,
    out: str | Path = os.devnull,
    error: str | Path = os.devnull,
    folder: Path = ROOT,
) -> Process:
    """Begin a command in that environment and folder; it reads the file `said` and adds to the others."""
    files = [str(said), str(out), str(error)]
    told = {"words": words, "environment": dict(environment), "files": files, "folder": str(folder)}
    return Process(_nursery().ask({"start": told}))


def hearth(
    environment: Mapping[str, str], *words: str, said: str = "", folder: Path = ROOT, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; gives what it said, and its exit code."""
    with tempfile.TemporaryDirectory(prefix="hearth-command-") as name:
        said_, out, error = (Path(name) / each for each in ("said", "out", "error"))
        said_.write_text(said)
        code = start(environment, *words, said=said_, out=out, error=error, folder=folder).wait(timeout)
        return subprocess.CompletedProcess(words, code, out.read_text(), error.read_text())


@dataclass(frozen=True, eq=False)
class _Nursery:
    """The process that forks, and the two pipes to it: one question, one answer."""

    process: "subprocess.Popen[str]"
    turn: threading.Lock

    def ask(self, question: dict[str, object]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.turn:
            print(json.dumps(question), file=self.process.stdin, flush=True)
            return int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


@cache
def _nursery() -> _Nursery:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.hearth"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # The keyboard's Ctrl-C is for whoever runs the tests, who then ends what was started.
        start_new_session=True,
    )
    nursery = _Nursery(process, threading.Lock())
    atexit.register(nursery.close)
    return nursery


def _serve() -> None:
    """Answer with the process id of a command that was started, or the exit code of one that is over."""
    import server.commands
    import server.doctor
    import server.run  # noqa: F401 - imported to be there

    gc.freeze()
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            print(os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1]), flush=True)
            continue
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            _become(question["start"], parent)
        print(child, flush=True)


def _become(told: dict[str, object], parent: int) -> NoReturn:
    """Be the command that was asked for, as if this process had just begun."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    code: int | str | None = 1
    try:
        words, environment, files, folder = (told[name] for name in ("words", "environment", "files", "folder"))
        assert isinstance(words, list)
        assert isinstance(environment, dict)
        assert isinstance(files, list)
        for number, (file, flags) in enumerate(zip(files, (os.O_RDONLY, _ADDED, _ADDED), strict=True)):
            os.dup2(os.open(file, flags, 0o644), number)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - what was read ahead of the questions is not for the command
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(str(folder))
        from server.cli import main

        code = main(words)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


_ADDED = os.O_WRONLY | os.O_CREAT | os.O_APPEND

if __name__ == "__main__":
    _serve()
