"""A login that users choose for themselves (F020)."""

import re

ACCEPTED = "A login has 4 to 32 Latin letters, digits, dots, dashes and underscores, and begins with a letter"

# Latin only, so that no login can pass for another one; a letter first, so that none can be a number; no "@", so
# that none can be an address.
_LOGIN = re.compile(r"[a-z](?:[a-z0-9._-]{2,30})[a-z0-9]")


def normalize_login(text: str) -> str | None:
    """The login in the one spelling that is stored, lower case; None for what is no login."""
    lowered = text.strip().lower()
    return lowered if _LOGIN.fullmatch(lowered) else None
