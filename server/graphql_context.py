"""The context of an operation, from the connection it came by: the same for a request and for a socket."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from starlette.requests import HTTPConnection
from starlette.responses import Response

from auth.session import Expired, Viewer, Widget, authenticate
from domain.profile import Profile
from gateways.billing import Billing
from gateways.oidc import SocialProviders
from gateways.sim_registry import NoRegistry, SimRegistry
from loaders.batch import Batches
from loaders.scope import Memory
from models.reader import Reader
from resolvers.context import Context, Live
from resolvers.sign_in import cookie_name
from server.rate_limit import RateLimits
from server.settings import Settings
from services.payment_row import Desk

_LONGEST_TOKEN = 256


@dataclass(frozen=True, slots=True)
class Whence:
    """Where operations come from: all that their contexts tell of a connection (`Context` says what each of it is)."""

    site: str
    initiator: str
    address: str | None
    device: str | None


class Contexts:
    """Makes contexts of what lives as long as the process."""

    def __init__(
        self,
        settings: Settings,
        profiles: Mapping[str, Profile],
        billing: Billing,
        pool: "asyncpg.Pool[asyncpg.Record]",
        social: SocialProviders,
        desk: Desk,
        sims: SimRegistry | None = None,
    ) -> None:
        self.settings = settings
        self.profiles = profiles
        self.rates = RateLimits(settings.requests_per_session, settings.requests_per_network)
        self._key = settings.key
        self._network_key = settings.network_key.get_secret_value().encode() or None
        self._channels = settings.channels
        self._billing = billing
        self._pool = pool
        self._social = social
        self._desk = desk
        self._sims = sims or NoRegistry()
        self._memory = Memory()

    def reader(self) -> Reader:
        """A reader for one operation."""
        return Reader(self._pool)

    def token(self, connection: HTTPConnection, profile: Profile, authorization: str | None) -> str | None:
        """The token that `authorization` bears, else the operator's cookie; None for what cannot be one."""
        scheme, _, token = (authorization or "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else None
        if given is None:
            given = connection.cookies.get(cookie_name(profile.operator.id, secure=not self.settings.development))
        return given if given and len(given) <= _LONGEST_TOKEN else None

    async def caller(self, token: str | None, profile: Profile, reads: Reader) -> Viewer | Widget | Expired | None:
        """Whose token it is; counts as activity."""
        return None if token is None else await authenticate(reads, profile, token)

    def whence(self, connection: HTTPConnection) -> Whence:
        """Where the operations of a connection come from."""
        address, device = address_of(connection), connection.headers.get("user-agent")
        return Whence(self._site(connection), self._initiator(address, device), address, device)

    def context(
        self,
        whence: Whence,
        profile: Profile,
        caller: Viewer | Widget | Expired | None,
        reads: Reader,
        batches: Batches,
        *,
        response: Response | None = None,
        live: Live | None = None,
    ) -> Context:
        """The context of an operation."""
        return Context(
            profile=profile,
            profiles=self.profiles,
            caller=caller,
            reads=reads,
            billing=self._billing,
            batches=batches,
            secret=self._key,
            network_key=self._network_key,
            secure_cookies=not self.settings.development,
            site=whence.site,
            initiator=whence.initiator,
            address=whence.address,
            channels=self._channels,
            device=whence.device,
            response=response,
            live=live,
            social=self._social,
            desk=self._desk,
            sims=self._sims,
            memory=self._memory,
        )

    def _site(self, connection: HTTPConnection) -> str:
        """Where links in mails lead. What a caller names as host is believed in development only."""
        if self.settings.site_url or not self.settings.development:
            return self.settings.site_url
        scheme = "https" if connection.scope["scheme"] in ("https", "wss") else "http"
        return f"{scheme}://{connection.headers.get('host', '')}"

    def _initiator(self, address: str | None, device: str | None) -> str:
        """A pseudonym of the address and the client's name, which are not to be stored themselves."""
        told = f"{address or ''}\n{device or ''}"
        return hmac.digest(self._key, told.encode(), "sha256").hex()


def address_of(connection: HTTPConnection) -> str | None:
    """Where it comes from, as far as that is known: behind a trusted proxy, where that says."""
    return connection.client.host if connection.client else None
