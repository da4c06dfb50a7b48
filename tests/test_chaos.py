"""Money under kills and races, with real processes: nothing lost, nothing doubled; and a broken twin that is caught."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from domain.payment import ConfirmationKind
from tests.chaos.http import Http
from tests.chaos.load import Codes, Load
from tests.chaos.people import Payer, Wallet
from tests.chaos.run import Plan, run
from tests.chaos.town import ground as built_ground

# Whoever counts kills that hit something wants the machine for itself.
pytestmark = pytest.mark.alone

# Many times what a run takes; one that hangs is to say so.
_SECONDS = 240

_ON_ITS_WAY = b'{"data": {"topUp": {"payment": {"id": "1", "status": "PROCESSING"}, "userErrors": []}}}'


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Path]:
    """What both towns are built on."""
    async with built_ground() as folder:
        yield folder


async def test_i17_twenty_kills_and_a_stop_of_postgres_lose_and_double_nothing(ground: Path) -> None:
    async with asyncio.timeout(_SECONDS):
        verdict = await run(ground, Plan(kills=20, postgres_stops=1, seed=17, pause_seconds=(0.0, 0.1)))
    assert verdict.differences == [], str(verdict)


async def test_a_flow_that_names_a_payment_anew_in_each_call_is_found_out(ground: Path) -> None:
    async with asyncio.timeout(_SECONDS):
        verdict = await run(ground, Plan(kills=2, postgres_stops=0, seed=17, broken=True, quiet_seconds=1))
    assert any("charges of the bank that no payment knows" in each for each in verdict.differences), str(verdict)
    assert "what the bank charged is not what the ledger credited" in verdict.differences


async def test_a_payer_who_is_never_told_where_to_pay_is_sent_home_and_counted(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A bank that gives out tokens, and a cabinet where each payment is on its way for ever."""
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await reader.readexactly(int(head.lower().partition("content-length: ")[2].partition("\r\n")[0]))
                body = b'{"token": "tok"}' if head.startswith("POST /tokens ") else _ON_ITS_WAY
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                if body is _ON_ITS_WAY:
                    asked.set()

    payer = Payer("beeline", 1, "79031234501", 1, "token", ConfirmationKind.BANK_REDIRECT)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        wallet = Wallet(Http(port), random.Random(17))
        await wallet.fill()
        load = Load(port, port, wallet, Codes(tmp_path / "inbox.ndjson"), [payer], 17)
        async with asyncio.timeout(20), asyncio.TaskGroup() as together:
            people = [together.create_task(load.run("beeline"))]
            await asked.wait()
            await load.end(people, 0.1)
        assert people[0].cancelled()
        assert load.errors["a payer waited in vain"] == 1
