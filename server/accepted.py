"""What a client says that it takes, in headers such as Accept and Accept-Encoding."""

import re
from collections.abc import Mapping
from functools import lru_cache


# There are few that differ, one for each kind of client.
@lru_cache(100)
def weights(accept: str) -> Mapping[str, float]:
    """How much a client wants each of what it names in a header such as Accept: 0 is not at all, and 1 the most."""
    named: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((word[2:].strip() for word in parameters if word.startswith("q=")), "1")
        named[name] = float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 0.0
    return named
