"""Delivers the outbox: what transactions left to be sent after they committed (DESIGN 3)."""

import asyncio
import hashlib
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson
import structlog

from domain.challenge import DeliveryStatus
from domain.receipt import Sheet
from gateways.messages import Attachment, InboundHandler, Message, MessageGateway, MessageRefused, SendFailed, Sent
from models import watch
from models.database import credentials
from models.reader import SILENT
from server.loops import rest
from server.message_gateways import message_gateway
from server.receipts import receipts
from server.settings import Settings
from services.receipt_pdf import render

_BATCH = 50
# As many as an SMS centre is given at once; a slow gateway then holds up a batch for seconds and not for minutes.
_AT_ONCE = 10
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
returning id, operator, kind, body, attempts, created_at
"""

# A code that nobody can use any more is not sent, however long the gateway was away.
_EXPIRE = """
update outbox set done_at = now(), locked_until = null, body = '{}', delivery = 'FAILED', last_error = 'expired'
where done_at is null and expires_at < now()
"""

# The body goes: what was delivered has no business in the database, least of all a code.
_DONE = """
update outbox set done_at = now(), locked_until = null, body = '{}', gateway_id = $2, delivery = $3 where id = $1
"""

_REFUSED = """
update outbox set done_at = now(), locked_until = null, body = '{}', delivery = 'FAILED', last_error = $2 where id = $1
"""

# Whoever stops before a message's turn has come leaves it to another, as if it had not been taken.
_GIVE_BACK = "update outbox set locked_until = null, attempts = attempts - 1 where id = any($1) and done_at is null"

_LATER = """
update outbox set locked_until = null, last_error = $2, run_at = now() + make_interval(secs => $3) where id = $1
"""


class _Claimed(NamedTuple):
    id: int
    operator: str
    kind: str
    body: str
    attempts: int
    created_at: datetime

    @property
    def reference(self) -> str:
        """A name for gateways that does not tell how many messages there were, nor what this one says."""
        return hashlib.sha256(f"{self.id} {self.created_at.isoformat()}".encode()).hexdigest()[:32]


class _Tried(NamedTuple):
    claimed: _Claimed
    outcome: Sent | Exception


# What has ended is of no use: counters at once, the rest after the time in which somebody may ask about it.
_TIDY = (
    "delete from counter where ends_at < now() - interval '1 hour'",
    "delete from challenge where expires_at < now() - interval '2 days'",
    "delete from outbox where done_at < now() - interval '30 days'",
    "delete from session where least(expires_at, last_seen_at + interval '30 days') < now() - interval '30 days'",
    "delete from registration where expires_at < now() - interval '30 days'",
    "delete from refresh_token where expires_at < now() - interval '30 days'",
)
_TIDY_SECONDS = 600.0


async def run_worker(settings: Settings, on_inbound: InboundHandler | None = None) -> None:
    """Deliver until cancelled; a database that goes away is waited for. `on_inbound` gets what people send by SMS."""
    async with receipts(settings.dsn) as told, message_gateway(settings, told.note, on_inbound) as gateway:
        while True:
            try:
                await _deliver(settings.dsn, gateway)
            except Exception as error:  # whatever it is, messages must go out again when it is over
                _log.error("the worker starts anew", error=type(error).__name__, exc_info=not isinstance(error, SILENT))
                await rest(_LOOK_SECONDS)


async def _deliver(url: str, gateway: MessageGateway) -> None:
    connection = await _connect(url)
    try:
        woken = asyncio.Event()
        await connection.add_listener("outbox", lambda *_: woken.set())
        tidy_at = 0.0
        while True:
            if (now := asyncio.get_running_loop().time()) >= tidy_at:
                tidy_at = now + _TIDY_SECONDS
                for statement in _TIDY:
                    await connection.execute(statement)
            woken.clear()
            if await deliver_once(connection, gateway) < _BATCH:
                await rest(_LOOK_SECONDS, woken)
    finally:
        await connection.close(timeout=1)


async def deliver_once(connection: "asyncpg.Connection[asyncpg.Record]", gateway: MessageGateway) -> int:
    """Deliver one batch, several messages at a time, oldest first; gives how many messages it held."""
    await connection.execute(_EXPIRE)
    claimed = sorted(_Claimed(*row) for row in await connection.fetch(_CLAIM, _BATCH, float(_LEASE_SECONDS)))
    # A look that finds nothing, which most do, is nothing to tell of.
    if claimed:
        with watch.span("outbox", {"outbox.messages": len(claimed)}):
            await _deliver_all(connection, gateway, claimed)
    return len(claimed)


async def _deliver_all(
    connection: "asyncpg.Connection[asyncpg.Record]", gateway: MessageGateway, claimed: list[_Claimed]
) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)
    waiting = {message.id for message in claimed}
    tries = [asyncio.create_task(_try(message, gateway, turns, waiting)) for message in claimed]
    try:
        # Each is noted as soon as it is known, by the one connection: a receipt may follow in no time.
        for tried in asyncio.as_completed(tries):
            await _note(connection, *await tried)
    finally:
        for task in tries:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
        if waiting and not connection.is_closed():
            await connection.execute(_GIVE_BACK, list(waiting))


async def _try(claimed: _Claimed, gateway: MessageGateway, turns: asyncio.Semaphore, waiting: set[int]) -> _Tried:
    async with turns:
        waiting.discard(claimed.id)
        try:
            with watch.span("message", {"outbox.kind": claimed.kind, "outbox.attempt": claimed.attempts}):
                async with asyncio.timeout(_SEND_SECONDS):
                    return _Tried(claimed, await _send(claimed, gateway))
        except Exception as error:  # whatever a gateway raises, the message stays and is tried again
            return _Tried(claimed, error)


async def _send(claimed: _Claimed, gateway: MessageGateway) -> Sent:
    # A `void` message is what a request for an unknown number leaves, so that it costs the same.
    if claimed.kind == "void":
        return Sent(None, DeliveryStatus.SENT)
    body: dict[str, Any] = orjson.loads(claimed.body)
    return await gateway.send(
        Message(
            operator=claimed.operator,
            channel=claimed.kind.upper(),
            reference=claimed.reference,
            to=body["to"],
            text=body["text"],
            code=body.get("code"),
            subject=body.get("subject"),
            link=body.get("link"),
            attachment=await _receipt(body),
        )
    )


async def _receipt(body: dict[str, Any]) -> Attachment | None:
    """The receipt of a payment, printed when its letter leaves."""
    if (receipt := body.get("receipt")) is None:
        return None
    told = receipt["sheet"]
    sheet = Sheet(told["operator"], told["title"], tuple((label, value) for label, value in told["lines"]))
    return Attachment(receipt["name"], await asyncio.to_thread(render, sheet))


async def _note(connection: "asyncpg.Connection[asyncpg.Record]", claimed: _Claimed, outcome: Sent | Exception) -> None:
    arguments: tuple[object, ...]
    match outcome:
        case Sent(gateway_id, delivery):
            told, noted, arguments = "SENT", _DONE, (gateway_id, delivery)
        case MessageRefused():
            _log.warning("a message was refused", message=claimed.id, kind=claimed.kind, error=str(outcome))
            told, noted, arguments = "REFUSED", _REFUSED, (str(outcome),)
        case _:
            told, noted, arguments = "POSTPONED", _LATER, _postponed(claimed, outcome)
    watch.note(watch.Told.MESSAGE, (claimed.kind.upper(), told))
    with watch.span("sql", {"db.system.name": "postgresql", "db.query.text": noted}):
        await connection.execute(noted, claimed.id, *arguments)


def _postponed(claimed: _Claimed, error: Exception) -> tuple[str, float]:
    """Why a message could not be sent, and for how many seconds it stays."""
    pause = min(2.0**claimed.attempts, _LONGEST_PAUSE_SECONDS)
    # Another error's text may quote the message.
    reason = str(error) if isinstance(error, SendFailed) else type(error).__name__
    _log.warning("a message stays in the outbox", message=claimed.id, kind=claimed.kind, error=reason)
    return reason, pause


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(**credentials(url), timeout=5)
