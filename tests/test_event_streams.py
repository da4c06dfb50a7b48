"""Server-sent events: what a socket tells, told over plain HTTP, to the same people and within the same limits."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette

from server import graphql_sse, http_protocol
from server.live import Hub
from server.settings import Settings
from tests import npm_peer
from tests.cabinet import Cabinet
from tests.edge import Port, serving
from tests.event_stream import HEADERS, streamed
from tests.sockets import tell
from tests.test_subscriptions import BALANCE, amount, line, sign_in, until

QUERY = "{ operator { name } }"
SIGN_OUT = "mutation { signOut(input: {}) { userErrors { code } } }"


@dataclass(frozen=True)
class Stage:
    """The application on a port of its own, somebody who is signed in to it, and that person's number."""

    port: Port
    hub: Hub
    pool: Any
    token: str
    line_id: str
    account: int
    database: Any

    @property
    def address(self) -> str:
        return self.port.address

    def subscription(self, *, close: bool = False) -> bytes:
        """The bytes of a request for balances."""
        body = json.dumps({"query": BALANCE, "variables": {"ids": [self.line_id]}}).encode()
        return (
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
            + f"X-Operator: beeline\r\nAuthorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n".encode()
            + (b"Connection: close\r\n\r\n" if close else b"\r\n")
            + body
        )

    async def is_still(self, tasks: set["asyncio.Task[Any]"], listening: int) -> None:
        """Wait until nothing is left of what was opened since there were these tasks, and so many to listen."""
        await until(lambda: self.hub.listening == listening and not self.hub._guards)
        await until(lambda: self.pool.get_idle_size() == self.pool.get_size())
        await until(lambda: asyncio.all_tasks() - tasks <= {asyncio.current_task()})


@pytest.fixture
async def stage(
    app: Starlette, cabinet: Cabinet, settings: Settings, database: Any, demo_people: dict[str, Any]
) -> AsyncIterator[Stage]:
    owner = demo_people["beeline"]["owner"]
    async with serving(app, settings) as port:
        token = await sign_in(port.address, owner)
        line_id, account = await line(database, owner["msisdn"])
        yield Stage(port, app.state.sockets.hub, app.state.pool, token, line_id, account, database)


async def test_a_balance_is_told_at_once_and_whenever_it_changes(stage: Stage) -> None:
    async with streamed(stage.address, stage.token, BALANCE, ids=[stage.line_id]) as events:
        headers = events.response.headers
        assert (events.response.status_code, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        before = amount(await events.next())
        await tell(stage.database, f"balance:{stage.account}")
        assert amount(await events.next()) == before


async def test_queries_and_refusals_are_events_too(stage: Stage) -> None:
    async with streamed(stage.address, None, QUERY) as events:
        assert (await events.next())["operator"]["name"]
        assert await events.event() == ("complete", None)
        assert await events.event() == ("", None)
    for query, code in (
        ("{ nothing }", "BAD_REQUEST"),
        ("{", "BAD_REQUEST"),
        ("", "BAD_REQUEST"),
        (BALANCE, "UNAUTHENTICATED"),
        ("{ " + "a: operator { id } " * 21 + "}", "DOCUMENT_TOO_COMPLEX"),
    ):
        async with streamed(stage.address, None, query) as events:
            name, told = await events.event()
            assert (name, told["errors"][0]["extensions"]["code"]) == ("next", code)
            assert "data" not in told
            assert await events.event() == ("complete", None)


async def test_what_is_no_request_is_answered_as_anywhere(cabinet: Cabinet) -> None:
    for content in (b"[]", b"{", b'{"query": 1}'):
        headers = HEADERS | {"content-type": "application/json"}
        response = await cabinet.http.post("/graphql", content=content, headers=headers)
        assert (response.status_code, response.headers["content-type"]) == (400, "application/json; charset=utf-8")
    assert (await cabinet.post(QUERY, accept="text/event-stream;q=0.5, application/json")).json()["data"]
    answer = await cabinet.post(BALANCE, accept="application/json")
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


async def test_a_session_has_ten_streams_at_most_and_may_open_another_when_one_ends(stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(10):
            events = await stack.enter_async_context(streamed(stage.address, stage.token, BALANCE, ids=[stage.line_id]))
            await events.next()
        async with streamed(stage.address, stage.token, QUERY) as refused:
            _, told = await refused.event()
            assert told["errors"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
            assert await refused.event() == ("complete", None)
        # A stream of nobody's is an ordinary query, which is not counted.
        async with streamed(stage.address, None, QUERY) as nobody:
            await nobody.next()
        await events.response.aclose()
        await until(lambda: sum(len(each) for each in stage.hub._guards.values()) == 9)
        async with streamed(stage.address, stage.token, QUERY) as taken:
            await taken.next()


async def test_the_stream_ends_with_its_session_and_signing_out_over_a_stream_is_answered(stage: Stage) -> None:
    async with streamed(stage.address, stage.token, BALANCE, ids=[stage.line_id]) as events:
        await events.next()
        async with streamed(stage.address, stage.token, SIGN_OUT) as leaving:
            assert (await leaving.next())["signOut"]["userErrors"] == []
            assert await leaving.event() == ("complete", None)
        # What happens afterwards is told to nobody.
        await tell(stage.database, f"balance:{stage.account}")
        name, told = await events.event()
        assert (name, told["errors"][0]["extensions"]["code"]) == ("next", "SESSION_EXPIRED")
        assert "balanceChanged" not in (told.get("data") or {})
        assert await events.event() == ("complete", None)


async def test_i8_a_line_that_may_not_be_seen_ends_in_silence(stage: Stage) -> None:
    for ids in (["?"], []):
        async with streamed(stage.address, stage.token, BALANCE, ids=ids) as events:
            assert await events.event() == ("complete", None)


@pytest.mark.parametrize("more", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_who_leaves_leaves_nothing_behind(stage: Stage, more: bytes) -> None:
    tasks, listening = asyncio.all_tasks(), stage.hub.listening
    for told in (True, False):
        # With another request behind it, uvicorn would tell the stream nothing.
        lines = [await stage.port.open() for _ in range(5)]
        for each in lines:
            await each.send(stage.subscription() + more)
            if told:
                await each.until(b"event: next")
            each.writer.transport.abort()
    await stage.is_still(tasks, listening)


async def test_silence_is_filled_with_comments(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_sse, "HEARTBEAT_SECONDS", 0.02)
    async with streamed(stage.address, stage.token, BALANCE, ids=[stage.line_id]) as events:
        await events.next()
        await events.heartbeats(5)
        await tell(stage.database, f"balance:{stage.account}")
        await events.next()


async def test_who_does_not_read_is_let_go(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    monkeypatch.setattr(graphql_sse, "_HEARTBEAT", b":" + b" " * 500_000 + b"\n\n")
    monkeypatch.setattr(graphql_sse, "HEARTBEAT_SECONDS", 0.01)
    tasks, listening = asyncio.all_tasks(), stage.hub.listening
    async with await stage.port.open() as slow:
        await slow.send(stage.subscription())
        await slow.until(b"event: next")
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await stage.is_still(tasks, listening)


async def test_a_server_that_stops_waits_for_no_stream(
    app: Starlette, cabinet: Cabinet, settings: Settings, demo_people: dict[str, Any], database: Any
) -> None:
    owner = demo_people["beeline"]["owner"]
    line_id, _ = await line(database, owner["msisdn"])
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(10), serving(app, settings) as port:
            token = await sign_in(port.address, owner)
            events = await stack.enter_async_context(streamed(port.address, token, BALANCE, ids=[line_id]))
            await events.next()
        # Without `complete`, so that the client comes again.
        assert await events.event() == ("", None)


async def test_the_client_of_other_people_s_making_understands_all_of_it(stage: Stage) -> None:
    operations = [
        {"name": "query", "query": QUERY},
        {"name": "broken", "query": "{ nothing }"},
        {"name": "lasting", "query": BALANCE, "variables": {"ids": [stage.line_id]}, "events": 1},
        {"name": "nothing to see", "query": BALANCE, "variables": {"ids": ["?"]}},
        {"name": "known", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
    ]
    headers = {"authorization": f"Bearer {stage.token}", "x-operator": "beeline"}
    folder = npm_peer.installed("sse")
    words = [str(npm_peer.node()), str(folder / "client.mjs"), f"{stage.address}/graphql"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*words, json.dumps(headers), json.dumps(operations)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = {each["name"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert told["query"]["answers"][0]["data"]["operator"]["name"]
    assert "Cannot query field" in told["broken"]["answers"][0]["errors"][0]["message"]
    assert told["lasting"]["answers"][0]["data"]["balanceChanged"]["id"] == stage.line_id
    assert told["nothing to see"]["answers"] == []
    assert told["known"]["answers"][0]["errors"][0]["message"] == "PersistedQueryNotFound"
    ends = {name: each["ended"] for name, each in told.items()}
    assert ends == dict.fromkeys(told, "by the server") | {"lasting": "by the client"}
