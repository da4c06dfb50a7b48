"""What every resolver of one operation is given."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import strawberry
from starlette.responses import Response

from auth.session import Expired, Viewer
from domain.profile import Profile
from gateways.billing import Billing
from loaders.batch import Batches
from loaders.loaders import Loaders
from loaders.scope import ReadScope
from models.reader import Reader
from resolvers.errors import session_expired, unauthenticated

T = TypeVar("T")


@dataclass
class Context:
    """One operation: who calls, which operator's cabinet, and the ways to read and to answer.

    `initiator` tells callers apart before they sign in, as well as an address and a client's name can.
    `caller` is None for nobody, `Expired` for a session that has ended.
    """

    profile: Profile
    profiles: Mapping[str, Profile]
    caller: Viewer | Expired | None
    reads: Reader
    billing: Billing
    batches: Batches
    secret: bytes
    secure_cookies: bool
    initiator: str
    device: str | None = None
    response: Response | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.loaders = self._fresh_loaders()

    @property
    def viewer(self) -> Viewer | None:
        """Who is signed in, if anybody."""
        return self.caller if isinstance(self.caller, Viewer) else None

    def require_viewer(self) -> Viewer:
        """Who is signed in; otherwise an error says whether there never was a session or it has ended."""
        if isinstance(self.caller, Viewer):
            return self.caller
        raise session_expired() if isinstance(self.caller, Expired) else unauthenticated()

    async def change(self, work: Awaitable[T]) -> T:
        """Await something that changes data: reads before it are given up, reads after it are fresh."""
        await self.reads.release()
        outcome = await work
        self.loaders = self._fresh_loaders()
        return outcome

    def become(self, caller: Viewer | None) -> None:
        """Go on as somebody else: after signing in or out."""
        self.caller = caller
        self.loaders = self._fresh_loaders()

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
            )
        )


Info = strawberry.Info[Context, None]
