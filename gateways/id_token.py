"""ID tokens of OpenID Connect: what makes one worth believing (OpenID Connect Core 3.1.3.7)."""

from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import InvalidKeyIdError, JoseError

# Asymmetric only: with an HMAC, or with none, whoever knows the client's secret, or nothing, could sign.
ALGORITHMS = ("RS256", "ES256", "PS256")
# Clocks of two companies differ by this much.
LEEWAY_SECONDS = 30

_LONGEST_SUBJECT = 255


class TokenRejected(Exception):
    """The token does not prove anything; the text says why, and never quotes it."""


class UnknownKey(TokenRejected):
    """The token names a key that the set lacks: the provider may have changed its keys since."""


def key_set(published: Sequence[Mapping[str, Any]]) -> jwk.KeySet:
    """The signature keys of a published JWK set; those that are meant for something else are left out."""
    keys: list[jwk.Key] = [key for document in published if (key := _signature_key(document)) is not None]
    return jwk.KeySet(keys)


def read(token: str, keys: jwk.KeySet, *, issuer: str, client_id: str, now: int) -> Mapping[str, Any]:
    """The claims of a token that `issuer` made for `client_id` and that is valid at `now`, in Unix seconds.

    Raises UnknownKey where another key set may help, TokenRejected where nothing does.
    """
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        ).validate(claims)
    except InvalidKeyIdError:
        raise UnknownKey("signed with an unknown key") from None
    except JoseError as error:
        raise TokenRejected(error.error) from None
    except (ValueError, TypeError):  # joserfc's for what is not even shaped like a token
        raise TokenRejected("malformed") from None
    _check_party(claims, client_id)
    _check_subject(claims["sub"])
    return claims


def _check_party(claims: Mapping[str, Any], client_id: str) -> None:
    """A token for several audiences says which of them asked for it, and that has to be us."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise TokenRejected("made for another client")


def _check_subject(subject: str) -> None:
    if not subject.isascii() or not subject.isprintable() or len(subject) > _LONGEST_SUBJECT:
        raise TokenRejected("without a usable subject")


def _signature_key(document: Mapping[str, Any]) -> jwk.RSAKey | jwk.ECKey | None:
    """The key of one JWK; None for a key that is not for signatures, that we do not use, or that is damaged."""
    if document.get("use", "sig") != "sig":
        return None
    try:
        key = jwk.import_key(dict(document))
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, jwk.RSAKey | jwk.ECKey) else None
