"""Addresses that open one document for ten minutes, for a browser that brings no session (F084).

Whether somebody may see the document is asked when the address is made; it says which document, of which operator,
until when, and cannot be made by anybody else.
"""

import base64
import binascii
import hashlib
import hmac
import time
from typing import NamedTuple

import orjson

SECONDS = 600
_LONGEST = 512


class DocumentLink(NamedTuple):
    """Which document an address opens."""

    operator: str
    document: str


def sign(secret: bytes, link: DocumentLink) -> str:
    """The last part of an address."""
    payload = orjson.dumps([*link, int(time.time()) + SECONDS])
    return f"{_encode(payload)}.{_encode(_mac(secret, payload))}"


def read(secret: bytes, token: str) -> DocumentLink | None:
    """What an address opens; None where it is forged, torn or too old."""
    if len(token) > _LONGEST or not token.isascii():
        return None
    try:
        payload, mac = [base64.b64decode(part + "=" * (-len(part) % 4), b"-_", True) for part in token.split(".", 1)]
    except (ValueError, binascii.Error):
        return None
    if not hmac.compare_digest(mac, _mac(secret, payload)):
        return None
    operator, document, until = orjson.loads(payload)
    return DocumentLink(operator, document) if time.time() < until else None


def _mac(secret: bytes, payload: bytes) -> bytes:
    return hmac.new(secret, b"document:" + payload, hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
