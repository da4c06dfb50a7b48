"""The bank's memory: a file that is only ever appended to, one line for everything that changed at once.

What was written outlives the bank's process however it dies, kill -9 included. A power cut may take the last lines:
this is a simulator, and a disk that is waited for would be most of what a benchmark measures.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from domain.money import Money
from gateways.simulators.bank.records import Line, State

_LINE = TypeAdapter(Line)


class Journal:
    """The journal in `file`, which one process has at a time; whoever comes next waits until it is free."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def replay(self) -> Iterator[Line]:
        """Everything that was kept, oldest first. A line that was being written when somebody died is cut off."""
        whole = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for text in file:
                if not text.endswith(b"\n"):
                    break
                whole += len(text)
                yield _LINE.validate_json(text)
        os.ftruncate(self._file, whole)

    def append(self, line: Line) -> None:
        """Keep a line. Raises OSError when it cannot be; then nothing was done."""
        text = orjson.dumps(line) + b"\n"
        if os.write(self._file, text) != len(text):
            raise OSError("the bank's journal cannot be written whole")

    def close(self) -> None:
        os.close(self._file)


def charges(file: Path) -> dict[str, Money]:
    """What each payment's payer was charged for good, by our key, as the journal has it: refunds are taken off."""
    found: dict[str, Money] = {}
    if not file.exists():
        return found
    for text in file.read_bytes().splitlines(keepends=True):
        if text.endswith(b"\n"):
            for payment in _LINE.validate_json(text).payments:
                if payment.state == State.CHARGED:
                    found[payment.order.key] = payment.amount - Money(payment.refunded, payment.amount.currency)
    return found
