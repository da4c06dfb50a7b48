"""The loop that looks after limits: people are told of what billing counted (E35), and old questions expire (F053)."""

from collections.abc import Mapping

import structlog

from domain.profile import Profile
from models.reader import SILENT
from server.loops import rest
from services import approval, limit_alert

_LOOK_SECONDS = 30.0

_log = structlog.get_logger()


async def look_after_limits(profiles: Mapping[str, Profile]) -> None:
    """Tell of limits that were come near to, until cancelled; a database that goes away is waited for."""
    while True:
        try:
            await approval.expire()
            await limit_alert.sweep(profiles)
        except Exception as error:  # whatever it is, people are told when it is over
            silent = isinstance(error, SILENT)
            _log.error("limits are looked at anew", error=type(error).__name__, exc_info=not silent)
        await rest(_LOOK_SECONDS)
