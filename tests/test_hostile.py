"""A hostile client, on a real port: what the other suites of the edge do not try yet. Nothing of it may get through."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from server import ws_protocol
from server.settings import Settings
from server.ws_protocol import GuardedSocket
from tests.cabinet import Cabinet
from tests.edge import PATIENCE_SECONDS, Line, Port, frame, serving
from tests.test_edge_sockets import INIT, PING, TEXT

BODY = b'{"query": "{ operator { name } }"}'
CHUNKED = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
NODE = b'{"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": %s}}'


@pytest.fixture(scope="module")
async def port(app: Starlette, settings: Settings) -> AsyncIterator[Port]:
    async with serving(app, settings) as opened:
        yield opened


def post(*headers: bytes, body: bytes = BODY, path: bytes = b"/graphql", host: bytes = b"Host: x\r\n") -> bytes:
    more = b"".join(header + b"\r\n" for header in headers)
    length = b"Content-Length: %d\r\n" % len(body)
    start = b"POST " + path + b" HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nConnection: close\r\n"
    return start + length + more + b"\r\n" + body


def get(path: bytes, *, method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        # Whom two servers on the way might take for two.
        (post(host=b""), 400),
        (post(b"Host: y"), 400),
        (post(b"X-Request-Id: abcdefgh\r\n Set-Cookie: a"), 400),
        (post(b"X-Request-Id: abcdefgh\x0bxx"), 400),
        (post().replace(b"\r\n", b"\n"), 400),
        (post(b"Transfer-Encoding : chunked"), 400),
        (post(b"Transfer-Encoding: xchunked"), 400),
        (post(b"Transfer-Encoding: chunked, identity"), 400),
        (post().replace(b"Content-Length: ", b"Content-Length: +"), 400),
        (post().replace(b"Content-Length: ", b"Content-Length: " + b"9" * 30), 400),
        (CHUNKED + b"f" * 17 + b"\r\n", 400),
        (CHUNKED + b"-1\r\n", 400),
        (CHUNKED + b"1;" + b"a" * 200_000, 431),
        (post(b"Content-Type: text/plain"), 415),
        (post(b"Content-Encoding: identity", b"Content-Encoding: gzip"), 415),
        # Other protocols, methods and places.
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (post().replace(b"HTTP/1.1", b"HTTP/1.9"), 400),
        (get(b"evil.example:443", method=b"CONNECT"), 400),
        (get(b"/graphql", method=b"TRACE"), 405),
        (get(b"*", method=b"OPTIONS"), 404),
        (get(b"//evil.example/graphiql"), 404),
        (post(path=b"/graphql%00"), 404),
        (get(b"/graphiql/../../etc/passwd"), 404),
        (get(b"/graphiql/%2e%2e/%2e%2e/pyproject.toml"), 404),
        (get(b"/graphiql/.stamp"), 404),
        (get(b"/graphiql/%00"), 404),
        (get(b"/graphiql/" + b"a" * 5_000), 404),
        # What only looks like words.
        (post(b"X-Operator: \xff\xfe"), 400),
        (post(b"Accept: " + b"," * 60_000), 406),
        (post(body=b"\xef\xbb\xbf" + BODY), 400),
        (post(b"Accept: application/graphql-response+json", body=NODE % (b"[" * 900 + b"]" * 900)), 400),
        (post(b"Accept: application/graphql-response+json", body=NODE % (b'{"a":' * 900 + b"1" + b"}" * 900)), 400),
        (post(b"Upgrade: h2c", b"Connection: upgrade, HTTP2-Settings"), 400),
    ],
)
async def test_it_is_refused_as_json(port: Port, request_: bytes, status: int) -> None:
    head, _, body = (await port.said(request_)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert orjson.loads(body)["errors"][0]["message"]


@pytest.mark.parametrize(
    "header",
    [
        b"X-Request-Id: abcdefgh%0d%0aSet-Cookie:%20evil=1",
        b"X-Request-Id: " + b"evil" * 2_000,
        b"traceparent: 00-evil-evil-01",
        b"traceparent: \xff",
        b"tracestate: evil=\xff,=,",
        b"Authorization: Bearer evil" + b"x" * 60_000,
        b"Authorization: Bearer \xff\xfe",
        b"Cookie: " + b"; ".join(b"evil%d=evil" % number for number in range(3_000)),
        b'Cookie: hearth_beeline="\\777\\8; =;;;\xff=\xff',
        b"Accept-Encoding: " + b"gzip;q=0.5," * 5_000,
        b"User-Agent: evil\xff\xfe",
        b"Expect: evil",
        b"X-Forwarded-For: evil",
        b"X-Forwarded-Host: evil.example",
        b"X-HTTP-Method-Override: DELETE",
    ],
)
async def test_it_is_answered_and_nothing_of_it_comes_back(port: Port, header: bytes) -> None:
    said = await port.said(post(header))
    assert said.startswith(b"HTTP/1.1 200 "), said
    assert b'"name"' in said
    assert b"evil" not in said
    assert b"set-cookie" not in said.lower()


async def test_a_redirect_leads_to_no_host_that_the_caller_names(port: Port) -> None:
    for path in (b"/graphiql", b"/"):
        said = await port.said(get(path))
        assert b"\r\nlocation: /graphiql/\r\n" in said
        assert b"evil" not in said


async def test_no_route_breaks_over_a_body(app: Starlette, cabinet: Cabinet) -> None:
    paths = {route.path.replace("{path:path}", "x") for route in app.routes}  # type: ignore[attr-defined]
    assert len(paths) > 10
    bodies = (
        b"",
        b"[",
        b"1",
        b"null",
        b"\xff",
        b'{"a":"\\u0000"}',
        b"operator=beeline&from=%00&to=%ff",
        b"x" * 101_000,
    )
    for path in paths:
        for method in ("GET", "POST", "PUT"):
            for body in bodies if method == "POST" else bodies[:1]:
                form = {"content-type": "application/x-www-form-urlencoded"}
                for headers in ({"content-type": "application/json"}, form):
                    answer = await cabinet.http.request(method, path, content=body, headers=headers)
                    assert answer.status_code < 500, (method, path, body[:40])


@pytest.mark.parametrize(
    ("proxies", "forwarded", "believed"),
    [
        ((), "198.51.100.1", "127.0.0.1"),
        (("10.0.0.0/8",), "198.51.100.1", "127.0.0.1"),
        (("127.0.0.1",), "198.51.100.1", "198.51.100.1"),
        # What a caller says of itself stands before what the proxy adds.
        (("127.0.0.1",), "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (("127.0.0.1",), "127.0.0.1, 203.0.113.7", "203.0.113.7"),
        (("127.0.0.1", "10.0.0.0/8"), "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        (("127.0.0.1",), "evil, 203.0.113.7:5678", "203.0.113.7"),
    ],
)
async def test_an_address_is_believed_as_far_as_proxies_are_trusted(
    settings: Settings, proxies: tuple[str, ...], forwarded: str, believed: str
) -> None:
    async def whose(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(scope["client"][0])(scope, receive, send)

    async with serving(whose, settings.model_copy(update={"trusted_proxies": proxies})) as there:  # type: ignore[arg-type]
        said = await there.said(post(b"X-Forwarded-For: " + forwarded.encode()))
    assert said.rpartition(b"\r\n")[2] == believed.encode()


# Sockets, and connections that are not what they seem


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[GuardedSocket]:
    """The server's side of each socket."""
    made: list[GuardedSocket] = []

    class Noted(GuardedSocket):
        def connection_made(self, transport: Any) -> None:
            made.append(self)
            super().connection_made(transport)

    monkeypatch.setattr("server.serve.GuardedSocket", Noted)
    return made


async def until_lost(socket: GuardedSocket) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not socket.disconnected:  # noqa: ASYNC110 - the protocol has no event for it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("said", [b"", b"POST /gra", post()[:-5], CHUNKED + b"5\r\n{"])
async def test_a_connection_that_is_half_closed_is_let_go(port: Port, said: bytes) -> None:
    async with await port.open() as line:
        await line.send(said)
        line.writer.write_eof()
        await line.rest()


@pytest.mark.parametrize("more", [b"", b"\x81", INIT, INIT[:-3]])
async def test_a_socket_that_is_half_closed_is_let_go(
    app: Starlette, settings: Settings, sockets: list[GuardedSocket], more: bytes
) -> None:
    async with serving(app, settings) as there, await there.open() as line:
        await line.handshake(there)
        await line.send(more)
        line.writer.write_eof()
        await line.rest()
        await until_lost(sockets[0])
        assert not sockets[0].tasks


@pytest.mark.parametrize("between", [b"", frame(TEXT, b'{"type":"pong"}')])
async def test_who_floods_with_pings_and_reads_no_pong_fills_no_memory(
    app: Starlette, settings: Settings, sockets: list[GuardedSocket], between: bytes
) -> None:
    flood = frame(PING, b"x" * 125) * 500 + between
    async with serving(app, settings) as there, await there.open() as line:
        await line.handshake(there)
        await line.send(INIT)
        await line.until(b"connection_ack")
        line.reader._transport.pause_reading()  # type: ignore[attr-defined]
        server = sockets[0]
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Until the server reads no more: the buffers of the system take some megabytes first.
            while server.writable.is_set() or server.transport.is_reading():
                await pour(line, flood)
        for _ in range(20):
            await pour(line, flood)
        assert server.transport.get_write_buffer_size() < 2**20
        # Who reads again is listened to again.
        line.reader._transport.resume_reading()  # type: ignore[attr-defined]
        reading = asyncio.create_task(line.until(b'"type":"pong"'))
        await line.send(frame(TEXT, b'{"type":"ping"}'))
        await reading
        line.writer.transport.abort()
        await until_lost(server)


async def pour(line: Line, data: bytes) -> None:
    """Send some more, if there is room for it."""
    if line.writer.transport.get_write_buffer_size() < 2**20:
        line.writer.write(data)
    await asyncio.sleep(0.001)


async def test_a_message_of_endless_empty_parts_is_not_kept(
    app: Starlette, settings: Settings, sockets: list[GuardedSocket]
) -> None:
    async with serving(app, settings) as there, await there.open() as line:
        await line.handshake(there)
        await line.send(
            frame(TEXT, b'{"type":', last=False) + frame(0, b"", last=False) * 20_000 + frame(PING, b"seen")
        )
        await line.until(b"seen")
        assert len(sockets[0].frames) == 1
        await line.send(frame(0, b'"connection_init"', last=False) + frame(0, b"}"))
        await line.until(b"connection_ack")


async def test_who_reads_nothing_for_long_keeps_no_socket(
    app: Starlette, settings: Settings, sockets: list[GuardedSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws_protocol, "FAREWELL_SECONDS", 0.1)
    async with serving(app, settings, ws_ping_interval=0.1, ws_ping_timeout=0.1) as there, await there.open() as line:
        await line.handshake(there)
        # More than the buffers of the system take, so that a close would wait for ever to be read.
        sockets[0].transport.write(frame(TEXT, b"x" * 60_000, masked=False) * 200)
        assert sockets[0].transport.get_write_buffer_size()
        await until_lost(sockets[0])


async def test_a_handshake_is_no_way_into_the_log(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    handshake = port.handshake().replace(b"/graphql", b"/graphql?token=evil")
    with caplog.at_level(logging.INFO), capture_logs() as lines:
        async with await port.open() as line:
            await line.send(handshake)
            await line.until(b"HTTP/1.1 101 ", b"\r\n\r\n")
        for change in ((b"Host:", b"Origin: https://evil.example\r\nHost:"), (b"/graphql", b"/evil")):
            async with await port.open() as line:
                await line.send(handshake.replace(*change, 1))
                await line.rest()
    assert "evil" not in caplog.text
    assert [(each["event"], each["route"], each["status"]) for each in lines] == [
        ("handshake", "/graphql", 403),
        ("handshake", "/{path:path}", 404),
    ]
