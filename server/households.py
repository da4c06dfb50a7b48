"""The loop that does what falls due in households: handovers, comings of age, absent owners."""

from collections.abc import Mapping

import structlog

from domain.profile import Profile
from models.reader import SILENT
from server.loops import rest
from services import majority, ownership_transfer, succession

_LOOK_SECONDS = 10.0

_log = structlog.get_logger()


async def look_after_households(profiles: Mapping[str, Profile]) -> None:
    """Do what is due, until cancelled; a database that goes away is waited for."""
    while True:
        done = 0
        try:
            done = await ownership_transfer.complete_due(profiles)
            await majority.come_of_age(profiles)
            await succession.note_absences(profiles)
        except Exception as error:  # whatever it is, what is due is done when it is over
            silent = isinstance(error, SILENT)
            _log.error("households are looked after anew", error=type(error).__name__, exc_info=not silent)
        if done < ownership_transfer.BATCH:
            await rest(_LOOK_SECONDS)
