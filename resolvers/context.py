"""What every resolver of one operation is given."""

from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import strawberry
from starlette.responses import Response

from auth.session import Expired, Viewer, Widget, still
from domain.challenge import ChallengeChannel
from domain.profile import Profile
from gateways.billing import Billing
from gateways.oidc import SocialProviders
from gateways.payments import UnconfiguredProvider
from gateways.sim_registry import NoRegistry, SimRegistry
from loaders.batch import Batches
from loaders.loaders import Loaders
from loaders.scope import Memory, ReadScope
from models.reader import Reader
from resolvers.errors import password_change_required, session_expired, unauthenticated, widget_looks_only
from services.payment_row import Desk

T = TypeVar("T")


class Live(Protocol):
    """What one operation hears of changes, in whichever worker they are made (`models/notify.py` lists the events).

    An operation that waits is not running: when something was heard it is run again, and knows of the time before what
    is kept here. `closed` once nobody waits for the operation any more, `followed` is what it follows, by key, and the
    event that tells of each one's change, `told` is whatever else it has to remember of what it told.
    """

    closed: bool
    followed: dict[Any, str]
    told: dict[Any, Any]

    @property
    def listens(self) -> bool:
        """Whether it has begun to listen, and goes on."""

    def listen(self, events: Iterable[str]) -> None:
        """Hear these events from now on, and no others."""

    def heard(self) -> frozenset[str]:
        """The events that came since this was asked last; each is told once, however often it came."""

    async def turn(self) -> None:
        """Wait until this operation may look at what changed."""

    def rest(self) -> None:
        """Leave the turn to somebody else."""


@dataclass
class Context:
    """One operation: who calls, which operator's cabinet, and the ways to read and to answer.

    `site` is where the front end is, for links in mails.
    `initiator` tells callers apart before they sign in, as well as an address and a client's name can.
    `channels` are those that this server can send codes by.
    `caller` is None for nobody, `Expired` for a session that has ended, `Widget` for what may only look at its line:
    it is no viewer, so all is closed to it that does not ask for a `Widget` by name.
    `response` takes cookies; over a socket there is none, and `live` instead.
    `unanswered` once the database did not answer a field: whoever asked had better ask again.
    `outcomes` are those of fields that are resolved once an operation, whoever executes it (`execution.once`).
    """

    profile: Profile
    profiles: Mapping[str, Profile]
    caller: Viewer | Widget | Expired | None
    reads: Reader
    billing: Billing
    batches: Batches
    secret: bytes
    network_key: bytes | None
    site: str
    secure_cookies: bool
    initiator: str
    address: str | None
    channels: frozenset[ChallengeChannel]
    device: str | None = None
    response: Response | None = None
    live: Live | None = None
    social: SocialProviders = field(default_factory=dict)
    desk: Desk = field(default_factory=lambda: Desk(UnconfiguredProvider()))
    sims: SimRegistry = field(default_factory=NoRegistry)
    memory: Memory = field(default_factory=Memory)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    unanswered: bool = False
    outcomes: dict[str, tuple[Any, Exception | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.loaders = self._fresh_loaders()

    @property
    def viewer(self) -> Viewer | None:
        """Who is signed in and may look around: with a temporary password that has to be changed, nobody (F009)."""
        caller = self.caller
        return caller if isinstance(caller, Viewer) and not caller.must_change_password else None

    def require_viewer(self) -> Viewer:
        """Who is signed in; otherwise an error says what is missing."""
        viewer = self.require_session()
        if viewer.must_change_password:
            raise password_change_required()
        return viewer

    def require_session(self) -> Viewer:
        """Whose session it is, a temporary password or not: to change it, and to leave."""
        if isinstance(self.caller, Viewer):
            return self.caller
        if isinstance(self.caller, Widget):
            raise widget_looks_only()
        raise session_expired() if isinstance(self.caller, Expired) else unauthenticated()

    async def change(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something that changes data: reads before it are given up, reads after it are fresh.

        A widget changes nothing, not even what needs no session (N13).
        """
        if isinstance(self.caller, Widget):
            work.close()
            raise widget_looks_only()
        await self.reads.release()
        outcome = await work
        self.loaders = self._fresh_loaders()
        return outcome

    def become(self, caller: Viewer | Widget | Expired | None) -> None:
        """Go on as somebody else: after signing in or out, or when a session has ended."""
        self.caller = caller
        self.loaders = self._fresh_loaders()

    async def renew(self) -> None:
        """Go on at a later moment: everything is read anew, and whether the session still holds is looked at again.

        Raises `CallerError` when it does not.
        """
        viewer = self.require_viewer()
        self.batches.cancel()
        await self.reads.close()
        self.reads, self.batches, self.now = self.reads.anew(), Batches(), datetime.now(UTC)
        self.unanswered = False
        self.become(await still(self.reads, self.profile, viewer))
        self.require_viewer()

    def start_anew(self) -> None:
        """Begin once more, as if nothing had been read, nor failed."""
        self.batches.cancel()
        self.batches.level_by_level = self.reads.together = False
        self.unanswered = False
        self.loaders = self._fresh_loaders()

    async def rest(self) -> None:
        """Hold nothing while waiting: what is still on its way then is not wanted any more."""
        self.batches.cancel()
        await self.reads.release()
        if self.live is not None:
            self.live.rest()

    async def close(self) -> None:
        """Hold nothing, and read no more: fields may still be on their way when a sibling has failed."""
        self.batches.cancel()
        await self.reads.close()
        if self.live is not None:
            self.live.rest()

    def _fresh_loaders(self) -> Loaders:
        return Loaders(
            ReadScope(
                reads=self.reads,
                batches=self.batches,
                viewer=self.viewer,
                profile=self.profile,
                profiles=self.profiles,
                billing=self.billing,
                now=self.now,
                memory=self.memory,
            )
        )


Info = strawberry.Info[Context, None]
