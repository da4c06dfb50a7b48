"""The edge over WebSocket: whatever a client sends, it reads why it is let go, and nothing is logged as our error."""

import asyncio
import logging
from collections.abc import AsyncIterator

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from server import ws_protocol
from server.graphql_ws import LARGEST_MESSAGE
from server.settings import Settings
from tests.edge import Port, frame, serving

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
BYE = frame(CLOSE, (1000).to_bytes(2))


@pytest.fixture
async def port(app: Starlette, settings: Settings) -> AsyncIterator[Port]:
    async with serving(app, settings) as opened:
        yield opened


def text(message: object) -> bytes:
    return frame(TEXT, orjson.dumps(message))


INIT = text({"type": "connection_init"})


def operation(query: str, name: str = "1", **payload: object) -> bytes:
    return text({"id": name, "type": "subscribe", "payload": {"query": query, **payload}})


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (INIT + frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),
        (frame(TEXT, b"{}", masked=False), 1002),
        (frame(TEXT, b"{}", reserved=4), 1002),
        (frame(3, b"x"), 1002),
        (frame(11, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", last=False), 1002),
        (frame(TEXT, b"{", last=False) + frame(TEXT, b"}"), 1002),
        (frame(CLOSE, b"x"), 1002),
        (frame(CLOSE, (999).to_bytes(2)), 1002),
        (INIT + frame(TEXT, b" " * (LARGEST_MESSAGE + 1)), 1009),
        (frame(TEXT, b" " * 5_000_000), 1009),
        (frame(TEXT, b" " * 40_000, last=False) + frame(0, b" " * 40_000), 1009),
        (frame(TEXT, b"")[:1] + b"\xff" + (2**62).to_bytes(8) + b"mask", 1009),
        (frame(TEXT, b"{", last=False) + frame(0, b"", last=False) * 5_000 + frame(0, b"}"), 4400),
        (INIT + frame(BINARY, b"{}"), 4400),
        (INIT + frame(TEXT, b"[" * 60_000), 4400),
        (INIT + frame(TEXT, b'{"type":"subscribe","id":"\\ud800","payload":{"query":"{viewer{id}}"}}'), 4400),
        (INIT + operation("{ viewer { id } }", variables={"a": [1] * 3_000}), 4400),
        (INIT + operation("{ viewer { id } }", variables=[]), 4400),
        (INIT + operation("{ viewer { id } }", operationName=1), 4400),
        (INIT + operation(" " * 15_001), 4400),
        (INIT + operation("{ viewer { id } }", name=""), 4400),
        (INIT + operation("{ viewer { id } }", name="x" * 129), 4400),
        (INIT + text({"type": "subscribe", "id": "1"}), 4400),
        (INIT + text({"type": "complete"}), 4400),
        (INIT + text({"type": 1}), 4400),
        (INIT + text({"type": "ping", "payload": 1}), 4400),
        (text({"type": "connection_init", "payload": []}), 4400),
        (text({"type": "connection_init", "payload": {"operator": 1}}), 4400),
        (text({"type": "connection_init", "payload": {"operator": "vodafone"}}), 4400),
        (text({"type": "connection_ack"}), 4400),
        (operation("{ viewer { id } }"), 4401),
        (INIT + INIT, 4429),
        (BYE, 1000),
    ],
)
async def test_every_breach_closes_with_its_code(
    port: Port, frames: bytes, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert (await port.socket(frames))[0] == code
    assert not caplog.records


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{", b"Syntax Error"),
        ("", b"is missing a"),
        ("{ nothing }", b"Cannot query field"),
        ("{ " + "a: operator { id } " * 21 + "}", b"DOCUMENT_TOO_COMPLEX"),
        ("mutation { a: signOut(input: {}) { __typename } b: signOut(input: {}) { __typename } }", b"one mutation"),
        ("{ viewer { ...A } } fragment A on Viewer { ...A }", b"may not spread itself"),
        ("query A { operator { id } } query B { operator { id } }", b"`operationName`"),
    ],
)
async def test_documents_are_refused_as_over_http(port: Port, query: str, message: bytes) -> None:
    code, said = await conversation(port, operation(query), refused=True)
    assert code == 1000
    assert message in said
    assert b'"code":' in said


async def conversation(port: Port, frames: bytes, *, refused: bool = False) -> tuple[int | None, bytes]:
    """What is said until the last operation is answered, and perhaps one refused."""
    async with await port.open() as line:
        await line.handshake(port)
        await line.send(INIT + frames)
        said = await line.until(b'"type":"error"') if refused else b""
        await line.send(operation("{ viewer { id } }", name="last"))
        said += await line.until(b'{"id":"last","type":"complete"}')
        await line.send(BYE)
        return (await line.goodbye())[0], said


@pytest.mark.parametrize(
    "change",
    [
        (b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Kay: "),
        (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 12"),
        (b"Sec-WebSocket-Protocol: graphql-transport-ws", b"Sec-WebSocket-Protocol: graphql-ws"),
        (b"GET /graphql", b"POST /graphql"),
        (b"GET /graphql", b"GET /nothing"),
        (b"Host:", b"Origin: https://evil.example\r\nHost:"),
        (b"Host:", b"Origin: http://[\r\nHost:"),
        (b"Host:", b"Origin: null\r\nHost:"),
        (b"Host:", b"Origin: http://127.0.0.1\r\nHost:"),
        (b"Host:", b"A: " + b"b" * 9_000 + b"\r\nHost:"),
        (b"Host:", b"\xff\xfe: \xff\r\nHost:"),
        (b"Host:", b"A: b\r\n" * 101 + b"Host:"),
    ],
)
async def test_handshakes_that_are_wrong_are_answered(
    port: Port, change: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        async with await port.open() as line:
            await line.send(port.handshake().replace(*change).replace(b"Upgrade\r\n", b"Upgrade, close\r\n"))
            said = await line.rest()
    assert said[:10] == b"HTTP/1.1 4", said
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"\r\nserver:" not in head.lower()
    assert b"content-type: application/json" in head.lower()
    assert f"content-length: {len(body)}".encode() in head.lower()
    [error] = orjson.loads(body)["errors"]
    assert error["message"]
    assert not caplog.records


FRAMES = st.one_of(
    st.builds(
        frame,
        st.integers(0, 15),
        st.binary(max_size=130),
        last=st.booleans(),
        masked=st.booleans(),
        reserved=st.sampled_from([0, 0, 0, 1, 4]),
    ),
    st.builds(
        lambda kind, name, payload: text({"type": kind, "id": name, "payload": payload}),
        st.sampled_from(["connection_init", "subscribe", "complete", "ping", "pong", "next", ""]),
        st.sampled_from(["1", "2", "", None, 1]),
        st.none()
        | st.dictionaries(
            st.sampled_from(["query", "variables", "operator"]),
            st.sampled_from(["{ operator { id } }", "{", "beeline", 1, None, {}, []]),
        ),
    ),
    st.binary(max_size=40),
)


@given(conversations=st.lists(st.lists(FRAMES, min_size=1, max_size=6), min_size=5, max_size=5), greeted=st.booleans())
@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_frames_end_without_a_goodbye(
    port: Port, conversations: list[list[bytes]], greeted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    # A frame that promises more than comes is waited for; enough of anything makes it whole, and then wrong.
    filler = BYE + b"\xff" * (LARGEST_MESSAGE + 20)
    with caplog.at_level(logging.ERROR):
        closed = await asyncio.gather(
            *(port.socket(INIT if greeted else b"", *frames, filler) for frames in conversations)
        )
    assert all(code is not None for code, _ in closed)
    assert not caplog.records


async def test_who_does_not_leave_after_a_goodbye_is_shown_out(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws_protocol, "FAREWELL_SECONDS", 0.1)
    async with await port.open() as line:
        await line.handshake(port)
        await line.send(frame(3, b"x"))
        assert (await line.goodbye())[0] == 1002
        for _ in range(500):
            if line.writer.is_closing():
                break
            line.writer.write(frame(TEXT, b"still here"))
            await asyncio.sleep(0.02)
        assert line.writer.is_closing()
