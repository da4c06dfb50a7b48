"""Which operator's cabinet a request is for: `X-Operator`, then the host name, then the default."""

from collections.abc import Mapping

from starlette.datastructures import Headers

from domain.profile import Profile
from server.settings import Settings

HEADER = "x-operator"


class UnknownOperator(Exception):
    """The request names an operator that is not served here; the text says so."""


def choose(headers: Headers, settings: Settings, profiles: Mapping[str, Profile], named: str | None = None) -> Profile:
    """The profile a request is for. Raises `UnknownOperator` for a name that is none of theirs.

    `named` is the operator that a socket's first message names, which browsers cannot do in a header. A host name
    counts when HEARTH_HOSTS lists it, or when its first label is an operator's id.
    """
    named = named if named is not None else headers.get(HEADER)
    if named is not None:
        if named not in profiles:
            raise UnknownOperator(f"The operator must be one of {', '.join(sorted(profiles))}")
        return profiles[named]
    host = headers.get("host", "").rsplit(":", 1)[0].lower()
    by_host = settings.hosts.get(host) or host.split(".", 1)[0]
    return profiles.get(by_host) or profiles[settings.operator]
