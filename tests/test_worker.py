"""The outbox: delivered once, never lost, and nothing left of a code."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from gateways.messages import Message
from models import outbox
from models.database import database, tx
from server import worker
from server.settings import Settings


class Recorder:
    """A gateway that remembers, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.sent: list[Message] = []
        self._failures = failures

    async def send(self, message: Message) -> None:
        if self._failures:
            self._failures -= 1
            raise ConnectionError("the gateway is away")
        self.sent.append(message)


async def enqueue(number: int, ttl_seconds: float | None = None) -> None:
    body = {"to": f"7900000{number:04}", "text": f"код {number:06}", "code": f"{number:06}"}
    await tx(
        lambda connection: outbox.enqueue(
            connection, "tele2", "sms", body, dedup=f"test:{number}", ttl_seconds=ttl_seconds
        )
    )


@pytest.fixture
async def connections(empty_database: str) -> AsyncIterator[Callable[[], Awaitable[asyncpg.Connection]]]:
    """Opens connections such as workers have."""
    opened: list[asyncpg.Connection] = []

    async def connect() -> asyncpg.Connection:
        opened.append(await asyncpg.connect(empty_database))
        return opened[-1]

    yield connect
    for connection in opened:
        await connection.close()


async def test_several_workers_send_each_message_once(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        for number in range(120):
            await enqueue(number)
            await enqueue(number)
    gateway = Recorder()

    async def work() -> None:
        connection = await connections()
        while await worker.deliver_once(connection, gateway):
            pass

    await asyncio.gather(*(work() for _ in range(3)))
    assert sorted(message.code or "" for message in gateway.sent) == [f"{number:06}" for number in range(120)]
    left = await (await connections()).fetchval("select json_agg(o)::text from outbox o")
    assert "код" not in left


async def test_message_that_was_not_taken_is_sent_again(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        await enqueue(1)
    gateway, connection = Recorder(failures=1), await connections()
    assert await worker.deliver_once(connection, gateway) == 1
    assert gateway.sent == []
    assert await worker.deliver_once(connection, gateway) == 0, "not before its pause is over"
    await connection.execute("update outbox set run_at = now()")
    assert await worker.deliver_once(connection, gateway) == 1
    assert len(gateway.sent) == 1


async def test_message_that_has_expired_is_emptied_and_not_sent(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        await enqueue(1, ttl_seconds=0.0)
    gateway, connection = Recorder(), await connections()
    assert await worker.deliver_once(connection, gateway) == 0
    assert gateway.sent == []
    assert "000001" not in await connection.fetchval("select body::text from outbox")


async def test_worker_goes_on_after_any_failure(
    empty_database: str,
    settings: Settings,
    connections: Callable[[], Awaitable[asyncpg.Connection]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = Recorder()
    monkeypatch.setattr(worker, "message_gateway", lambda _: gateway)
    monkeypatch.setattr(worker, "_LOOK_SECONDS", 0.05)
    connection = await connections()
    await connection.execute("alter table outbox rename to elsewhere")
    task = asyncio.create_task(worker.run_worker(settings.model_copy(update={"database_url": empty_database})))
    await asyncio.sleep(0.3)
    await connection.execute("alter table elsewhere rename to outbox")
    async with database(empty_database):
        await enqueue(7)
    for _ in range(100):
        if gateway.sent:
            break
        await asyncio.sleep(0.05)
    task.cancel()
    assert [message.code for message in gateway.sent] == ["000007"]
