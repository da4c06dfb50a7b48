"""Clients that stop waiting: whatever they had begun costs the server no connection, no lock and no patience.

Against a real process with few connections, so that each one that is lost is missed.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest

from tests.cabinet import Cabinet
from tests.conftest import running_server
from tests.databases import created
from tests.edge import Port, frame
from tests.session import open_session
from tests.sockets import opened
from tests.test_subscriptions import BALANCE, line

# `make prove` does many more.
CANCELLATIONS = 10_000 if os.environ.get("HEARTH_PROVE") else 500
AT_ONCE = 6
CONNECTIONS = 3
OPERATIONS_OF_A_SOCKET = 8
PATIENCE_SECONDS = 5

PAGE = "{ tariffs(first: 1) { edges { node { id } } } }"
VIEWER = "{ viewer { id user { displayName } } }"
DASHBOARD = (
    "{ viewer { user { displayName } personalAccounts { edges { node { number balance { available { amount } } "
    "lines { id msisdn label } } } } } }"
)
RENAME = "mutation ($id: ID!) { renameLine(input: {lineId: $id, label: null}) { userErrors { code } } }"

# What the server's connections to this database are in the middle of; one of ours asks.
BUSY = """
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'
"""
WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


@dataclass(frozen=True)
class House:
    """A server process, who is signed in to it, and its database."""

    port: Port
    token: str
    line_id: str
    cabinet: Cabinet
    database: "asyncpg.Connection[asyncpg.Record]"

    def request(self, query: str, accept: str) -> bytes:
        """A request over HTTP, as bytes."""
        body = orjson.dumps({"query": query, "variables": self.variables(query)})
        head = f"""POST /graphql HTTP/1.1\r
Host: {self.port.host}\r
Authorization: Bearer {self.token}\r
X-Operator: beeline\r
Content-Type: application/json\r
Accept: {accept}\r
Content-Length: {len(body)}\r\n\r\n"""
        return head.encode() + body

    def variables(self, query: str) -> dict[str, object]:
        return {"id": self.line_id} if query == RENAME else {"ids": [self.line_id]} if query == BALANCE else {}


@pytest.fixture(scope="module")
async def house(
    engine: str, demo_template: str, demo_people: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    owner = demo_people["beeline"]["owner"]
    async with created(engine, "cancelled", demo_template) as url:
        data = tmp_path_factory.mktemp("cancelled")
        with running_server(url, data, HEARTH_POOL_SIZE=str(CONNECTIONS)) as address:
            database = await asyncpg.connect(url)
            token = await open_session(url, "beeline", owner["msisdn"])
            line_id, _ = await line(database, owner["msisdn"])
            host, _, port = address.removeprefix("http://").partition(":")
            async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=2 * PATIENCE_SECONDS) as client:
                cabinet = Cabinet(client, "beeline", token)
                yield House(Port(host, int(port)), token, line_id, cabinet, database)
            await database.close()


async def test_nothing_is_lost_with_clients_that_stop_waiting(house: House) -> None:
    left = iter(range(CANCELLATIONS))
    seeds = random.Random(7)

    async def keep_leaving(seed: float) -> None:
        chance = random.Random(seed)
        for turn in left:
            how = (leave_http, leave_http, leave_events, leave_socket)[turn % 4]
            # A socket has several to end.
            for _ in range(await how(house, chance) - 1):
                next(left, None)
            # Who waits is answered all the while; and nobody leaves more work behind than can be done.
            assert (await house.cabinet.data(VIEWER))["viewer"]

    await asyncio.gather(*(keep_leaving(seeds.random()) for _ in range(AT_ONCE)))
    await until(house, BUSY, 0)
    # All connections of both pools can be held at once, which one that was lost could not be.
    for lock, query in (
        ("lock table tariff in access exclusive mode", PAGE),
        ("select from line where label is null for update", RENAME),
    ):
        await all_connections_work(house, lock, query)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert "viewer" in await house.cabinet.data(DASHBOARD)


async def test_operations_that_begin_together_do_not_wait_for_each_other_s_connections(house: House) -> None:
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(opened(house.port.address)) for _ in range(3)]
        for socket in sockets:
            await socket.init(authorization=f"Bearer {house.token}", operator="beeline")
        # Less than the server waits for a connection.
        async with asyncio.timeout(PATIENCE_SECONDS - 0.5):
            for index in range(10):
                for socket in sockets:
                    await socket.subscribe(str(index), BALANCE, ids=[house.line_id])
            for socket in sockets:
                assert {(await socket.receive())["type"] for _ in range(10)} == {"next"}


async def leave_http(house: House, chance: random.Random) -> int:
    """Ask over HTTP, and leave before the answer, or in the middle of it."""
    query = chance.choice((PAGE, VIEWER, RENAME, BALANCE))
    await _ask_and_leave(house, chance, house.request(query, "application/json"))
    return 1


async def leave_events(house: House, chance: random.Random) -> int:
    """Ask for events, and leave before the first, or while waiting for another."""
    query = chance.choice((BALANCE, BALANCE, RENAME))
    await _ask_and_leave(house, chance, house.request(query, "text/event-stream"))
    return 1


async def _ask_and_leave(house: House, chance: random.Random, request: bytes) -> None:
    async with await house.port.open() as connection:
        await connection.send(request)
        await asyncio.sleep(chance.uniform(0, 0.02))
        connection.writer.transport.abort()


async def leave_socket(house: House, chance: random.Random) -> int:
    """Begin operations on a socket and complete most of them early; leave before the others are answered."""
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {house.token}", "operator": "beeline"}}
    async with await house.port.open() as connection:
        await connection.handshake(house.port)
        await connection.send(frame(1, orjson.dumps(init)))
        await connection.until(b"connection_ack")
        for index in range(OPERATIONS_OF_A_SOCKET):
            query = chance.choice((PAGE, VIEWER, RENAME, BALANCE))
            payload = {"query": query, "variables": house.variables(query)}
            await connection.send(frame(1, orjson.dumps({"type": "subscribe", "id": str(index), "payload": payload})))
            await asyncio.sleep(chance.uniform(0, 0.01))
            if chance.random() < 0.8:
                await connection.send(frame(1, orjson.dumps({"type": "complete", "id": str(index)})))
        connection.writer.transport.abort()
    return OPERATIONS_OF_A_SOCKET


async def all_connections_work(house: House, lock: str, query: str) -> None:
    """Let as many requests as there are connections wait for a lock together, and then be answered."""
    transaction = house.database.transaction()
    await transaction.start()
    try:
        await house.database.execute(lock)
        asked = [asyncio.create_task(house.cabinet.ask(query, id=house.line_id)) for _ in range(CONNECTIONS)]
        await until(house, WAITING, CONNECTIONS)
    finally:
        await transaction.rollback()
    for answer in await asyncio.gather(*asked):
        assert "errors" not in answer


async def until(house: House, asked: str, count: int) -> None:
    """Wait until the database counts so many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (found := await house.database.fetchval(asked)) != count:
            assert found <= CONNECTIONS * 2
            await asyncio.sleep(0.01)
