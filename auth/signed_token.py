"""Tokens that say something and cannot be made by anybody else, nor read as another purpose's; they end by themselves.

They are no secrets: whoever has one can read what it says.
"""

import base64
import binascii
import hashlib
import hmac
import time
from typing import Any

import orjson

_LONGEST = 2048


def sign(secret: bytes, purpose: str, told: list[Any], seconds: int) -> str:
    """A token that says `told` for so many seconds from now."""
    payload = orjson.dumps([*told, int(time.time()) + seconds])
    return f"{_encode(payload)}.{_encode(_mac(secret, purpose, payload))}"


def read(secret: bytes, purpose: str, token: str) -> list[Any] | None:
    """What a token says; None where it is forged, torn, of another purpose or too old."""
    if len(token) > _LONGEST or not token.isascii():
        return None
    try:
        payload, mac = [base64.b64decode(part + "=" * (-len(part) % 4), b"-_", True) for part in token.split(".", 1)]
    except (ValueError, binascii.Error):
        return None
    # The bits that base64 has over would let one token be written in several ways.
    if token != f"{_encode(payload)}.{_encode(mac)}" or not hmac.compare_digest(mac, _mac(secret, purpose, payload)):
        return None
    *told, until = orjson.loads(payload)
    return told if time.time() < until else None


def _mac(secret: bytes, purpose: str, payload: bytes) -> bytes:
    return hmac.new(secret, f"{purpose}:".encode() + payload, hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
