"""`hearth worker`: everything that is done without being asked, in a process that answers nobody."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress

from models.database import process_database
from server.background import start_background
from server.command_database import require_tables, run
from server.database import attached, check
from server.logs import configure_logs
from server.loops import Loops
from server.metrics import metrics
from server.operators import served_operators
from server.payment_gateway import payment_desk
from server.settings import Settings
from server.sim_registry import sim_registry
from server.tracing import tracing

# A batch of messages to a slow gateway takes longer: what it has not come to is left to another worker.
_PATIENCE_SECONDS = 8.0


def work(settings: Settings) -> None:
    """Deliver what the API left in the outbox, until SIGTERM or Ctrl-C."""
    configure_logs(settings)
    with attached(settings) as (ready, _):
        run(check(ready.dsn))
        require_tables(ready.dsn)
        with tracing(ready):
            run(_until_told(_work(ready)))


async def _work(settings: Settings) -> None:
    profiles = served_operators(settings)
    async with (
        process_database(settings.dsn, pool_size=settings.pool_size),
        metrics(settings),
        payment_desk(settings) as desk,
        sim_registry(settings) as sims,
        Loops(patience=_PATIENCE_SECONDS) as loops,
    ):
        start_background(loops, settings, profiles, desk, sims)
        await loops.failure()


async def _until_told(work: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
