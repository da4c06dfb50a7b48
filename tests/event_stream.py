"""A client of server-sent events for tests, which reads what comes and leaves when it is told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson

from tests.sockets import PATIENCE_SECONDS

HEADERS = {"accept": "text/event-stream"}


class Events:
    """One open stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def event(self) -> tuple[str, Any]:
        """The name and the data of the next event; ("", None) once the server has ended the stream."""
        name, data = "", b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = value.encode()
                elif not line and name:
                    return name, orjson.loads(data) if data else None
        return "", None

    async def next(self) -> dict[str, Any]:
        """The data of the next answer, which has no errors."""
        name, told = await self.event()
        assert name == "next", name
        assert "errors" not in told, told
        data: dict[str, Any] = told["data"]
        return data

    async def heartbeats(self, count: int) -> None:
        """Wait for so many."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._lines:
                count -= line == ":"
                if count == 0:
                    return


@contextlib.asynccontextmanager
async def streamed(address: str, token: str | None, query: str, **variables: Any) -> AsyncIterator[Events]:
    """The stream that an operation answers, of a session of beeline's cabinet."""
    headers = HEADERS | {"x-operator": "beeline"} | ({"authorization": f"Bearer {token}"} if token else {})
    async with (
        httpx2.AsyncClient(base_url=address, trust_env=False, timeout=PATIENCE_SECONDS) as client,
        client.stream("POST", "/graphql", json={"query": query, "variables": variables}, headers=headers) as response,
    ):
        # Held here: reading that is forgotten closes the stream.
        events = Events(response)
        yield events
