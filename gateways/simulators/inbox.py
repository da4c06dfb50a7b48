"""The development inbox: every message that would have left, in one file that all processes append to."""

import asyncio
import fcntl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from domain.challenge import DeliveryStatus
from gateways.messages import Message, MessageGateway, Sent

_SHOWN = 200
# Enough for the newest messages: the file is read from its end.
_TAIL_BYTES = 256 * 1024

_log = structlog.get_logger()


class Inbox:
    """Takes every message and shows the newest."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "inbox.ndjson"

    async def send(self, message: Message) -> Sent:
        entry = {
            "to": message.to,
            "channel": message.channel,
            "operator": message.operator,
            "subject": message.subject,
            "text": message.text,
            "link": message.link,
            "code": message.code,
            "at": datetime.now(UTC).isoformat(),
        }
        await asyncio.to_thread(self._append, orjson.dumps(entry) + b"\n")
        return Sent(None, DeliveryStatus.DELIVERED)

    async def newest(self) -> list[dict[str, Any]]:
        """The last messages, newest first."""
        return await asyncio.to_thread(self._read)

    def _append(self, line: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(line)

    def _read(self) -> list[dict[str, Any]]:
        if not self._file.exists():
            return []
        with self._file.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().splitlines()
        if size > _TAIL_BYTES:
            lines = lines[1:]  # the first one is cut
        return [orjson.loads(line) for line in reversed(lines[-_SHOWN:])]


class CopiedGateway:
    """Sends through a real gateway, and leaves a copy of what it took in the inbox."""

    def __init__(self, gateway: MessageGateway, inbox: Inbox) -> None:
        self._gateway = gateway
        self._inbox = inbox

    async def send(self, message: Message) -> Sent:
        sent = await self._gateway.send(message)
        try:
            await self._inbox.send(message)
        except OSError as error:  # the message has left: raising would send it again
            _log.warning("the inbox has no copy of a message", error=type(error).__name__)
        return sent
