"""Delivers the outbox: what transactions left to be sent after they committed (DESIGN 3)."""

import asyncio
from typing import Any, NamedTuple

import asyncpg
import orjson
import structlog

from gateways.messages import Message, MessageGateway, NoGateway, UnconfiguredGateway
from gateways.simulators.inbox import Inbox
from models.database import credentials
from models.reader import SILENT
from server.settings import Settings

_BATCH = 50
# A notification may be lost with its connection; then the next look finds the message.
_LOOK_SECONDS = 1.0
# The lease outlasts a batch of which every message times out.
_SEND_SECONDS = 5.0
_LEASE_SECONDS = 300
_LONGEST_PAUSE_SECONDS = 600

_log = structlog.get_logger()

# Two workers never take the same message: the rows are skipped while another holds them, and leased after.
_CLAIM = """
update outbox set locked_until = now() + make_interval(secs => $2), attempts = attempts + 1
where id in (
  select id from outbox
  where done_at is null and run_at <= now() and (locked_until is null or locked_until < now())
  order by run_at, id limit $1 for update skip locked
)
returning id, operator, kind, body, attempts
"""

# A code that nobody can use any more is not sent, however long the gateway was away.
_EXPIRE = """
update outbox set done_at = now(), locked_until = null, body = '{}', last_error = 'expired'
where done_at is null and expires_at < now()
"""

# The body goes: what was delivered has no business in the database, least of all a code.
_DONE = "update outbox set done_at = now(), locked_until = null, body = '{}' where id = any($1::bigint[])"

_LATER = """
update outbox set locked_until = null, last_error = $2, run_at = now() + make_interval(secs => $3) where id = $1
"""


class _Claimed(NamedTuple):
    id: int
    operator: str
    kind: str
    body: str
    attempts: int


def message_gateway(settings: Settings) -> MessageGateway:
    """Where messages go: in development to the inbox page."""
    return Inbox(settings.data) if settings.development else UnconfiguredGateway()


async def run_worker(settings: Settings) -> None:
    """Deliver until cancelled; a database that goes away is waited for."""
    gateway = message_gateway(settings)
    while True:
        try:
            await _deliver(settings.dsn, gateway)
        except Exception as error:  # whatever it is, messages must go out again when it is over
            _log.error("the worker starts anew", error=type(error).__name__, exc_info=not isinstance(error, SILENT))
            await asyncio.sleep(_LOOK_SECONDS)


async def _deliver(url: str, gateway: MessageGateway) -> None:
    connection = await _connect(url)
    try:
        woken = asyncio.Event()
        await connection.add_listener("outbox", lambda *_: woken.set())
        while True:
            woken.clear()
            if await deliver_once(connection, gateway) < _BATCH:
                await _until(woken)
    finally:
        await connection.close(timeout=1)


async def deliver_once(connection: "asyncpg.Connection[asyncpg.Record]", gateway: MessageGateway) -> int:
    """Deliver one batch; gives how many messages it held."""
    await connection.execute(_EXPIRE)
    claimed = [_Claimed(*row) for row in await connection.fetch(_CLAIM, _BATCH, float(_LEASE_SECONDS))]
    done = []
    for message in sorted(claimed):
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await _send(message, gateway)
            done.append(message.id)
        except Exception as error:  # whatever a gateway raises, the message stays and is tried again
            await _postpone(connection, message, error)
    if done:
        await connection.execute(_DONE, done)
    return len(claimed)


async def _send(claimed: _Claimed, gateway: MessageGateway) -> None:
    # A `void` message is what a request for an unknown number leaves, so that it costs the same.
    if claimed.kind == "void":
        return
    body: dict[str, Any] = orjson.loads(claimed.body)
    await gateway.send(
        Message(
            operator=claimed.operator,
            channel=claimed.kind.upper(),
            to=body["to"],
            text=body["text"],
            code=body.get("code"),
        )
    )


async def _postpone(connection: "asyncpg.Connection[asyncpg.Record]", claimed: _Claimed, error: Exception) -> None:
    pause = min(2.0**claimed.attempts, _LONGEST_PAUSE_SECONDS)
    reason = str(error) if isinstance(error, NoGateway) else type(error).__name__
    _log.warning("a message stays in the outbox", message=claimed.id, kind=claimed.kind, error=reason)
    await connection.execute(_LATER, claimed.id, reason, pause)


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    options = {key: value for key, value in credentials(url).items() if value is not None}
    return await asyncpg.connect(**options, timeout=5)


async def _until(woken: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await woken.wait()
    except TimeoutError:
        pass
