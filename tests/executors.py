"""Both executors, on the same data at the same moment: what one answers, the other answers to the byte."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import asyncpg
import orjson
from starlette.requests import HTTPConnection
from strawberry.types.graphql import OperationType

from auth.session import Expired, Viewer, Widget
from domain.document_limits import DocumentLimits
from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from gateways.payments import UnconfiguredProvider
from loaders.batch import Batches
from models.reader import Reader, Statement, reader_pool
from schema.schema import HearthSchema, build_schema
from server.graphql_answer import answer
from server.graphql_context import Contexts
from server.settings import Settings
from services.payment_row import Desk
from tests.documents import Written
from tests.session import open_session

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the statements whose text has that remainder: an error, no rows, or a null in each."""

    kind: str
    remainder: int
    of: int = 7

    def befalls(self, sql: str) -> bool:
        return crc32(sql.encode()) % self.of == self.remainder


class Moment:
    """A pool of one connection, in a transaction: whoever reads in it sees the same rows, and the same time."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def acquire(self, *, timeout: float) -> Any:  # noqa: ASYNC109 - the pool's own signature
        return self.connection

    async def release(self, connection: Any) -> None:
        """It is held until the moment is over."""


class TroubledReader(Reader):
    """Reads that go wrong in the same way whoever reads."""

    def __init__(self, pool: Any, trouble: Trouble | None) -> None:
        super().__init__(pool)
        self._trouble = trouble

    def anew(self) -> "TroubledReader":
        return TroubledReader(self._pool, self._trouble)

    async def _sent(self, sql: str, arguments: Sequence[object]) -> list[Any]:
        # graphql-core cancels the siblings of what failed: a statement that is cut off would end the transaction in
        # which both executors read, and what is read after it by one of them would fail.
        sent = asyncio.ensure_future(super()._sent(sql, arguments))
        sent.add_done_callback(_nobodys)  # whoever waited may have been cancelled
        return await asyncio.shield(sent)

    async def fetch(self, statement: Statement[Any], *arguments: object) -> list[Any]:
        rows = await super().fetch(statement, *arguments)
        if self._trouble is None or not self._trouble.befalls(statement.sql):
            return rows
        match self._trouble.kind:
            case "error":
                raise RuntimeError("a loader is broken")
            case "nothing":
                return []
            case _:
                return [_holed(row, self._trouble.remainder) for row in rows]


def _nobodys(sent: "asyncio.Future[Any]") -> None:
    """An error that nobody waits for any more is no news."""
    if not sent.cancelled():
        sent.exception()


def _holed(row: Any, index: int) -> Any:
    """The row without one of its values."""
    if not is_dataclass(row):
        return row
    names = [each.name for each in fields(row) if each.init and not each.name.endswith("id")]
    return replace(row, **{names[index % len(names)]: None}) if names else row  # type: ignore[type-var]


@dataclass(frozen=True)
class Caller:
    """Somebody who asks."""

    name: str
    profile: Profile
    caller: Viewer | Widget | Expired | None


class Executors:
    """The schema twice: run by graphql-core, and compiled."""

    def __init__(self, contexts: Contexts, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.stock = build_schema(_ROOMY, introspection=True, show_cost=True, compiled=False)
        self.compiled = build_schema(_ROOMY, introspection=True, show_cost=True, compile_after=1)
        self._contexts = contexts
        self._pool = pool

    async def caller(self, url: str, name: str, operator: str, login: str | None, level: str = "FULL") -> Caller:
        """Somebody signed in, or nobody in the cabinet of an operator."""
        profile = self._contexts.profiles[operator]
        if login is None:
            return Caller(name, profile, None)
        token = await open_session(url, operator, login, level)
        reads = Reader(self._pool)
        try:
            found = await self._contexts.caller(token, profile, reads)
        finally:
            await reads.close()
        assert isinstance(found, Viewer), name
        return Caller(name, profile, found)

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[Moment]:
        """Time stands still until the end of the block."""
        async with self._pool.acquire() as connection:
            transaction = connection.transaction(isolation="repeatable_read")
            await transaction.start()
            try:
                yield Moment(connection)
            finally:
                await transaction.rollback()

    async def answer(
        self, schema: HearthSchema, moment: Moment, caller: Caller, written: Written, trouble: Trouble | None = None
    ) -> bytes:
        """What is answered, as it goes over the wire."""
        connection = HTTPConnection({"type": "http", "scheme": "http", "path": "/", "headers": []})
        reads, batches = TroubledReader(moment, trouble), Batches()
        whence = self._contexts.whence(connection)
        context = self._contexts.context(whence, caller.profile, caller.caller, reads, batches)
        context.now = NOW
        context.start_anew()
        try:
            result = await schema.execute(
                written.text,
                variable_values=written.variables,
                context_value=context,
                allowed_operation_types={OperationType.QUERY},
            )
        finally:
            batches.cancel()
            await asyncio.shield(reads.close())
        told = answer(result, context, development=False, hints=True)
        if errors := told.get("errors"):
            told["errors"] = comparable(errors, told.get("data"))
        return orjson.dumps({**told, "unanswered": context.unanswered})

    async def differ(self, caller: Caller, written: Written, trouble: Trouble | None = None) -> str | None:
        """Where the executors answer differently; None where they agree."""
        async with self.moment() as moment:
            expected = await self.answer(self.stock, moment, caller, written, trouble)
            found = await self.answer(self.compiled, moment, caller, written, trouble)
        broken = trouble is None and b"Something went wrong" in expected
        if expected == found and not broken:
            return None
        return f"{caller.name} {trouble}\n{written.text}\n{written.variables}\n{expected!r}\n{found!r}"


def comparable(errors: list[dict[str, Any]], data: Any) -> list[dict[str, Any]]:
    """The errors, as far as they do not depend on what happened first.

    In which order they come is nobody's promise. Where one made a null of more than its own field, those that would
    have come after it below that null are not looked for any more (GraphQL, 6.4.4).
    """
    told = []
    for error in errors:
        null = _null_of(error.get("path", []), data)
        told.append(error if null == error.get("path", []) else {"null": null})
    return [orjson.loads(text) for text in sorted({orjson.dumps(error) for error in told})]


def _null_of(path: list[str | int], data: Any) -> list[str | int]:
    """The place of the null that an error made: its own field's, or one above."""
    for depth, step in enumerate(path):
        if data is None:
            return path[:depth]
        data = data[step]
    return path


# What a document of the tests is to show is not its size.
_ROOMY = DocumentLimits(aliases=60, directives=60, fields=1_000, tokens=5_000)


@asynccontextmanager
async def executors(url: str, settings: Settings, profiles: Mapping[str, Profile]) -> AsyncIterator[Executors]:
    """Both executors on a database that nobody changes meanwhile."""
    async with reader_pool(url, 2) as pool:
        yield Executors(Contexts(settings, profiles, LedgerBilling(), pool, {}, Desk(UnconfiguredProvider())), pool)
