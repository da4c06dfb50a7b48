"""E-mail addresses, as far as they have to be understood."""

import re

LONGEST = 254
# One @ between something and a domain with a dot; nothing that could break a header. The mail itself is the proof.
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")


def normalize_email(text: str) -> str | None:
    """The one spelling that is stored and compared, in lower case; None for what is no address."""
    trimmed = text.strip()
    return trimmed.lower() if len(trimmed) <= LONGEST and _ADDRESS.fullmatch(trimmed) else None
