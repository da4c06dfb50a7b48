"""Links by which somebody without a part in the household looks at a line or pays for it, for a while (F054)."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar

from domain.access import Scope
from domain.refusals import ErrorCode, InputRejected

LONGEST = timedelta(days=30)
MOST_USES = 100
MOST_OPEN = 20
"""How many links a line has at the same time."""

SCOPES = frozenset({Scope.VIEW, Scope.PAY})
_BYTES = 32
_LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True)
class GuestGrantRejected:
    """No such link: revoked, expired, used up, foreign and made-up ones are told alike."""

    message: str = "The link does not work, or not any more; ask for another one"
    field: tuple[str, ...] | None = ("target", "guest")
    code: ClassVar[ErrorCode] = ErrorCode.NOT_FOUND


def new_token() -> str:
    """What the link ends in; nobody guesses it."""
    return secrets.token_urlsafe(_BYTES)


def token_hash(token: str) -> bytes | None:
    """What is kept of a token; None for a text that is none."""
    return sha256(token.encode()).digest() if len(token) <= _LONGEST_TOKEN and token.isascii() else None


def check(scopes: Collection[Scope], expires_at: datetime, max_uses: int | None, now: datetime) -> InputRejected | None:
    """What is wrong with a link that somebody wants to make."""
    if not scopes or not SCOPES.issuperset(scopes):
        return InputRejected("A guest may look (VIEW) and pay (PAY)", ("scopes",))
    if expires_at.tzinfo is None or not now < expires_at <= now + LONGEST:
        return InputRejected(f"A link ends in the future, within {LONGEST.days} days", ("expiresAt",))
    if max_uses is not None and not 1 <= max_uses <= MOST_USES:
        return InputRejected(f"A link is used 1 to {MOST_USES} times", ("maxUses",))
    return None
