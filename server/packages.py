"""The loop that takes away packages whose time is over."""

import structlog

from models.reader import SILENT
from server.loops import rest
from services import package_fill

_LOOK_SECONDS = 30.0

_log = structlog.get_logger()


async def look_after_packages() -> None:
    """End packages that have expired, until cancelled; a database that goes away is waited for."""
    while True:
        try:
            await package_fill.end_expired()
        except Exception as error:  # whatever it is, they are ended when it is over
            silent = isinstance(error, SILENT)
            _log.error("packages are looked at anew", error=type(error).__name__, exc_info=not silent)
        await rest(_LOOK_SECONDS)
