"""The connection of Tortoise to PostgreSQL, and `tx()`: the one way to change anything (DESIGN 3)."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection, get_connections
from tortoise.context import TortoiseContext

from models import watch

T = TypeVar("T")
Isolation = Literal["read_committed", "repeatable_read", "serializable"]

MODULES = [
    f"models.{name}"
    for name in (
        "user",
        "line",
        "household",
        "number_link",
        "link_request",
        "invitation",
        "ownership_transfer",
        "usage_limit",
        "child_policy",
        "approval",
        "guest_grant",
        "sim_check",
        "session",
        "challenge",
        "outbox",
        "counter",
        "audit",
        "ledger",
        "payment",
        "autopay",
        "promised_payment",
        "balance_payment",
        "voucher",
        "refund",
        "registration",
        "usage",
        "catalogue",
        "line_change",
        "data_gift",
        "ringback",
        "internet",
        "ticket",
        "trusted_document",
    )
]

_models_are_known = False

_ATTEMPTS = 5
# Who waits for longer is told to come again: within five seconds, however long the reads before it have waited.
_ACQUIRE_SECONDS = 2.0


class NotBegun(asyncpg.InterfaceError):
    """A connection of the pool turned out to be closed: nothing has happened yet, so another one is tried."""


# Raw asyncpg exceptions: Tortoise does not translate them (40001 and 40P01).
_RETRIED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, NotBegun)

SERVER_SETTINGS = {
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}


if TYPE_CHECKING:
    _Base = asyncpg.Connection[asyncpg.Record]
else:
    _Base = asyncpg.Connection  # generic in its stubs only


class PooledConnection(_Base):
    """A connection that goes back to its pool as it is: nothing here leaves a state behind that a reset would clear.

    A transaction that somebody left open is still rolled back, and a statement that was prepared and never sent is
    ended: whoever is cancelled in between, or gives a value that does not fit, leaves PostgreSQL waiting with its
    locks and the clock of statement_timeout, and the next to use the connection would be told that time is over.
    """

    _under_way = False

    async def _execute(self, query: str, *arguments: Any, **options: Any) -> Any:
        if (work := watch.work.get()) is not None:
            work.statements += 1
        self._under_way = True
        # The text has placeholders where the values go.
        with watch.span("sql", {"db.system.name": "postgresql", "db.query.text": query}):
            result = await super()._execute(query, *arguments, **options)  # type: ignore[misc]
        self._under_way = False
        return result

    def get_reset_query(self) -> str:
        # Any statement sent whole ends what was begun.
        return "select 1" if self._under_way else ""


def credentials(url: str) -> dict[str, Any]:
    """What asyncpg takes, alone or below Tortoise, from a PostgreSQL URL; `?host=` names a socket's folder."""
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", "") or parts.hostname or "127.0.0.1"
    password = query.pop("password", "") or parts.password
    return {
        "host": host,
        "port": int(query.pop("port", "") or parts.port or 5432),
        "user": unquote(query.pop("user", "") or parts.username or "postgres"),
        **({"password": unquote(password)} if password else {}),
        "database": unquote(parts.path.lstrip("/")) or "postgres",
        **({"ssl": query.pop("sslmode")} if "sslmode" in query else {}),
    }


def tortoise_config(url: str, pool_size: int = 5) -> dict[str, Any]:
    """The configuration that the server, the migrations and Tortoise's own CLI share."""
    return {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": {
                    **credentials(url),
                    "minsize": 1,
                    "maxsize": pool_size,
                    "command_timeout": 20,
                    "connection_class": PooledConnection,
                    "server_settings": SERVER_SETTINGS,
                },
            }
        },
        "apps": {"models": {"models": MODULES, "migrations": "models.migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }


@asynccontextmanager
async def database(url: str, *, pool_size: int = 5) -> AsyncIterator[None]:
    """Connect Tortoise, for the life of the block, for the task that runs it and the tasks it starts."""
    async with TortoiseContext() as context:
        await _begin(context, url, pool_size)
        yield


@asynccontextmanager
async def process_database(url: str, *, pool_size: int) -> AsyncIterator[None]:
    """Connect Tortoise, for the life of the block, for every task of this process: one at a time."""
    context = TortoiseContext()
    with context:  # current while it is set up; afterwards every task finds it as the process's
        await _begin(context, url, pool_size, for_all_tasks=True)
    try:
        yield
    finally:
        await context.close_connections()


async def _begin(context: TortoiseContext, url: str, pool_size: int, *, for_all_tasks: bool = False) -> None:
    """Set Tortoise up for that database.

    What the models look like is the process's and not a database's, and takes longer to find out than to connect: it
    is found out the first time. After that one of the modules will do, of the at least one that Tortoise wants named.
    """
    global _models_are_known
    config = tortoise_config(url, pool_size)
    if _models_are_known:
        config["apps"]["models"]["models"] = MODULES[:1]
    await context.init(config=config, _enable_global_fallback=for_all_tasks)
    _models_are_known = True


async def tx(work: Callable[[BaseDBAsyncClient], Awaitable[T]], *, isolation: Isolation = "read_committed") -> T:
    """Run `work` in one transaction and commit it; on a deadlock or a failed serialization, run it again.

    `work` gets the connection, and ORM calls inside it use the same one. It must not call a loader, the
    network, or start a task: it may run up to five times. Raises what `work` raises, after a rollback.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await _run_once(work, isolation)
        except _RETRIED:
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(random.uniform(0.005, 0.02) * attempt)  # noqa: S311 - jitter, not a secret
    raise AssertionError("the last attempt returns or raises")


async def _run_once(work: Callable[[BaseDBAsyncClient], Awaitable[T]], isolation: Isolation) -> T:
    client = cast(AsyncpgDBClient, get_connection("default"))
    pool = await _pool_of(client)
    connection = await pool.acquire(timeout=_ACQUIRE_SECONDS)
    wrapper = TransactionWrapper(client)
    wrapper._connection = cast(asyncpg.Connection, connection)
    transaction = wrapper.transaction = connection.transaction(isolation=isolation)
    try:
        await transaction.start()
    except BaseException as error:
        # Cancelled inside BEGIN: nobody knows what the connection is in the middle of, so it is not reused. One that
        # the server has closed has left the pool by itself.
        with suppress(asyncpg.InterfaceError):
            connection.terminate()
        await asyncio.shield(pool.release(connection))
        if isinstance(error, asyncpg.PostgresConnectionError):
            raise NotBegun("the connection was closed before the transaction began") from error
        raise
    token = get_connections().set(client.connection_name, wrapper)
    try:
        result = await work(wrapper)
    except BaseException:
        await _finish(pool, connection, transaction.rollback)
        raise
    finally:
        get_connections().reset(token)
    await _finish(pool, connection, transaction.commit)
    return result


def writing_pool() -> "asyncpg.Pool[asyncpg.Record] | None":
    """The pool that transactions of this process share; None before the first."""
    return cast(AsyncpgDBClient, get_connection("default"))._pool


async def _pool_of(client: AsyncpgDBClient) -> "asyncpg.Pool[asyncpg.Record]":
    if client._pool is None:
        async with client._pool_init_lock:
            if client._pool is None:
                await client.create_connection(with_db=True)
    assert client._pool is not None
    return client._pool


async def _finish(pool: "asyncpg.Pool[asyncpg.Record]", connection: Any, end: Callable[[], Awaitable[None]]) -> None:
    """Commit or roll back and give the slot back, even when the caller is cancelled meanwhile."""

    async def end_and_release() -> None:
        try:
            await end()
        finally:
            await pool.release(connection)

    task = asyncio.ensure_future(end_and_release())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if task.cancelled() or task.exception() is None:
            raise
        raise task.exception() from None  # type: ignore[misc]


def __getattr__(name: str) -> dict[str, Any]:
    # What Tortoise's own command line asks for; the environment is only looked at then.
    if name == "TORTOISE_ORM":
        return tortoise_config(os.environ.get("HEARTH_DATABASE_URL", "postgresql:///hearth"))
    raise AttributeError(name)
