"""A server of two workers in bad times: a full pool, a PostgreSQL that restarts, and its own end under load."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2
import pytest

from tests.chaos.http import Http
from tests.serving_process import READ, WRITE, Crowd, Place, Serving, place, serving
from tests.sockets import opened

# It measures seconds, with processes of its own.
pytestmark = pytest.mark.alone

# What is promised is two, measured on a machine that has nothing else to do.
_HEALS_SECONDS = 2.0 if os.environ.get("HEARTH_PROVE") else 10.0
_ANSWERS_SECONDS = 5.0
_DRAINS_SECONDS = 10.0
_MESSAGE = """
insert into outbox (operator, kind, body, dedup, run_at, attempts, created_at)
values ('motiv', 'void', '{}', gen_random_uuid()::text, now(), 0, now()) returning id
"""


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Place]:
    async with place() as made:
        yield made


@pytest.fixture(scope="module")
async def server(here: Place) -> AsyncIterator[Serving]:
    async with serving(here) as running:
        yield running


async def asked(server: Serving, here: Place, query: str, count: int) -> list[tuple[int, float, httpx2.Headers]]:
    """What so many who ask at once are answered, and after how many seconds."""

    async def one(number: int) -> tuple[int, float, httpx2.Headers]:
        headers = here.people[number % len(here.people)].headers
        started = time.monotonic()
        answer = await http.post("/graphql", json={"query": query}, headers=headers)
        return answer.status_code, time.monotonic() - started, answer.headers

    limits = httpx2.Limits(max_connections=count)
    async with httpx2.AsyncClient(base_url=server.address, trust_env=False, timeout=20, limits=limits) as http:
        return list(await asyncio.gather(*(one(number) for number in range(count))))


async def test_a_full_pool_of_writes_answers_503_in_time_and_reads_go_on(server: Serving, here: Place) -> None:
    async with here.connected() as connection:
        async with connection.transaction():
            await connection.execute("lock table app_user in exclusive mode")
            writes = asyncio.create_task(asked(server, here, WRITE, 24))
            await asyncio.sleep(0.5)
            assert {status for status, *_ in await asked(server, here, READ, 8)} == {200}
            await asyncio.sleep(2.5)  # those without a connection have their answer by now
        told = await writes
    overloaded = [each for each in told if each[0] == 503]
    assert {each[0] for each in told} == {200, 503}
    assert len(overloaded) >= 24 - 2 * 3
    assert all(seconds < _ANSWERS_SECONDS and headers["retry-after"] == "1" for _, seconds, headers in overloaded)
    assert {status for status, *_ in await asked(server, here, WRITE, 4)} == {200}


async def test_a_full_pool_of_reads_answers_503_in_time_over_http_and_sockets(server: Serving, here: Place) -> None:
    async with opened(server.address) as socket:
        await socket.init(operator="motiv", authorization=here.people[0].headers["authorization"])
        async with here.connected() as connection, connection.transaction():
            await connection.execute("lock table session in access exclusive mode")
            started = time.monotonic()
            await socket.subscribe("one", READ)
            told = await asked(server, here, READ, 24)
            refused = await socket.receive()
            assert time.monotonic() - started < _ANSWERS_SECONDS
        assert [status for status, *_ in told] == [503] * 24
        assert {headers["retry-after"] for *_, headers in told} == {"1"}
        assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "UNAVAILABLE")
        assert "viewer" in await socket.answer("two", READ)


async def test_a_restart_of_postgres_under_load_heals_in_two_seconds(server: Serving, here: Place) -> None:
    crowd = Crowd(server.port)
    async with opened(server.address) as socket, asyncio.TaskGroup() as together:
        await socket.init(operator="motiv", authorization=here.people[0].headers["authorization"])
        await socket.subscribe("live", "subscription { balanceChanged { id } }")
        before = await socket.next("live")
        for number, person in enumerate(here.people * 2):
            together.create_task(crowd.ask_until_over(number, person, READ if number % 2 else WRITE))
        await asyncio.sleep(1)
        await asyncio.to_thread(here.postgres.stop_at_once)
        await asyncio.sleep(1)
        async with httpx2.AsyncClient(base_url=server.address, trust_env=False) as http:
            assert (await http.get("/readyz")).status_code == 503
            assert (await http.get("/healthz")).status_code == 200
        await here.postgres.start()
        back = time.monotonic()
        async with here.connected() as connection:
            message = await connection.fetchval(_MESSAGE)
            await socket.next("live")  # what was told meanwhile is unknown, so all is told again
            heard = time.monotonic() - back
            while len([each for each in crowd.answered_at.values() if each > back]) < len(here.people) * 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            healed = time.monotonic() - back
            while not await connection.fetchval(  # noqa: ASYNC110
                "select done_at is not null from outbox where id = $1", message
            ):
                await asyncio.sleep(0.02)
            delivered = time.monotonic() - back
        crowd.over = True
    assert before
    assert max(heard, healed, delivered) < _HEALS_SECONDS, (heard, healed, delivered)
    assert set(crowd.statuses) == {200, 503}
    assert crowd.lost == []


async def test_a_server_that_is_told_to_stop_loses_no_request(here: Place) -> None:
    async with serving(here) as server:
        crowd = Crowd(server.port)
        slow = Http(server.port, here.people[0].headers)
        async with opened(server.address) as socket, here.connected() as connection, asyncio.TaskGroup() as together:
            await socket.init(operator="motiv", authorization=here.people[1].headers["authorization"])
            for number, person in enumerate(here.people[2:] * 4):
                together.create_task(crowd.ask_until_over(number, person, READ))
            await asyncio.sleep(0.5)
            async with connection.transaction():
                # One request and one operation of a socket wait for this row, for longer than the notice takes.
                ids = [person.user_id for person in here.people[:2]]
                await connection.execute("select from app_user where id = any($1::bigint[]) for update", ids)
                waiting = asyncio.create_task(slow.post("/graphql", b'{"query": "%b"}' % WRITE.encode()))
                await socket.subscribe("slow", WRITE)
                await asyncio.sleep(0.3)
                stopping = asyncio.create_task(asyncio.to_thread(server.stop))
                await asyncio.sleep(0.5)
                async with httpx2.AsyncClient(base_url=server.address, trust_env=False) as http:
                    ready = await http.get("/readyz")
                    assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
                    assert ready.headers["connection"] == "close"
                await asyncio.sleep(1.5)
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(waiting), 0.01)
                assert not waiting.done()
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", server.port)
            assert (await waiting)[0] == 200
            assert (await socket.next("slow"))["setLanguage"] == {"userErrors": []}
            code, _ = await socket.closed()
            assert code == 1001
        assert await stopping < _DRAINS_SECONDS
        assert crowd.lost == []
        assert crowd.refused == len(here.people[2:] * 4), "each was answered until nobody listened"
        assert set(crowd.statuses) == {200}


async def test_a_worker_that_is_killed_is_started_again(server: Serving, here: Place) -> None:
    before = server.workers()
    server.kill(before[0])
    async with asyncio.timeout(20):
        while before[0] in server.workers() or not server.is_complete(2, here.postgres.port):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert {status for status, *_ in await asked(server, here, READ, 8)} == {200}
