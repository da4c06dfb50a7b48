"""The application on a real port in this process, and clients that say to it exactly what they are told to."""

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette

from server.serve import transport_options
from server.settings import Settings

PATIENCE_SECONDS = 20
_HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


@dataclass(frozen=True)
class Port:
    """Where a server listens."""

    host: str
    port: int

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def open(self) -> "Line":
        """A new connection."""
        return Line(*await asyncio.open_connection(self.host, self.port))

    def handshake(self) -> bytes:
        """How a WebSocket begins."""
        key = base64.b64encode(os.urandom(16)).decode()
        return _HANDSHAKE.format(host=f"{self.host}:{self.port}", key=key).encode()

    async def said(self, request: bytes) -> bytes:
        """All that is answered to some bytes before the server closes."""
        async with await self.open() as line:
            await line.send(request)
            return await line.rest()

    async def socket(self, *frames: bytes) -> "tuple[int | None, bytes]":
        """The code that a WebSocket is closed with after some frames, and what was said; None: without a goodbye."""
        async with await self.open() as line:
            await line.handshake(self)
            await line.send(b"".join(frames))
            return await line.goodbye()


@dataclass(frozen=True)
class Line:
    """A connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        # Who was refused meanwhile need not hear the rest.
        with suppress(ConnectionError):
            await self.writer.drain()

    async def handshake(self, port: Port) -> None:
        """Make a WebSocket of it."""
        await self.send(port.handshake())
        accepted = await self.reader.readuntil(b"\r\n\r\n")
        assert accepted.startswith(b"HTTP/1.1 101 "), accepted

    async def until(self, *ends: bytes) -> bytes:
        """What comes, as far as something with all of these in it."""
        said = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not all(end in said for end in ends) and (more := await self.reader.read(65_536)):
                said += more
        return said

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            data = b""
            with suppress(ConnectionError):
                while more := await self.reader.read(65_536):
                    data += more
            return data

    async def goodbye(self) -> tuple[int | None, bytes]:
        """The code of the close frame that ends a WebSocket, and the frames before it."""
        said = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    first, second = await self.reader.readexactly(2)
                    length = second & 127
                    if length >= 126:
                        length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8))
                    payload = await self.reader.readexactly(length)
                    if first & 15 == 8:
                        return (int.from_bytes(payload[:2]) if payload else 1005), said
                    said += payload
            except (ConnectionError, asyncio.IncompleteReadError):
                return None, said


def frame(kind: int, payload: bytes, *, last: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A WebSocket frame as a client sends it; 1 is text, 2 binary, 8 close, 9 ping."""
    length = len(payload)
    mark = 128 if masked else 0
    head = bytes([last << 7 | reserved << 4 | kind])
    if length < 126:
        head += bytes([mark | length])
    elif length < 65_536:
        head += bytes([mark | 126]) + length.to_bytes(2)
    else:
        head += bytes([mark | 127]) + length.to_bytes(8)
    return head + (b"\0\0\0\0" if masked else b"") + payload


@asynccontextmanager
async def serving(app: Starlette, settings: Settings, **options: Any) -> AsyncIterator[Port]:
    """The application on a free port, with what development and production have in common."""
    configured = {**transport_options(settings), "loop": "none", **options}
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", **configured))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve([listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield Port(*listener.getsockname())
        server.should_exit = True
        await running
