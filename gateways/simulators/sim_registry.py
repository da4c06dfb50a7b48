"""The SIM registry of a development server: a file of what happened to numbers, which `hearth sim` writes.

Whoever swaps a SIM there sees what becomes of links, codes and sessions, as with the operator's own registry.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import orjson

from gateways.sim_registry import Asked

_FILE = "sim_registry.ndjson"


class News(StrEnum):
    """What may happen to a number."""

    SWAP = "swap"
    REASSIGN = "reassign"


class SimulatedRegistry:
    """Knows what was written into `folder`: each line is a number, what happened to it, and when."""

    rests = timedelta(seconds=2)

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE

    def happened(self, msisdn: str, news: News, at: datetime | None = None) -> None:
        """Write down what happened to a number, now or `at` a moment."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        moment = (at or datetime.now(UTC)).isoformat()
        with self._file.open("ab") as file:
            file.write(orjson.dumps({"msisdn": msisdn, "news": news, "at": moment}) + b"\n")

    async def sim_changed_since(self, asked: Sequence[Asked]) -> Mapping[str, datetime | None]:
        # A number that was given to somebody else has another SIM, too.
        last = await asyncio.to_thread(self._last, frozenset(News))
        return {each.msisdn: _after(last.get(each.msisdn), each.since) for each in asked}

    async def number_reassigned_since(self, asked: Sequence[Asked]) -> Mapping[str, bool]:
        last = await asyncio.to_thread(self._last, frozenset({News.REASSIGN}))
        return {each.msisdn: _after(last.get(each.msisdn), each.since) is not None for each in asked}

    def _last(self, kinds: frozenset[News]) -> dict[str, datetime]:
        """When each number was last in the news of these kinds."""
        return {msisdn: at for msisdn, news, at in self._told() if news in kinds}

    def _told(self) -> Iterator[tuple[str, News, datetime]]:
        if not self._file.exists():
            return
        for line in self._file.read_bytes().splitlines():
            told = orjson.loads(line)
            yield told["msisdn"], News(told["news"]), datetime.fromisoformat(told["at"])


def _after(moment: datetime | None, since: datetime) -> datetime | None:
    return moment if moment is not None and moment > since else None
