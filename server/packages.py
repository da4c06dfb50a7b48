"""The loop that takes away what is over: packages, and the names of events that nobody tells of any more."""

from collections.abc import Mapping

import structlog

from domain.profile import Profile
from models.reader import SILENT
from server.loops import rest
from services import package_fill, usage_intake

_LOOK_SECONDS = 30.0

_log = structlog.get_logger()


async def look_after_packages(profiles: Mapping[str, Profile]) -> None:
    """End packages and forget events whose time is over, until cancelled; a database that goes away is waited for."""
    while True:
        try:
            await package_fill.end_expired()
            await usage_intake.forget(profiles)
        except Exception as error:  # whatever it is, they are ended when it is over
            silent = isinstance(error, SILENT)
            _log.error("packages are looked at anew", error=type(error).__name__, exc_info=not silent)
        await rest(_LOOK_SECONDS)
