"""The loop that charges fees, and lets services end."""

from collections.abc import Mapping

import structlog

from domain.profile import Profile
from models.reader import SILENT
from server.loops import rest
from services import fees, service_course

_LOOK_SECONDS = 10.0

_log = structlog.get_logger()


async def charge_fees(profiles: Mapping[str, Profile]) -> None:
    """Charge fees as they fall due, until cancelled; a database that goes away is waited for."""
    while True:
        ended = charged = 0
        try:
            ended = await service_course.sweep(profiles)
            charged = await fees.charge_due(profiles)
        except Exception as error:  # whatever it is, fees are charged when it is over
            _log.error("fees are charged anew", error=type(error).__name__, exc_info=not isinstance(error, SILENT))
        if charged < fees.BATCH and ended < service_course.BATCH:
            await rest(_LOOK_SECONDS)
