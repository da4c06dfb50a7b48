"""The outbox: delivered once, never lost, and nothing left of a code."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from domain.challenge import DeliveryStatus
from gateways.messages import Message, MessageRefused, NoGateway, Receipt, Sent, UnconfiguredGateway
from gateways.simulators.inbox import CopiedGateway, Inbox
from models import outbox
from models.database import database, tx
from server import receipts, worker
from server.message_gateways import message_gateway
from server.settings import Settings
from tests.sms_centre import SmsCentre


class Recorder:
    """A gateway that remembers, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.sent: list[Message] = []
        self._failures = failures

    async def send(self, message: Message) -> Sent:
        if self._failures:
            self._failures -= 1
            raise ConnectionError("the gateway is away")
        self.sent.append(message)
        return Sent(f"id-{message.code}", DeliveryStatus.SENT)


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

    @asynccontextmanager
    async def recording(*_: object) -> AsyncIterator[Recorder]:
        yield gateway

    monkeypatch.setattr(worker, "message_gateway", recording)
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


async def test_what_the_gateway_says_is_kept_and_the_message_is_not(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        await enqueue(1)
    gateway, connection = Recorder(), await connections()
    await worker.deliver_once(connection, gateway)
    [row] = await connection.fetch("select gateway_id, delivery, body::text, done_at is not null from outbox")
    assert tuple(row) == ("id-000001", "SENT", "{}", True)


async def test_message_has_one_reference_at_every_try(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    references = []

    class Silent:
        async def send(self, message: Message) -> Sent:
            references.append(message.reference)
            raise TimeoutError

    async with database(empty_database):
        await enqueue(1)
        await enqueue(2)
    connection = await connections()
    for _ in range(2):
        await worker.deliver_once(connection, Silent())
        await connection.execute("update outbox set run_at = now()")
    assert references[:2] == references[2:]
    assert len(set(references)) == 2


async def test_message_that_is_refused_is_emptied_and_not_sent_again(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    class Refusing:
        async def send(self, message: Message) -> Sent:
            raise MessageRefused("the recipient is no phone number")

    async with database(empty_database):
        await enqueue(1)
    connection = await connections()
    assert await worker.deliver_once(connection, Refusing()) == 1
    await connection.execute("update outbox set run_at = now()")
    assert await worker.deliver_once(connection, Refusing()) == 0
    [row] = await connection.fetch("select delivery, last_error, body::text from outbox")
    assert tuple(row) == ("FAILED", "the recipient is no phone number", "{}")


async def test_error_of_a_gateway_may_quote_the_message_and_the_outbox_does_not(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    class Chatty:
        async def send(self, message: Message) -> Sent:
            raise ValueError(f"cannot send {message.text}")

    async with database(empty_database):
        await enqueue(1)
    connection = await connections()
    await worker.deliver_once(connection, Chatty())
    assert await connection.fetchval("select last_error from outbox") == "ValueError"


async def test_slow_gateway_holds_up_only_its_turn(
    empty_database: str,
    connections: Callable[[], Awaitable[asyncpg.Connection]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Hanging:
        async def send(self, message: Message) -> Sent:
            await asyncio.sleep(60)
            raise AssertionError

    monkeypatch.setattr(worker, "_SEND_SECONDS", 0.1)
    async with database(empty_database):
        for number in range(20):
            await enqueue(number)
    connection = await connections()
    async with asyncio.timeout(1):
        assert await worker.deliver_once(connection, Hanging()) == 20
    assert await connection.fetchval("select count(*) from outbox where last_error = 'TimeoutError'") == 20


async def test_expired_message_counts_as_failed(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        await enqueue(1, ttl_seconds=0.0)
    connection = await connections()
    await worker.deliver_once(connection, Recorder())
    assert await connection.fetchval("select delivery from outbox") == "FAILED"


async def test_first_final_word_of_a_receipt_stands(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        await enqueue(1)
        await enqueue(2)
    connection = await connections()
    await worker.deliver_once(connection, Recorder())
    async with receipts.receipts(empty_database) as told:
        for delivery in (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.SENT, DeliveryStatus.DELIVERED):
            await told.note(Receipt("id-000001", delivery))
        await told.note(Receipt("id-000002", DeliveryStatus.UNKNOWN))
        await told.note(Receipt("id-000002", DeliveryStatus.DELIVERED))
    found = await connection.fetch("select gateway_id, delivery from outbox order by id")
    assert [tuple(row) for row in found] == [("id-000001", "FAILED"), ("id-000002", "DELIVERED")]


async def test_receipt_of_a_name_used_again_is_of_the_newest_message(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        await enqueue(1)
        await enqueue(2)
    connection = await connections()
    await connection.execute("update outbox set gateway_id = 'id-7', delivery = 'SENT', done_at = now()")
    async with receipts.receipts(empty_database) as told:
        await told.note(Receipt("id-7", DeliveryStatus.DELIVERED))
    assert [row[0] for row in await connection.fetch("select delivery from outbox order by id")] == [
        "SENT",
        "DELIVERED",
    ]


async def test_receipt_that_overtakes_its_message_is_not_lost(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    async with database(empty_database):
        await enqueue(1)
    connection = await connections()
    async with receipts.receipts(empty_database) as told:
        noting = asyncio.create_task(told.note(Receipt("id-000001", DeliveryStatus.DELIVERED)))
        await asyncio.sleep(0.05)
        await worker.deliver_once(connection, Recorder())
        await noting
    assert await connection.fetchval("select delivery from outbox") == "DELIVERED"


async def test_receipt_of_no_message_is_passed_over(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "_PAUSES", (0.01,))
    async with receipts.receipts(empty_database) as told:
        await told.note(Receipt("nobody's", DeliveryStatus.DELIVERED))


async def test_worker_sends_by_smpp_and_notes_the_receipt(
    empty_database: str,
    settings: Settings,
    connections: Callable[[], Awaitable[asyncpg.Connection]],
    tmp_path: Path,
) -> None:
    async with SmsCentre() as centre:
        await centre.order(receipt="UNDELIV")
        url = f"smpp://hearth:{centre.account.password}@127.0.0.1:{centre.port}?source=1070"
        configured = settings.model_copy(
            update={"database_url": empty_database, "sms_url": SecretStr(url), "data": tmp_path}
        )
        task = asyncio.create_task(worker.run_worker(configured))
        async with database(empty_database):
            await enqueue(1)
        assert (await centre.event("message"))["text"] == "код 000001"
        assert (await centre.event("receipt_answered"))["status"] == 0
        [row] = await (await connections()).fetch("select gateway_id, delivery, body::text from outbox")
        assert tuple(row) == ("id-1", "FAILED", "{}")
        [copy] = await Inbox(tmp_path).newest()
        assert copy["text"] == "код 000001"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await centre.event("unbound")


def _message(channel: str) -> Message:
    return Message(operator="tele2", channel=channel, reference="a", to="79000000001", text="код 1")


async def test_channel_without_a_gateway_is_the_inbox_in_development_only(settings: Settings, tmp_path: Path) -> None:
    async def nothing(_: object) -> None: ...

    development = settings.model_copy(update={"data": tmp_path})
    production = development.model_copy(
        update={"env": "production", "email_url": SecretStr("smtp://127.0.0.1:1?from=a@b.ru")}
    )
    async with message_gateway(development, nothing) as gateway:
        assert await gateway.send(_message("SMS")) == Sent(None, DeliveryStatus.DELIVERED)
    async with message_gateway(production, nothing) as gateway:
        with pytest.raises(NoGateway, match="no gateway for SMS"):
            await gateway.send(_message("SMS"))
        with pytest.raises(MessageRefused, match="no e-mail address"):
            await gateway.send(_message("EMAIL"))
    assert len(await Inbox(tmp_path).newest()) == 1


async def test_inbox_has_a_copy_of_what_was_taken_only(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    with pytest.raises(NoGateway):
        await CopiedGateway(UnconfiguredGateway(), inbox).send(_message("SMS"))
    assert await inbox.newest() == []


async def test_who_stops_leaves_to_others_what_it_has_not_begun(
    empty_database: str, connections: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    begun = []

    class Slow:
        async def send(self, message: Message) -> Sent:
            begun.append(message.reference)
            await asyncio.sleep(60)
            raise AssertionError

    async with database(empty_database):
        for number in range(20):
            await enqueue(number)
    connection = await connections()
    task = asyncio.create_task(worker.deliver_once(connection, Slow()))
    while len(begun) < worker._AT_ONCE:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    left = "select count(*) from outbox where locked_until is null and attempts = 0 and done_at is null"
    assert await connection.fetchval(left) == 20 - worker._AT_ONCE
