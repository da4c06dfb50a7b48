"""Social sign-in (F021): an account of a social network, bound to a cabinet, opens it from then on.

A network is asked before the transaction that its answer matters to, never inside it.
"""

from dataclasses import dataclass
from string import ascii_letters, digits

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices, own_password
from auth.cabinet_end import NoEntry
from auth.own_password import Proof
from auth.session import Viewer
from auth.sign_in import Caller, SignedIn, let_in
from domain.features import feature
from domain.profile import Profile
from domain.refusals import (
    CredentialsRejected,
    FeatureDisabled,
    Forbidden,
    InputRejected,
    LastWayIn,
    NotFound,
    ProviderUnavailable,
    SocialAccountTaken,
)
from domain.sign_in import LoginIdentifier, LoginMethod, SocialProvider
from domain.wording import Wording
from gateways import oidc
from gateways.oidc import AuthorizationCode, Identity, Provider, SocialProviders
from models import audit
from models.database import tx

# PKCE's verifier (RFC 7636 4.1); S256 makes a challenge of 43 characters of any.
_VERIFIER_CHARACTERS = frozenset(ascii_letters + digits + "-._~")
_VERIFIER_LENGTHS = range(43, 129)
_CHALLENGE_LENGTH = 43
_CHALLENGE_CHARACTERS = frozenset(ascii_letters + digits + "-_")
_LONGEST_STATE = 512
_LONGEST_CODE = 2048

# Whoever has the number gets in by these, with a password of the user's own or without.
_WAYS_BY_NUMBER = frozenset({LoginMethod.SMS_CODE, LoginMethod.USSD_PASSWORD, LoginMethod.INBOUND_SMS_PASSWORD})

_LINKED = Wording("Signing in to your account with {network} is on.")
_UNLINKED = Wording("Signing in to your account with {network} is off.")

_log = structlog.get_logger()

# One winner of several at once. Binding again what is already one's own changes its title, and answers `is_new` false;
# somebody else's answers no row.
_LINK = """
insert into social_account (user_id, operator, provider, subject, title, linked_at)
values ($1, $2, $3, $4, $5, now())
on conflict (operator, provider, subject) do update set title = excluded.title
  where social_account.user_id = excluded.user_id
returning xmax = 0 as is_new
"""

_USER = "select user_id from social_account where operator = $1 and provider = $2 and subject = $3"

# The user's row is the turn: of two accounts unbound at once, the second one knows of the first.
_LOCK_USER = "select password_hash is not null as has_password from app_user where id = $1 for no key update"
_ACCOUNTS = "select id, provider from social_account where user_id = $1"
_HAS_NUMBER = "select exists (select from login where user_id = $1 and kind = $2) as has_number"
_UNLINK = "delete from social_account where id = $1"


@dataclass(frozen=True, slots=True)
class SocialLinked:
    """The account opens the cabinet now; it may have done so before."""


@dataclass(frozen=True, slots=True)
class SocialUnlinked:
    """The account opens nothing any more."""


@dataclass(frozen=True, slots=True)
class AuthorizationStarted:
    """Where the front end sends its user."""

    url: str


Unidentified = FeatureDisabled | ProviderUnavailable | InputRejected | CredentialsRejected


async def start(
    profile: Profile, providers: SocialProviders, network: SocialProvider, redirect_uri: str, challenge: str, state: str
) -> AuthorizationStarted | FeatureDisabled | ProviderUnavailable | InputRejected:
    """Where to send a user who wants to sign in with, or to bind, an account of `network`."""
    provider = _offered(profile, providers, network)
    if not isinstance(provider, Provider):
        return provider
    if not provider.accepts(redirect_uri):
        return _foreign_address()
    if len(challenge) != _CHALLENGE_LENGTH or not _CHALLENGE_CHARACTERS.issuperset(challenge):
        return InputRejected(
            "The challenge is the SHA-256 of the verifier in base64url, 43 characters", ("codeChallenge",)
        )
    if not 0 < len(state) <= _LONGEST_STATE:
        return InputRejected(f"The state is 1 to {_LONGEST_STATE} characters", ("state",))
    try:
        return AuthorizationStarted(await provider.authorization_url(redirect_uri, challenge, state))
    except oidc.ProviderUnavailable as problem:
        return _unavailable(profile, network, problem)


async def link(
    profile: Profile, providers: SocialProviders, viewer: Viewer, network: SocialProvider, brought: AuthorizationCode
) -> SocialLinked | SocialAccountTaken | Forbidden | Unidentified:
    """Bind the account that a code stands for to the viewer's cabinet. Doing so again changes nothing."""
    if not viewer.holds_keys:
        return Forbidden("This session may not bind an account; sign in by yourself for this")
    identity = await _identify(profile, providers, network, brought)
    if not isinstance(identity, Identity):
        return identity

    async def bind(connection: BaseDBAsyncClient) -> SocialLinked | SocialAccountTaken | Forbidden:
        # The network took its time: whoever was thrown out meanwhile leaves no way in behind.
        if not await own_password.still_holds(connection, viewer, Proof()):
            return Forbidden("The session has ended; sign in again")
        title = identity.title or network.brand
        rows = await connection.execute_query_dict(
            _LINK, [viewer.user_id, profile.operator.id, network, identity.subject, title]
        )
        if not rows:
            return SocialAccountTaken()
        if rows[0]["is_new"]:
            await _tell(connection, profile, viewer, "SOCIAL_LINKED", network)
        return SocialLinked()

    return await tx(bind)


async def sign_in(
    profile: Profile, providers: SocialProviders, network: SocialProvider, brought: AuthorizationCode, caller: Caller
) -> SignedIn | Unidentified | NoEntry:
    """Open the cabinet that the account of a code is bound to (K101)."""
    identity = await _identify(profile, providers, network, brought)
    if not isinstance(identity, Identity):
        return identity

    async def enter(connection: BaseDBAsyncClient) -> SignedIn | NoEntry:
        rows = await connection.execute_query_dict(_USER, [profile.operator.id, network, identity.subject])
        if not rows:
            return CredentialsRejected(
                message=f"This account of {network.brand} opens no cabinet; sign in another way and bind it first"
            )
        return await let_in(connection, profile, rows[0]["user_id"], LoginMethod.SOCIAL, caller)

    return await tx(enter)


async def unlink(
    profile: Profile, viewer: Viewer, account_id: int | None
) -> SocialUnlinked | NotFound | LastWayIn | Forbidden:
    """Unbind an account of the viewer's, unless nothing else would open the cabinet.

    It works where the operator has given up social sign-in, too: what is bound can always be taken back.
    """
    if not viewer.holds_keys:
        return Forbidden("This session may not unbind an account; sign in by yourself for this")

    async def unbind(connection: BaseDBAsyncClient) -> SocialUnlinked | NotFound | LastWayIn:
        [user] = await connection.execute_query_dict(_LOCK_USER, [viewer.user_id])
        accounts = await connection.execute_query_dict(_ACCOUNTS, [viewer.user_id])
        networks = {row["id"]: SocialProvider(row["provider"]) for row in accounts}
        network = networks.pop(account_id, None) if account_id is not None else None
        if network is None:
            return NotFound("No such account is bound to this cabinet", ("socialAccountId",))
        another = any(_is_offered(profile, other) for other in networks.values())
        if not (user["has_password"] or another or await _opens_by_number(connection, profile, viewer.user_id)):
            return LastWayIn()
        await connection.execute_query(_UNLINK, [account_id])
        await _tell(connection, profile, viewer, "SOCIAL_UNLINKED", network)
        return SocialUnlinked()

    return await tx(unbind)


async def _identify(
    profile: Profile, providers: SocialProviders, network: SocialProvider, brought: AuthorizationCode
) -> Identity | Unidentified:
    """Whom a code stands for. Asks the network, so it is not for a transaction."""
    provider = _offered(profile, providers, network)
    if not isinstance(provider, Provider):
        return provider
    if refused := _malformed(provider, brought):
        return refused
    try:
        return await provider.identify(brought)
    except oidc.IdentityRejected as problem:
        _log.info("social sign-in refused", operator=profile.operator.id, network=network, reason=str(problem))
        return CredentialsRejected(
            message=f"{network.brand} did not confirm who you are; start again", field=("authorizationCode",)
        )
    except oidc.ProviderUnavailable as problem:
        return _unavailable(profile, network, problem)


def _offered(
    profile: Profile, providers: SocialProviders, network: SocialProvider
) -> Provider | FeatureDisabled | ProviderUnavailable:
    """The network, as the operator is registered there."""
    flag = feature(profile, f"auth.social_{network.lower()}")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator", ("provider",))
    provider = providers.get((profile.operator.id, network))
    return provider or ProviderUnavailable(f"{network.brand} is not set up here yet; sign in another way")


def _is_offered(profile: Profile, network: SocialProvider) -> bool:
    return feature(profile, f"auth.social_{network.lower()}").enabled


def _malformed(provider: Provider, brought: AuthorizationCode) -> InputRejected | None:
    """What no network has to be asked about."""
    if not provider.accepts(brought.redirect_uri):
        return _foreign_address()
    if len(brought.verifier) not in _VERIFIER_LENGTHS or not _VERIFIER_CHARACTERS.issuperset(brought.verifier):
        return InputRejected("The verifier is 43 to 128 letters, digits, '-', '.', '_' and '~'", ("codeVerifier",))
    if not 0 < len(brought.code) <= _LONGEST_CODE or not brought.code.isprintable():
        return InputRejected("The code is what the network gave, unchanged", ("authorizationCode",))
    return None


def _foreign_address() -> InputRejected:
    return InputRejected("The address must be exactly one that the cabinet is registered with", ("redirectUri",))


def _unavailable(profile: Profile, network: SocialProvider, problem: oidc.ProviderUnavailable) -> ProviderUnavailable:
    _log.warning("social network unavailable", operator=profile.operator.id, network=network, reason=str(problem))
    return ProviderUnavailable(f"{network.brand} does not answer; try again later, or sign in another way")


async def _opens_by_number(connection: BaseDBAsyncClient, profile: Profile, user_id: int) -> bool:
    if _WAYS_BY_NUMBER.isdisjoint(profile.auth.methods):
        return False
    [row] = await connection.execute_query_dict(_HAS_NUMBER, [user_id, LoginIdentifier.MSISDN])
    return bool(row["has_number"])


async def _tell(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, action: str, network: SocialProvider
) -> None:
    """A changed way in is an event of the cabinet, and its user hears of it elsewhere too."""
    await audit.record(connection, viewer, action, provider=network)
    event = _LINKED if action == "SOCIAL_LINKED" else _UNLINKED
    await notices.security(connection, profile, viewer.user_id, event, network=network.brand)
