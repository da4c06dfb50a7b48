"""How a request proves that its sender has a key, and that it was sent now: HMAC over the moment and the raw body.

What is posted to us is checked so (docs/messages.md, docs/payments.md), and what we post to the bank is signed so.
"""

import hashlib
import hmac
import re

TIMESTAMP_HEADER = "x-hearth-timestamp"
SIGNATURE_HEADER = "x-hearth-signature"
# How far the sender's clock may be from ours, and how long a request can be replayed.
TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 4096

_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class PostRejected(Exception):
    """What is not from whom it should be, or not as agreed; the text says why, for its sender to read."""


def sign(body: bytes, timestamp: int, key: str) -> str:
    """The signature of a body: HMAC-SHA256 over `<timestamp>.<body>`, in hexadecimal."""
    return hmac.new(key.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()


def check_signature(body: bytes, timestamp: str, signature: str, *, key: str, now: float) -> None:
    """Raise PostRejected unless whoever sent this body has the key, and sent it now (±300 s).

    `timestamp` and `signature` are the two headers as they came; `now` is in Unix seconds.
    """
    if len(body) > MAX_BODY_BYTES:
        raise PostRejected("the body is too long")
    if not key:
        raise PostRejected("nobody may post here: no key is configured")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise PostRejected(f"{TIMESTAMP_HEADER} must be the time now, in Unix seconds")
    # As bytes, since compare_digest raises for text beyond ASCII.
    if not hmac.compare_digest(signature.encode(), sign(body, int(timestamp), key).encode()):
        raise PostRejected(f"{SIGNATURE_HEADER} is not the signature of this body")
