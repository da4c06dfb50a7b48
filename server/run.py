"""`hearth run`: the development server, with its database, its demo people and one address to open."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import uvicorn
import uvloop

from server.app import create_app
from server.bank_process import BankBeside
from server.database import attached, bring_up_to_date, check
from server.drain import Drain, Server
from server.embedded_postgres import EmbeddedPostgres
from server.failure import DatabaseUnavailable, StartFailure
from server.operators import served_operators
from server.serve import transport_options
from server.settings import Settings
from services import demo
from services.household_import import ImportRejected

_GRACEFUL_SECONDS = 2
_WATCH_SECONDS = 0.5


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM, and then stop the database too if nobody else uses it.

    Raises StartFailure.
    """
    with (
        _stopping_on_signals(),
        attached(settings) as (ready, postgres),
        _bank(settings) as bank,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(ready, listener, postgres, bank))


@contextmanager
def _bank(settings: Settings) -> Iterator[BankBeside | None]:
    """The bank simulator, unless a payment provider is configured."""
    if settings.payments_url is not None:
        yield None
        return
    with BankBeside(settings) as bank:
        yield bank


async def _serve(
    settings: Settings, listener: socket.socket, postgres: EmbeddedPostgres | None, bank: BankBeside | None
) -> None:
    await check(settings.dsn)
    profiles = served_operators(settings)
    await bring_up_to_date(settings.dsn, profiles, settings)
    try:
        await demo.load(settings.dsn, profiles, settings.operators_path)
    except ImportRejected as rejected:
        raise StartFailure(*(f"The demo household is broken: {problem}" for problem in rejected.problems)) from rejected
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
        **transport_options(settings),
    )
    watches = [asyncio.create_task(_watch(postgres))] if postgres is not None else []
    watches += [asyncio.create_task(_watch_bank(bank))] if bank is not None else []
    try:
        people = demo.people(settings.operators_path, profiles)
        greeting = banner(settings, people, own_database=postgres is None, bank=bank.address if bank else None)
        await _Server(config, app.state.drain, greeting).serve(sockets=[listener])
    finally:
        for watch in watches:
            watch.cancel()


class _Server(Server):
    """A server that says where it is once it is there."""

    def __init__(self, config: uvicorn.Config, drain: Drain, greeting: str) -> None:
        super().__init__(config, drain, notice_seconds=0)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._greeting, flush=True)


async def _watch(postgres: EmbeddedPostgres) -> None:
    """Start the embedded PostgreSQL again when its process dies, be it by kill -9 or for want of memory."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        if postgres.is_alive():
            continue
        print("hearth: the embedded PostgreSQL died; starting it again.", file=sys.stderr, flush=True)
        try:
            await asyncio.to_thread(postgres.revive)
        except DatabaseUnavailable as failure:
            print(*failure.lines, sep="\n", file=sys.stderr, flush=True)


async def _watch_bank(bank: BankBeside) -> None:
    """Start the bank again when it died, and take it over when the server that ran it has stopped."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        if await asyncio.to_thread(bank.keep_running):
            print("hearth: the bank simulator is started again.", file=sys.stderr, flush=True)


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Make SIGTERM and a closed terminal stop us as Ctrl-C does, by way of KeyboardInterrupt.

    While the server runs uvicorn takes the signals, and hands them back here when it has finished.
    """

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        # A second Ctrl-C must not leave the database running.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def hang_up(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # Under nohup it is ignored, and stays so.
        signal.signal(signal.SIGHUP, hang_up)
    with suppress(KeyboardInterrupt):
        yield
        return
    print("Stopped.", flush=True)


def banner(
    settings: Settings, people: Mapping[str, Any], *, own_database: bool = False, bank: str | None = None
) -> str:
    """Return what a newcomer needs to see: where to go, and as whom. `people` is what /dev/demo shows."""
    address = settings.own_address
    owners = {operator: household["owner"] for operator, household in people.items()}
    width = max((len(operator) for operator in owners), default=0)
    return "\n".join(
        [
            "",
            f"  GraphiQL      {address}/graphiql",
            f"  SMS, e-mail   {address}/dev/inbox",
            f"  Demo people   {address}/dev/demo",
            *([f"  Bank          {bank}"] if bank is not None else []),
            "",
            "  Sign in as the owner of a demo household, with this login and password:",
            *(
                f"    {operator:<{width}}   {owner['login']}   {owner['password']}"
                for operator, owner in owners.items()
            ),
            "",
            f"  Ctrl-C stops it{'' if own_database else ', the database too'}.",
            "",
        ]
    )
