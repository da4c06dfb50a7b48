"""The development inbox: every message that would have left, in one file that all processes append to."""

import asyncio
import fcntl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from gateways.messages import Message

_SHOWN = 200
# Enough for the newest messages: the file is read from its end.
_TAIL_BYTES = 256 * 1024


class Inbox:
    """Takes every message and shows the newest."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "inbox.ndjson"

    async def send(self, message: Message) -> None:
        entry = {
            "to": message.to,
            "channel": message.channel,
            "operator": message.operator,
            "text": message.text,
            "code": message.code,
            "at": datetime.now(UTC).isoformat(),
        }
        await asyncio.to_thread(self._append, orjson.dumps(entry) + b"\n")

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
