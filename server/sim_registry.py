"""Who knows the SIMs, as the settings say it, and the loop that asks about all numbers now and then."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

from domain.profile import Profile
from gateways.camara import CamaraRegistry
from gateways.sim_registry import NoRegistry, RegistryUnavailable, SimRegistry
from gateways.simulators.sim_registry import SimulatedRegistry
from models.reader import SILENT
from server.loops import rest
from server.settings import Settings
from services import line_block, link_rest, sim_watch

_LOOK_SECONDS = 2.0

_log = structlog.get_logger()


@asynccontextmanager
async def sim_registry(settings: Settings) -> AsyncIterator[SimRegistry]:
    """The registry, connected for the life of the block; in development a file, unless another is configured."""
    account = settings.sim_registry_account
    if account is not None:
        async with CamaraRegistry(account) as registry:
            yield registry
    else:
        yield SimulatedRegistry(settings.data) if settings.development else NoRegistry()


async def watch_sims(registry: SimRegistry, profiles: Mapping[str, Profile]) -> None:
    """Act on the registry's news, and on what time brings to links and blocks, until cancelled.

    Once nothing is left to ask, the lines are looked through again after a sixtieth of the time that each of them
    rests: every two seconds in development, every minute beside a registry whose answers hold for an hour.
    """
    pause = max(_LOOK_SECONDS, registry.rests.total_seconds() / 60)
    ask_at = 0.0
    while True:
        asked = 0
        try:
            if time.monotonic() >= ask_at:
                asked = await sim_watch.ask(registry, profiles)
                ask_at = 0.0 if asked == sim_watch.BATCH else time.monotonic() + pause
        except RegistryUnavailable as silence:
            _log.warning("the SIM registry is silent", error=str(silence))
        except Exception as error:  # whatever it is, the numbers are asked about when it is over
            _log.error("SIMs are looked at anew", error=type(error).__name__, exc_info=not isinstance(error, SILENT))
        try:
            await link_rest.rest_overdue(profiles)
            await line_block.end_due(profiles)
        except Exception as error:  # the same
            _log.error("links are looked at anew", error=type(error).__name__, exc_info=not isinstance(error, SILENT))
        if asked < sim_watch.BATCH:
            await rest(_LOOK_SECONDS)
