"""The operators that a process serves, read from their profiles."""

from __future__ import annotations

from collections.abc import Mapping

from domain.profile import Profile, ProfileRejected, read_profiles
from server.failure import StartFailure
from server.settings import Settings


def served_operators(settings: Settings) -> Mapping[str, Profile]:
    """Return the profiles by operator id.

    Raises StartFailure for a broken profile, and for a setting that names an operator without one.
    """
    try:
        profiles = read_profiles(settings.operators_path)
    except ProfileRejected as rejected:
        raise StartFailure(*rejected.problems) from rejected
    named = {"HEARTH_OPERATOR": [settings.operator], "HEARTH_HOSTS": list(settings.hosts.values())}
    problems = [
        f"{variable} names the operator {operator!r}, and there is only {', '.join(profiles)}"
        for variable, operators in named.items()
        for operator in operators
        if operator not in profiles
    ]
    if problems:
        raise StartFailure(*problems)
    return profiles
