"""As much of an HTTP client as the load needs, and quick: the machine's time is for those that are tried."""

import asyncio
from typing import Any

import orjson

# What a connection can suffer when the other end is killed, or never answers.
LOST = (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError)

_SECONDS = 20.0


class Http:
    """One connection to a port of 127.0.0.1, opened anew after it broke."""

    under_way: set[int] = set()  # noqa: RUF012 - one set for all, which the killer looks at
    """The local ports of the connections on which something is asked that moves money."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self._port = port
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def post(self, path: str, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
        """The status and the body of the answer. Raises one of `LOST` where there is none: who knows what was done?"""
        request = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\n"
            f"content-length: {len(body)}\r\n{self._headers}\r\n"
        ).encode() + body
        port = 0
        try:
            async with self._turn, asyncio.timeout(_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                port = writer.get_extra_info("sockname")[1]
                self.under_way.add(port)
                writer.write(request)
                return await self._answer(reader)
        except BaseException:
            self.close()
            raise
        finally:
            self.under_way.discard(port)

    async def json(self, path: str, told: object) -> Any:
        """What is answered with a 2xx; any other status is as if there had been no answer."""
        status, body = await self.post(path, orjson.dumps(told))
        if not 200 <= status < 300:
            raise ConnectionError(f"{path} answers {status}")
        return orjson.loads(body) if body else None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status, headers = int(head[0].split()[1]), {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, body
