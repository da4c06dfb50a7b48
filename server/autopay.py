"""The loop that makes automatic payments: woken by the news of a balance, and by the clock (F080)."""

import asyncio
from collections.abc import Mapping

import asyncpg
import structlog

from domain.profile import Profile
from models.database import credentials
from models.notify import CHANNEL
from models.reader import SILENT
from server.loops import rest
from services import autopay
from services.payment_row import Desk

_LOOK_SECONDS = 1.0
# News come one by one, and are looked at together.
_GATHER_SECONDS = 0.1
# What happened while nobody listened is found then: at the start, after a lost connection, and now and then.
_SWEEP_SECONDS = 300.0

_log = structlog.get_logger()


async def pay_automatically(url: str, desk: Desk, profiles: Mapping[str, Profile]) -> None:
    """Make automatic payments until cancelled; a database that goes away is waited for."""
    while True:
        try:
            await _pay(url, desk, profiles)
        except Exception as error:  # whatever it is, the other payments must be made when it is over
            silent = isinstance(error, SILENT)
            _log.error("automatic payments start anew", error=type(error).__name__, exc_info=not silent)
            await rest(_LOOK_SECONDS)


async def _pay(url: str, desk: Desk, profiles: Mapping[str, Profile]) -> None:
    connection = await asyncpg.connect(**credentials(url), timeout=5)
    changed: set[int] = set()
    woken = asyncio.Event()

    def hear(_connection: object, _process: int, _channel: str, payload: str) -> None:
        news = (event.partition(":") for event in payload.split(","))
        accounts = {int(key) for kind, _, key in news if kind == "balance" and key.isdecimal()}
        if accounts:
            changed.update(accounts)
            woken.set()

    try:
        await connection.add_listener(CHANNEL, hear)
        sweep_at = 0.0
        while not connection.is_closed():
            woken.clear()
            told = frozenset(changed)
            changed.clear()
            if (now := asyncio.get_running_loop().time()) >= sweep_at:
                sweep_at = now + _SWEEP_SECONDS
                await autopay.wake()
            elif told:
                await autopay.wake(told)
            if await autopay.run(desk, profiles) < autopay.BATCH:
                await rest(_LOOK_SECONDS, woken)
                if woken.is_set():
                    await rest(_GATHER_SECONDS)
    finally:
        await connection.close(timeout=1)
