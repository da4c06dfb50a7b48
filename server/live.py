"""The LISTEN hub: one connection a process hears what every worker tells, and wakes the operations that wait for it.

Nobody waits for anybody: an event is noted for each operation that listens, once however often it comes, and the
operation takes what was noted when it gets to it. An operation that waits is an `Ear` and no more (decision 0028).
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from auth.session import ended
from models.database import credentials
from models.notify import CHANNEL
from models.reader import SILENT

_CONNECT_SECONDS = 5.0
_RETRY_SECONDS = 0.5
# How long a session that ends by itself, or a connection that died without a word, may go unnoticed.
_LOOK_SECONDS = 5.0

_NOTHING: frozenset[str] = frozenset()

_log = structlog.get_logger()


@dataclass(frozen=True, eq=False, slots=True)
class Guard:
    """An open socket's session; `on_end` is called once it has ended, in whatever way."""

    user_id: int
    session_id: int
    idle_seconds: int
    on_end: Callable[[], None]


class Hub:
    """What all open operations of this process listen to. At most `at_once` of them look at an event together.

    So a change that concerns thousands of listeners leaves connections for whoever asks meanwhile.
    """

    def __init__(self, url: str, at_once: int) -> None:
        self._url = url
        self._turns = asyncio.Semaphore(at_once)
        self._ears: dict[str, set[Ear]] = {}
        self._guards: dict[int, set[Guard]] = {}
        self._suspects: set[int] = set()
        self._look = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; a database that goes away is waited for."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # whatever it is, changes must be heard again when it is over
                _log.error("the hub listens anew", error=type(error).__name__, exc_info=not isinstance(error, SILENT))
            await asyncio.sleep(_RETRY_SECONDS)

    def ear(self) -> "Ear":
        """The ear of a new operation."""
        return Ear(self)

    @contextmanager
    def guarding(self, guard: Guard) -> Iterator[None]:
        """Watch a session for the life of the block."""
        guards = self._guards.setdefault(guard.user_id, set())
        guards.add(guard)
        try:
            yield
        finally:
            guards.discard(guard)
            if not guards and self._guards.get(guard.user_id) is guards:
                del self._guards[guard.user_id]

    @property
    def listening(self) -> int:
        """How many events somebody waits for."""
        return len(self._ears)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            **credentials(self._url), timeout=_CONNECT_SECONDS, command_timeout=_CONNECT_SECONDS
        )
        try:
            connection.add_termination_listener(lambda _: self._look.set())
            await connection.add_listener(CHANNEL, lambda *told: self._hear(str(told[-1])))
            # Nobody knows what was told while nobody listened.
            self._wake_all()
            while not connection.is_closed():
                await self._end_sessions(connection)
                await self._until_look()
        finally:
            await connection.close(timeout=1)

    def _hear(self, payload: str) -> None:
        for event in payload.split(","):
            for ear in self._ears.get(event, ()):
                ear.hear(event)
            kind, _, key = event.partition(":")
            if kind == "session" and key.isdecimal() and int(key) in self._guards:
                self._suspects.add(int(key))
                self._look.set()

    def _wake_all(self) -> None:
        for event, ears in self._ears.items():
            for ear in ears:
                ear.hear(event)
        self._suspects.update(self._guards)

    async def _until_look(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._look.wait()
        except TimeoutError:
            self._suspects.update(self._guards)
        self._look.clear()

    async def _end_sessions(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Tell sockets that their session has ended; asked even of nobody, which shows that the connection lives."""
        suspects, self._suspects = self._suspects, set()
        guards = [guard for user_id in suspects for guard in self._guards.get(user_id, ())]
        over = await ended(connection, {guard.session_id: guard.idle_seconds for guard in guards})
        for guard in guards:
            if guard.session_id in over:
                guard.on_end()

    def _listened(self, ear: "Ear", event: str) -> None:
        self._ears.setdefault(event, set()).add(ear)

    def _forgotten(self, ear: "Ear", event: str) -> None:
        ears = self._ears[event]
        ears.discard(ear)
        if not ears:
            del self._ears[event]


class Ear:
    """What one operation hears, and what it remembers while it waits: the `Live` of its contexts."""

    __slots__ = ("_events", "_heard", "_hub", "_in_turn", "_wake", "closed", "followed", "told")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._events: tuple[str, ...] = ()
        # A set of its own only while there is something in it.
        self._heard: set[str] | frozenset[str] = _NOTHING
        self._wake: Callable[[], None] | None = None
        self._in_turn = False
        self.closed = False
        self.followed: dict[Any, str] = {}
        self.told: dict[Any, Any] = {}

    @property
    def listens(self) -> bool:
        """Whether the operation is one that listens, which queries are not."""
        return bool(self._events)

    def listen(self, events: Iterable[str]) -> None:
        """Hear these events from now on, and no others."""
        before, wanted = set(self._events), set() if self.closed else set(events)
        for event in wanted - before:
            self._hub._listened(self, event)
        for event in before - wanted:
            self._hub._forgotten(self, event)
        self._events = tuple(wanted)
        self._heard = self._heard & wanted or _NOTHING

    def heard(self) -> frozenset[str]:
        """The events that came since this was asked last; each is told once, however often it came."""
        told, self._heard = frozenset(self._heard), _NOTHING
        return told

    def when_heard(self, wake: Callable[[], None]) -> None:
        """Call `wake` once: as soon as something was heard, or the operation is over."""
        self._wake = wake
        if self._heard or self.closed:
            self._stir()

    async def wait(self) -> bool:
        """Wait until something was heard; False: the operation is over."""
        woken = asyncio.Event()
        self.when_heard(woken.set)
        await woken.wait()
        return not self.closed

    async def turn(self) -> None:
        """Wait until this operation may look at what changed; `rest` lets the next one."""
        if not self._in_turn:
            await self._hub._turns.acquire()
            self._in_turn = True

    def rest(self) -> None:
        """Leave the turn to somebody else."""
        if self._in_turn:
            self._in_turn = False
            self._hub._turns.release()

    def hear(self, event: str) -> None:
        """Note an event."""
        if isinstance(self._heard, set):
            self._heard.add(event)
        else:
            self._heard = {event}
        self._stir()

    def close(self) -> None:
        """The operation is over: hear no more, and wait for nothing."""
        self.listen(())
        self.closed = True
        self._stir()

    def _stir(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()
