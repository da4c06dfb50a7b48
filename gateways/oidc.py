"""Whom social networks say somebody is: an OpenID Connect relying party, by authorization code with PKCE (F021).

The front end sends its user to `Provider.authorization_url`, keeps the PKCE verifier to itself, and gives the code
it gets back, with the verifier, to `Provider.identify`. Codes, verifiers and tokens are in no log and no error.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import orjson
from joserfc.jwk import KeySet

from domain.sign_in import SocialProvider
from gateways import id_token
from gateways.id_token import TokenRejected, UnknownKey
from models import watch

# For each request as a whole: connecting, asking and reading the answer.
PATIENCE_SECONDS = 5.0
LARGEST_ANSWER = 256 * 1024
# How long a discovery document and a key set are used before they are asked for again.
FRESH_SECONDS = 3600.0

_SCOPE = "openid profile"
_LONGEST_TITLE = 200
# What a token endpoint says of a code, and not of us (RFC 6749 5.2).
_FAULTS_OF_THE_CODE = {"invalid_grant", "invalid_request"}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class IdentityRejected(Exception):
    """The provider does not vouch for anybody: a wrong, used or foreign code, or a token that proves nothing."""


class ProviderUnavailable(Exception):
    """The provider did not answer, did not answer sensibly, or does not know us: trying again later may help."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a provider knows an operator's cabinet by. Raises ValueError for what no cabinet could work with.

    Without a `client_secret` the client is a public one, and the PKCE verifier alone proves that a code is its own.
    """

    issuer: str
    client_id: str
    redirect_uris: tuple[str, ...]
    client_secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not is_trustworthy(self.issuer):
            raise ValueError("issuer must be an https URL; http is for this machine only")
        if not self.client_id:
            raise ValueError("client_id must not be empty")
        if not self.redirect_uris:
            raise ValueError("redirect_uris must name at least one address")


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a front end brings back from the provider, and the PKCE verifier that it kept."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for: `subject` is its own id of the account, `title` what the account is called."""

    subject: str
    title: str | None


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What we need of a discovery document; `checks_pkce`: it binds a code to its verifier."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    checks_pkce: bool
    fetched_at: float


class Provider:
    """One social network, as one operator's cabinet is registered there. Shares `http` with the others.

    What the provider publishes is fetched at first use and again after an hour; its keys also when a token names
    one that is not among them.
    """

    def __init__(
        self, registration: Registration, http: httpx2.AsyncClient, now: Callable[[], float] = time.time
    ) -> None:
        self._registration = registration
        self._http = http
        self._now = now
        self._known: _Metadata | None = None
        self._keys: KeySet | None = None
        self._keys_fetched_at = 0.0

    def accepts(self, redirect_uri: str) -> bool:
        """Whether users may be sent back to this address: exactly as it is registered, or not at all."""
        return redirect_uri in self._registration.redirect_uris

    async def check(self) -> None:
        """Fetch what the network publishes, as a sign-in would, and no more. Raises ProviderUnavailable."""
        await self._published_keys(await self._metadata(), younger_than=FRESH_SECONDS)

    async def authorization_url(self, redirect_uri: str, code_challenge: str, state: str) -> str:
        """Where to send a user who is to be asked. `code_challenge` is S256's. Raises ProviderUnavailable."""
        metadata = await self._metadata()
        parameters = {
            "client_id": self._registration.client_id,
            "response_type": "code",
            "scope": _SCOPE,
            "redirect_uri": redirect_uri,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "state": state,
            "nonce": _nonce(code_challenge),
        }
        return str(httpx2.URL(metadata.authorization_endpoint).copy_merge_params(parameters))

    async def identify(self, brought: AuthorizationCode) -> Identity:
        """Redeem a code, which works once. Raises IdentityRejected and ProviderUnavailable."""
        metadata = await self._metadata()
        token = await self._redeem(metadata, brought)
        try:
            claims = await self._believed(metadata, token)
        except TokenRejected as error:
            raise IdentityRejected(f"ID token: {error}") from None
        if not _is_bound(claims.get("nonce"), brought.verifier, metadata):
            raise IdentityRejected("ID token: made for another sign-in")
        return Identity(claims["sub"], _title(claims))

    async def _redeem(self, metadata: _Metadata, brought: AuthorizationCode) -> str:
        """The ID token that a code is good for."""
        registration = self._registration
        form = {
            "grant_type": "authorization_code",
            "code": brought.code,
            "redirect_uri": brought.redirect_uri,
            "code_verifier": brought.verifier,
        }
        auth: httpx2.BasicAuth | None = None
        if registration.client_secret is None:
            form["client_id"] = registration.client_id
        else:
            # Both are form-encoded before they are put together (RFC 6749 2.3.1).
            auth = httpx2.BasicAuth(quote(registration.client_id, safe=""), quote(registration.client_secret, safe=""))
        status, answer = await self._ask("token endpoint", "POST", metadata.token_endpoint, data=form, auth=auth)
        if status in (400, 401) and answer.get("error") in _FAULTS_OF_THE_CODE:
            raise IdentityRejected("the code was refused")
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise ProviderUnavailable(f"token endpoint: status {status} without an ID token")
        return token

    async def _believed(self, metadata: _Metadata, token: str) -> Mapping[str, Any]:
        """The claims of a token. An unknown key is looked for anew, once: only the provider can make us do so."""
        try:
            return self._read(token, await self._published_keys(metadata, younger_than=FRESH_SECONDS))
        except UnknownKey:
            return self._read(token, await self._published_keys(metadata, younger_than=0))

    def _read(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        registration = self._registration
        return id_token.read(
            token, keys, issuer=registration.issuer, client_id=registration.client_id, now=int(self._now())
        )

    async def _published_keys(self, metadata: _Metadata, *, younger_than: float) -> KeySet:
        if self._keys is None or self._now() - self._keys_fetched_at >= younger_than:
            asked_at = self._now()
            published = (await self._document("keys", metadata.jwks_uri)).get("keys")
            if not isinstance(published, list) or not all(isinstance(key, dict) for key in published):
                raise ProviderUnavailable("keys: not a JWK set")
            self._keys, self._keys_fetched_at = id_token.key_set(published), asked_at
        return self._keys

    async def _metadata(self) -> _Metadata:
        if self._known is None or self._now() - self._known.fetched_at >= FRESH_SECONDS:
            issuer = self._registration.issuer
            asked_at = self._now()
            document = await self._document("discovery", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            # A document of somebody else's would redirect our secret and our users (OpenID Connect Discovery 4.3).
            if document.get("issuer") != issuer:
                raise ProviderUnavailable("discovery: the issuer is another one")
            self._known = _Metadata(
                authorization_endpoint=_endpoint(document, "authorization_endpoint"),
                token_endpoint=_endpoint(document, "token_endpoint"),
                jwks_uri=_endpoint(document, "jwks_uri"),
                checks_pkce="S256" in (document.get("code_challenge_methods_supported") or ()),
                fetched_at=asked_at,
            )
        return self._known

    async def _document(self, what: str, url: str) -> dict[str, Any]:
        status, document = await self._ask(what, "GET", url)
        if status != 200:
            raise ProviderUnavailable(f"{what}: status {status}")
        return document

    async def _ask(self, what: str, method: str, url: str, **request: Any) -> tuple[int, dict[str, Any]]:
        """The status and the JSON object that `url` answers, within five seconds and 256 KiB; `what` names it."""
        # Nobody who asks for plain bytes has to bound what they unpack to.
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        try:
            with watch.span("gateway social", {"gateway.call": what}):
                async with (
                    asyncio.timeout(PATIENCE_SECONDS),
                    self._http.stream(method, url, headers=headers, follow_redirects=False, **request) as response,
                ):
                    body = bytearray()
                    async for chunk in response.aiter_raw():
                        body += chunk
                        if len(body) > LARGEST_ANSWER:
                            raise ProviderUnavailable(f"{what}: answered too much")
            document = orjson.loads(body)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            # The error's own text may quote the request, and what it knows of the request is a secret.
            raise ProviderUnavailable(f"{what}: {type(error).__name__}") from None
        except orjson.JSONDecodeError:
            raise ProviderUnavailable(f"{what}: status {response.status_code} without JSON") from None
        if not isinstance(document, dict):
            raise ProviderUnavailable(f"{what}: status {response.status_code} without a JSON object")
        return response.status_code, document


SocialProviders = Mapping[tuple[str, SocialProvider], Provider]
"""The social networks that are set up, by operator and network."""


def code_challenge(verifier: str) -> str:
    """PKCE's S256 of a verifier (RFC 7636 4.2)."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def is_trustworthy(url: str) -> bool:
    """Whether tokens may be fetched from there: over TLS, or without leaving this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_trustworthy(url):
        raise ProviderUnavailable(f"discovery: no usable {name}")
    return url


def _is_bound(nonce: object, verifier: str, metadata: _Metadata) -> bool:
    """Whether a token belongs to the sign-in that began with the challenge of `verifier`.

    A provider that checks PKCE has seen to that; from one that does not, the nonce has to come back.
    """
    if nonce is None and metadata.checks_pkce:
        return True
    return nonce == _nonce(code_challenge(verifier))


def _nonce(challenge: str) -> str:
    """The nonce of a sign-in follows from its challenge, so that nothing has to be remembered meanwhile."""
    return _base64url(hashlib.sha256(f"nonce:{challenge}".encode()).digest())


def _title(claims: Mapping[str, Any]) -> str | None:
    """What the account's owner would know it by."""
    for claim in ("name", "preferred_username", "nickname", "email"):
        title = claims.get(claim)
        if isinstance(title, str) and title.strip():
            return title.strip().replace("\0", "")[:_LONGEST_TITLE]
    return None


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
