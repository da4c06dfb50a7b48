"""What the floors tell of their work to whoever watches: spans for tracing, and numbers for metrics.

Nobody watches unless the server says so (`server/tracing.py`, `server/metrics.py`), and then telling costs next to
nothing. What is told never holds a value of a person's: no arguments, no variables, no text of an error.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Attributes = Mapping[str, str | int]


class Tracing(Protocol):
    """Who makes spans."""

    def begin(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """A span in the one that is under way, for the life of the block."""
        ...

    def describe(self, name: str, attributes: Attributes) -> None:
        """Name the span that is under way, once it is known what it is about."""
        ...


class Told(StrEnum):
    """The numbers that are told, and the labels of each."""

    OPERATION = "operation"  # (operation, kind, outcome): seconds
    STATEMENTS = "statements"  # (operation,): how many an operation sent
    LOADER_BATCH = "loader_batch"  # (loader,): how many keys
    ONE_TIME_CODE = "one_time_code"  # (purpose, outcome): one more
    MESSAGE = "message"  # (channel, outcome): one more


Note = Callable[[Told, tuple[str, ...], float], None]


@dataclass(slots=True)
class Work:
    """What is known of one operation so far; `statements` are those of reads and of transactions.

    `operation` is the name that its document has, which was validated: what else a caller names is not repeated.
    """

    operation: str | None = None
    kind: str | None = None
    outcome: str | None = None
    statements: int = 0


# Set by the server around each operation; tasks that an operation starts share it.
work: ContextVar[Work | None] = ContextVar("work", default=None)

_NOTHING = nullcontext()
_tracing: Tracing | None = None
_note: Note | None = None


def span(name: str, attributes: Attributes | None = None, /) -> AbstractContextManager[None]:
    """A stretch of work with a name, for the life of the block."""
    return _NOTHING if _tracing is None else _tracing.begin(name, attributes or {})


def describe(name: str, attributes: Attributes, /) -> None:
    """Name the stretch of work that is under way."""
    if _tracing is not None:
        _tracing.describe(name, attributes)


def is_operation(kind: str, name: str | None) -> None:
    """Say which operation is under way."""
    if (current := work.get()) is not None:
        current.operation, current.kind = name, kind
    describe(f"{kind} {name or 'anonymous'}", {"graphql.operation.type": kind, "graphql.operation.name": name or ""})


def note(told: Told, labels: tuple[str, ...], value: float = 1, /) -> None:
    """Tell a number."""
    if _note is not None:
        _note(told, labels, value)


def trace_with(tracing: Tracing | None) -> None:
    """Let `tracing` make the spans of this process from now on; None: nobody."""
    global _tracing
    _tracing = tracing


def count_with(counting: Note | None) -> None:
    """Tell `counting` the numbers of this process from now on; None: nobody."""
    global _note
    _note = counting
