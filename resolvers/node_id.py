"""Global object ids (Relay): opaque, and tagged with the type they name."""

import base64
import binascii
from typing import NamedTuple

# Longer than any id that was ever given out.
_LONGEST = 64


class NodeId(NamedTuple):
    """What a global id names."""

    type_name: str
    key: str


def encode(type_name: str, key: object) -> str:
    """The global id of an object."""
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).rstrip(b"=").decode()


def decode(text: str) -> NodeId | None:
    """What `text` names; None when it is not a global id. Only the one spelling that `encode` gives counts."""
    if len(text) > _LONGEST:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    type_name, separator, key = raw.partition(":")
    if not separator or encode(type_name, key) != text:
        return None
    return NodeId(type_name, key)


def integer_key(node_id: NodeId) -> int | None:
    """The key as a number that a bigint column can hold, or None."""
    key = node_id.key
    fits = key.isascii() and key.isdigit() and len(key) <= 18
    return int(key) if fits and str(int(key)) == key else None
