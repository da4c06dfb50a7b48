"""The bank simulator as a process of its own, and the development server that keeps it running beside itself.

Its folder is `bank` in the data directory: the journal, the address where it is found, and a lock that is held by
whoever runs it. Two development servers on one directory share one bank.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO

import uvicorn
import uvloop

from gateways.accounts import BankAccount
from gateways.bank import NAME
from gateways.simulators.bank.bank import Bank
from gateways.simulators.bank.journal import Journal
from gateways.simulators.bank.notifier import Notifier
from server.bank_app import bank_app
from server.failure import StartFailure
from server.settings import Settings

_HOST = "127.0.0.1"
_STOP_SECONDS = 5


def journal_file(settings: Settings) -> Path:
    """Where the bank keeps what it did (`gateways.simulators.bank.journal.charges` reads it)."""
    return _folder(settings) / "journal.ndjson"


def local_bank(settings: Settings) -> BankAccount | None:
    """Our account at the bank that runs beside the development server, or None where it never ran."""
    try:
        address = (_folder(settings) / "address").read_text()
    except FileNotFoundError:
        return None
    return BankAccount(address, _key(settings))


def run_bank(settings: Settings, descriptor: int | None) -> None:
    """Be the bank until told to stop, on the listening socket with that descriptor or on one of its own.

    Whoever hands over a socket also holds the other end of our standard input: when they are gone, so are we.
    Raises StartFailure when a bank runs there already.
    """
    if descriptor is not None:
        listener = socket.socket(fileno=descriptor)
        threading.Thread(target=_stop_with_the_parent, daemon=True).start()
        _be_the_bank(settings, listener)
        return
    lock = _lock(_folder(settings))
    if lock is None:
        raise StartFailure("A bank simulator runs on this data directory already, perhaps of `hearth run`")
    with lock, _open_listener(settings) as listener:
        print(f"Bank simulator at {_note_address(settings, listener)}", flush=True)
        _be_the_bank(settings, listener)


class BankBeside:
    """The bank of a data directory, run by whichever development server holds its lock.

    with BankBeside(settings) as bank:
        ...  # and bank.keep_running() every now and then
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = _folder(settings)
        self._lock: IO[bytes] | None = None
        self._listener: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str | None:
        """Where the bank's pages are."""
        account = local_bank(self._settings)
        return account.url if account is not None else None

    def keep_running(self) -> bool:
        """Start the bank if it does not run and nobody else sees to it; whether that was needed."""
        self._lock = self._lock or _lock(self._folder)
        if self._lock is None or (self._process is not None and self._process.poll() is None):
            return False
        if self._listener is None:
            self._listener = _open_listener(self._settings)
            _note_address(self._settings, self._listener)
        descriptor = self._listener.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "server.cli", "bank", "--listener", str(descriptor)],
            stdin=subprocess.PIPE,
            pass_fds=[descriptor],
            # The keyboard's Ctrl-C is for the development server, which then stops the bank.
            start_new_session=True,
            env={**os.environ, "HEARTH_DATA": str(self._settings.data), "PORT": str(self._settings.port)},
        )
        return True

    def __enter__(self) -> BankBeside:
        self.keep_running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for held in (self._listener, self._lock):
            if held is not None:
                held.close()


def _be_the_bank(settings: Settings, listener: socket.socket) -> None:
    key = _key(settings)
    bank = Bank(Journal(journal_file(settings)), address=_address(listener))
    notifier = Notifier(bank, f"{settings.own_address}/gateway/payments/{NAME}", key)
    config = uvicorn.Config(
        bank_app(bank, notifier, key), log_level="critical", access_log=False, timeout_graceful_shutdown=1
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listener]))


def _stop_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _key(settings: Settings) -> str:
    return settings.payments_key.get_secret_value() or settings.secret.get_secret_value()


def _folder(settings: Settings) -> Path:
    return settings.data / "bank"


def _lock(folder: Path) -> IO[bytes] | None:
    """The lock that only one process holds, or None while another does. The kernel drops it even on kill -9."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "bank.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _open_listener(settings: Settings) -> socket.socket:
    """A socket where the bank was last, or on the port after ours, or on any: links to its pages are to last."""
    known = local_bank(settings)
    last = int(known.url.rpartition(":")[2]) if known is not None else settings.port % 65535 + 1
    for port in (last, 0):
        try:
            return socket.create_server((_HOST, port))
        except OSError:
            continue
    raise StartFailure(f"The bank simulator finds no free port on {_HOST}")


def _note_address(settings: Settings, listener: socket.socket) -> str:
    address = _address(listener)
    draft = _folder(settings) / f"address-{os.getpid()}"
    draft.write_text(address)
    draft.rename(_folder(settings) / "address")
    return address


def _address(listener: socket.socket) -> str:
    return f"http://{_HOST}:{listener.getsockname()[1]}"
