"""A client of `graphql-transport-ws` for tests, which says exactly what it is told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

PATIENCE_SECONDS = 10

# What a settled top-up leaves behind: money from clearing to an account, and word of it.
TOP_UP = """
with own as (select * from ledger_account where account_id = $1),
clearing as (
  select c.id from ledger_account c join own on c.operator = own.operator and c.currency = own.currency
  where c.kind = 'CLEARING' and c.account_id is null
),
transfer as (
  insert into ledger_transfer (operator, kind, key, at)
  select operator, 'TOP_UP', 'test:' || gen_random_uuid(), now() from own returning id
)
insert into ledger_entry (transfer_id, account_id, amount)
select t.id, own.id, $2::bigint from transfer t, own
union all select t.id, c.id, -$2::bigint from transfer t, clearing c
"""


class Socket:
    """One socket, after the handshake."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: object) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def receive(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            message: dict[str, Any] = orjson.loads(await self.connection.recv())
            return message

    async def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                await self.connection.recv()
                return False
        except TimeoutError:
            return True

    async def closed(self) -> tuple[int, list[dict[str, Any]]]:
        """The code that the server closes the socket with, and what it said before."""
        said = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                said.append(await self.receive())
        code = self.connection.close_code
        assert code is not None
        return code, said

    async def init(self, **payload: Any) -> None:
        """Say who we are, and wait until that is taken."""
        await self.send({"type": "connection_init", "payload": payload})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, operation_id: str, query: str, **variables: Any) -> None:
        await self.send({"id": operation_id, "type": "subscribe", "payload": {"query": query, "variables": variables}})

    async def complete(self, operation_id: str) -> None:
        await self.send({"id": operation_id, "type": "complete"})

    async def next(self, operation_id: str) -> dict[str, Any]:
        """The data of the next answer, which has no errors."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        assert "errors" not in message["payload"], message
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def answer(self, operation_id: str, query: str, **variables: Any) -> dict[str, Any]:
        """The data that a query or a mutation answers."""
        await self.subscribe(operation_id, query, **variables)
        data = await self.next(operation_id)
        assert await self.receive() == {"id": operation_id, "type": "complete"}
        return data


@contextlib.asynccontextmanager
async def opened(
    address: str,
    *,
    origin: str | None = None,
    subprotocols: tuple[str, ...] = ("graphql-transport-ws",),
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Socket]:
    """A socket to the server at an HTTP address."""
    url = address.replace("http", "ws", 1) + "/graphql"
    offered = [Subprotocol(name) for name in subprotocols]
    async with connect(
        url,
        origin=Origin(origin) if origin else None,
        subprotocols=offered or None,
        additional_headers=headers,
        proxy=None,
        close_timeout=0.5,  # what was left unread keeps the client from seeing the server's goodbye
    ) as connection:
        yield Socket(connection)


async def top_up(connection: "asyncpg.Connection[asyncpg.Record]", account_id: int, minor: int) -> None:
    """Put money on an account, and tell."""
    async with connection.transaction():
        await connection.execute(TOP_UP, account_id, minor)
        await tell(connection, f"balance:{account_id}")


async def tell(connection: "asyncpg.Connection[asyncpg.Record]", *events: str) -> None:
    """Tell what happened, as any worker would."""
    await connection.execute("select pg_notify('hearth_events', $1)", ",".join(events))
