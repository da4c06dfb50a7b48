"""`hearth worker`: everything that is done without being asked, in a process that answers nobody."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial

from models.database import process_database
from server.autopay import pay_automatically
from server.command_database import require_tables, run
from server.database import attached, check
from server.fees import charge_fees
from server.households import look_after_households
from server.inbound import receive_sms
from server.limits import look_after_limits
from server.logs import configure_logs
from server.loops import Loops
from server.metrics import metrics
from server.operators import served_operators
from server.packages import look_after_packages
from server.payment_gateway import payment_desk
from server.payments import look_after_payments
from server.settings import Settings
from server.sim_registry import sim_registry, watch_sims
from server.tracing import tracing
from server.worker import run_worker

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
    # What people send by SMS is acted on here, and that writes.
    async with (
        process_database(settings.dsn, pool_size=settings.pool_size),
        metrics(settings),
        payment_desk(settings) as desk,
        sim_registry(settings) as sims,
        Loops(patience=_PATIENCE_SECONDS) as loops,
    ):
        loops.start(run_worker(settings, partial(receive_sms, settings, profiles)))
        loops.start(look_after_payments(desk, profiles))
        loops.start(pay_automatically(settings.dsn, desk, profiles))
        loops.start(charge_fees(profiles))
        loops.start(watch_sims(sims, profiles))
        loops.start(look_after_households(profiles))
        loops.start(look_after_limits(profiles))
        loops.start(look_after_packages(profiles))
        await loops.failure()


async def _until_told(work: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
