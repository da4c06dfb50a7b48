"""What every resolver of one operation is given."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import strawberry
from starlette.responses import Response

from auth.session import Expired, Viewer, Widget
from domain.profile import Profile
from gateways.billing import Billing
from gateways.oidc import SocialProviders
from loaders.batch import Batches
from loaders.loaders import Loaders
from loaders.scope import ReadScope
from models.reader import Reader
from resolvers.errors import password_change_required, session_expired, unauthenticated, widget_looks_only

T = TypeVar("T")


@dataclass
class Context:
    """One operation: who calls, which operator's cabinet, and the ways to read and to answer.

    `site` is where the front end is, for links in mails.
    `initiator` tells callers apart before they sign in, as well as an address and a client's name can.
    `caller` is None for nobody, `Expired` for a session that has ended, `Widget` for what may only look at its line:
    it is no viewer, so all is closed to it that does not ask for a `Widget` by name.
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
    device: str | None = None
    response: Response | None = None
    social: SocialProviders = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

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
