"""Addresses that open one document for ten minutes, for a browser that brings no session (F084).

Whether somebody may see the document is asked when the address is made; it says which document, of which operator,
until when, and cannot be made by anybody else.
"""

from typing import NamedTuple

from auth import signed_token

SECONDS = 600
_PURPOSE = "document"


class DocumentLink(NamedTuple):
    """Which document an address opens."""

    operator: str
    document: str


def sign(secret: bytes, link: DocumentLink) -> str:
    """The last part of an address."""
    return signed_token.sign(secret, _PURPOSE, list(link), SECONDS)


def read(secret: bytes, token: str) -> DocumentLink | None:
    """What an address opens; None where it is forged, torn or too old."""
    told = signed_token.read(secret, _PURPOSE, token)
    return DocumentLink(*told) if told is not None else None
