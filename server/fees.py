"""The loop that charges fees."""

import asyncio
from collections.abc import Mapping

import structlog

from domain.profile import Profile
from models.reader import SILENT
from services import fees

_LOOK_SECONDS = 10.0

_log = structlog.get_logger()


async def charge_fees(profiles: Mapping[str, Profile]) -> None:
    """Charge fees as they fall due, until cancelled; a database that goes away is waited for."""
    while True:
        charged = 0
        try:
            charged = await fees.charge_due(profiles)
        except Exception as error:  # whatever it is, fees are charged when it is over
            _log.error("fees are charged anew", error=type(error).__name__, exc_info=not isinstance(error, SILENT))
        if charged < fees.BATCH:
            await asyncio.sleep(_LOOK_SECONDS)
