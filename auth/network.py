"""Sign-in by the operator's own network, which knows the SIM (F022): as far as the user allowed, or PARTIAL.

The network adds a token to the request: `<payload>.<signature>`, both base64url. The payload is JSON
{"msisdn", "exp", "jti"}, the signature the HMAC-SHA256 of `network:<operator>:` and the payload, under
HEARTH_NETWORK_KEY. It works once, and for a minute.
"""

import base64
import binascii
import hashlib
import hmac
import time
from typing import NamedTuple

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from auth import identifier, lost_sim, notices
from auth.cabinet_end import NoEntry
from auth.session import Entry, Viewer, open_session
from auth.sign_in import Caller, SignedIn, disabled
from domain.access import AccessLevel
from domain.channel import Channel
from domain.msisdn import normalize
from domain.profile import Profile
from domain.refusals import CredentialsRejected, FeatureDisabled
from domain.sign_in import LoginMethod
from domain.wording import Wording
from models import audit, counter
from models.database import tx

# The longest that a token may be good for, however far ahead its end lies.
LONGEST_SECONDS = 60
_LONGEST_TOKEN = 1024

_CHANGED = Wording("Signing in through the operator's network was changed.")

_LEVEL = "select network_auto_login from app_user where id = $1"
_SET_LEVEL = "update app_user set network_auto_login = $2 where id = $1"


class _Claims(NamedTuple):
    msisdn: str
    unique: str


async def sign_in(
    profile: Profile, key: bytes | None, token: str, caller: Caller
) -> SignedIn | NoEntry | FeatureDisabled:
    """Sign in whoever's SIM the network vouches for. A forged, late or repeated token is answered like no token."""
    if refused := disabled(profile, LoginMethod.NETWORK_AUTO):
        return refused
    claims = _read(profile, key, token)
    if claims is None:
        return CredentialsRejected(message="The network does not vouch for this number")

    async def enter(connection: BaseDBAsyncClient) -> SignedIn | NoEntry:
        seen, _ = await counter.count(connection, f"network:{claims.unique}", 2 * LONGEST_SECONDS)
        known = await identifier.find(connection, profile, claims.msisdn)
        lost = await lost_sim.is_lost(connection, profile.operator.id, claims.msisdn)
        if seen > 1 or lost or known is None or known.msisdn != claims.msisdn:
            return CredentialsRejected(message="The network does not vouch for this number")
        [row] = await connection.execute_query_dict(_LEVEL, [known.user_id])
        chosen = AccessLevel(row["network_auto_login"] or AccessLevel.PARTIAL)
        level = chosen if chosen in profile.auth.network_auto_login_levels else AccessLevel.PARTIAL
        entry = Entry(LoginMethod.NETWORK_AUTO, caller.device, channel=Channel.APP, access_level=level)
        opened = await open_session(connection, profile, known.user_id, entry)
        return SignedIn(opened, known.user_id) if isinstance(opened, str) else opened

    return await tx(enter)


async def set_level(profile: Profile, viewer: Viewer, level: AccessLevel | None) -> FeatureDisabled | None:
    """Choose how far the network lets in: FULL, PARTIAL, or None for what is there without choosing, PARTIAL."""
    if refused := disabled(profile, LoginMethod.NETWORK_AUTO):
        return refused
    if level is not None and level not in profile.auth.network_auto_login_levels:
        return FeatureDisabled("auth.network_auto", f"This operator does not let in {level} by its network")

    async def choose(connection: BaseDBAsyncClient) -> None:
        await connection.execute_query(_SET_LEVEL, [viewer.user_id, level])
        await audit.record(connection, viewer, "NETWORK_SIGN_IN_SET", level=level)
        await notices.security(connection, profile, viewer.user_id, _CHANGED)

    await tx(choose)
    return None


def vouch(key: bytes, operator: str, msisdn: str, unique: str, *, seconds: int = LONGEST_SECONDS) -> str:
    """A token as the network makes it: for those who build that side, and for tests."""
    payload = orjson.dumps({"msisdn": msisdn, "exp": int(time.time()) + seconds, "jti": unique})
    return f"{_encode(payload)}.{_encode(_sign(key, operator, payload))}"


def _read(profile: Profile, key: bytes | None, token: str) -> _Claims | None:
    if not key or len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        payload, signature = [_decode(part) for part in token.split(".", 1)]
    except (ValueError, binascii.Error):
        return None
    if not hmac.compare_digest(signature, _sign(key, profile.operator.id, payload)):
        return None
    try:
        told = orjson.loads(payload)
        msisdn, ends_at, unique = normalize(told["msisdn"], profile), int(told["exp"]), str(told["jti"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None
    now = time.time()
    return _Claims(msisdn, unique[:64]) if msisdn and now < ends_at <= now + LONGEST_SECONDS else None


def _sign(key: bytes, operator: str, payload: bytes) -> bytes:
    return hmac.new(key, f"network:{operator}:".encode() + payload, hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
