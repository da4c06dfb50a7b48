"""API workers that start in no time: a process that has everything imported forks one whenever it is told to.

Each is the application that `hearth serve` runs, on one listening socket that all share, with its own connections and
background tasks. Only the imports are done once, so that a thousand of them can be killed within minutes.

    start     answers with the process id of a new worker
    bury ID   waits for a worker that was killed, and answers with its id
"""

import argparse
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module
from typing import NoReturn
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette

from gateways.bank import BankProvider
from gateways.payments import Charge, KnownOutcome, PaymentProvider
from models.database import MODULES
from server.app import create_app
from server.bank_process import local_bank
from server.payment_gateway import payment_provider
from server.serve import transport_options
from server.settings import Settings, load_settings

_PR_SET_PDEATHSIG = 1


class Forgetful(BankProvider):
    """The broken twin: each call names the payment anew, so the bank makes it again."""

    async def charge(self, charge: Charge) -> KnownOutcome:
        return await super().charge(replace(charge, key=str(uuid4())))


@asynccontextmanager
async def forgetful(settings: Settings) -> AsyncIterator[PaymentProvider]:
    """Instead of `server.payment_gateway.payment_provider`."""
    account = local_bank(settings)
    assert account is not None
    async with Forgetful(account) as provider:
        yield provider


def main() -> None:
    """Fork workers until standard input ends; they end with us."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listener", type=int, required=True)
    parser.add_argument("--broken", action="store_true")
    told = parser.parse_args()
    settings = load_settings()
    app = create_app(settings, provider=forgetful if told.broken else payment_provider)
    listener = socket.socket(fileno=told.listener)
    # What each would import by itself in its first second, of which it has three.
    for module in (*MODULES, "httpcore2"):
        import_module(module)
    # As `hearth serve` does it before it forks: what is never looked through for garbage is never copied for it either.
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["start"]:
                parent = os.getpid()
                worker = os.fork()
                if worker == 0:
                    _serve(app, settings, listener, parent)
                print(worker, flush=True)
            case ["bury", worker]:
                os.waitpid(int(worker), 0)
                print(worker, flush=True)


def _serve(app: Starlette, settings: Settings, listener: socket.socket, parent: int) -> NoReturn:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # What is told to our parent is none of our business.
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    code = 1
    try:
        uvicorn.Server(uvicorn.Config(app, log_level="critical", **transport_options(settings))).run(sockets=[listener])
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
