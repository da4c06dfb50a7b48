"""Limits of rate: what is counted, for whom, what is told of it, and that a read writes nothing for it."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from server import rate_limit
from server.app import create_app
from server.graphql_context import Contexts
from server.graphql_http import GraphQLEndpoint
from server.graphql_stream import Streams
from server.graphql_ws import GraphQLSockets
from server.live import Hub
from server.rate_limit import WINDOW_SECONDS, Buckets, RateLimits, network_of
from server.settings import Settings
from tests.cabinet import Cabinet
from tests.conftest import NOBODY
from tests.edge import Port, serving
from tests.serving import SCHEMA
from tests.session import open_session
from tests.sockets import opened

QUERY = "{ operator { name } }"
STRANGER = "203.0.113.7"
OFFER: dict[str, Any] = {"subprotocols": [Subprotocol("graphql-transport-ws")], "proxy": None}
WIDGET = """
mutation Make($input: CreateWidgetTokenInput!) {
  createWidgetToken(input: $input) { userErrors { code ... on RateLimited { retryAt } } }
}
"""


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 200), st.lists(st.floats(0, 30), min_size=1, max_size=300))
def test_no_more_is_let_in_than_the_bucket_holds_and_what_flows_in(most: int, pauses: list[float]) -> None:
    clock = Clock()
    buckets, let_in = Buckets("session", most, clock), 0
    for pause in pauses:
        clock.now += pause
        admission = buckets.take(b"one")
        let_in += admission.is_allowed
        assert let_in <= most + (clock.now - 1000.0) * most / WINDOW_SECONDS + 1e-3
        if not admission.is_allowed:
            assert 1 <= admission.wait_seconds <= WINDOW_SECONDS
            clock.now += admission.wait_seconds
            assert buckets.take(b"one").is_allowed, "after the time that was told"
            let_in += 1


def test_a_burst_is_taken_whole_and_counted_down() -> None:
    buckets = Buckets("session", 5, Clock())
    told = [buckets.take(b"one") for _ in range(7)]
    assert [each.left for each in told] == [4, 3, 2, 1, 0, 0, 0]
    assert [each.is_allowed for each in told] == [True] * 5 + [False] * 2
    assert buckets.take(b"two").is_allowed


def test_what_is_known_of_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_KNOWN", 100)
    buckets = Buckets("network", 2, Clock())
    for number in range(1000):
        buckets.take(number.to_bytes(2))
    assert len(buckets) == 100


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
    ],
)
def test_ipv6_is_counted_by_the_network_that_one_customer_has(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


@given(st.ip_addresses())
def test_every_address_but_this_machines_is_counted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert (network_of(str(address)) is None) is address.is_loopback


def test_invented_tokens_are_counted_for_the_network_that_they_come_from() -> None:
    rates = RateLimits(per_session=10, per_network=3)
    told = [rates.admit(f"invented {number}", STRANGER) for number in range(5)]
    assert [each.is_allowed for each in told if each] == [True] * 3 + [False] * 2
    rates.recognise("true", None)
    assert (again := rates.admit("true", STRANGER)) is not None
    assert (again.is_allowed, again.policy, again.left) == (True, "session", 8), "a session has its own"


@pytest.fixture
def strict(
    app: Starlette, settings: Settings, profiles: Mapping[str, Profile]
) -> Callable[..., tuple[Starlette, Contexts]]:
    """The application as one that lets few in."""

    def made(per_session: int, per_network: int, **more: int) -> tuple[Starlette, Contexts]:
        few = {"requests_per_session": per_session, "requests_per_network": per_network, **more}
        told = settings.model_copy(update=few)
        application = create_app(told, profiles=profiles)
        contexts = Contexts(told, profiles, LedgerBilling(), app.state.pool, {}, NOBODY)
        application.state.graphql = GraphQLEndpoint(SCHEMA, contexts)
        application.state.sockets = GraphQLSockets(Streams(SCHEMA, contexts, Hub(told.dsn, at_once=2)))
        return application, contexts

    return made


@pytest.fixture
async def stranger(strict: Callable[..., tuple[Starlette, Contexts]]) -> AsyncIterator[Cabinet]:
    """Somebody from far away, whose network may ask three times a minute, and a session twice."""
    application, _ = strict(2, 3)
    transport = httpx2.ASGITransport(app=application, client=(STRANGER, 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield Cabinet(client)


async def test_over_the_limit_of_a_network_is_429_with_the_time_to_wait(stranger: Cabinet) -> None:
    answers = [await stranger.post(QUERY) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"network";q=3;w=60'
    assert answers[0].headers["ratelimit"] == '"network";r=2;t=20'
    refused = answers[3]
    [error] = refused.json()["errors"]
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 20}
    assert "data" not in refused.json()
    assert (refused.headers["retry-after"], refused.headers["ratelimit"]) == ("20", '"network";r=0;t=20')
    assert refused.headers["content-type"].startswith("application/graphql-response+json")


async def test_a_session_has_a_limit_of_its_own_and_a_read_writes_nothing(
    stranger: Cabinet, shared_database: str, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = demo_people["tele2"]["owner"]
    first, second = [await open_session(shared_database, "tele2", owner["login"]) for _ in range(2)]
    before = await database.fetchval("select sum(count) from counter")
    answers = [await stranger.of("tele2", first).post(QUERY) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit"] == '"session";r=1;t=30'
    assert (await stranger.of("tele2", second).post(QUERY)).status_code == 200, "somebody else's is another"
    assert await database.fetchval("select sum(count) from counter") == before
    await database.execute("truncate session")


async def test_the_tightest_limit_of_what_is_sensitive_is_told(
    cabinet: Cabinet, demo_people: dict[str, Any], shared_database: str
) -> None:
    owner = demo_people["beeline"]["owner"]
    token = await open_session(shared_database, "beeline", owner["login"])
    lines = await cabinet.of("beeline", token).data("{ viewer { linkedNumbers { edges { node { id isOwn } } } } }")
    line = lines["viewer"]["linkedNumbers"]["edges"][0]["node"]["id"]
    wanted = {"input": {"lineId": line}}
    answer = await cabinet.of("beeline", token).post(WIDGET, wanted)
    assert answer.json()["data"]["createWidgetToken"]["userErrors"] == []
    policies, limits = (answer.headers[name].split(", ") for name in ("ratelimit-policy", "ratelimit"))
    assert policies[0].startswith('"session";q=')
    name, quota, window = policies[1].split(";")
    most = int(quota.removeprefix("q="))
    assert (name, window) == ('"widget"', "w=86400")
    assert limits[1].split(";")[:2] == ['"widget"', f"r={most - 1}"]
    reset = int(limits[1].rpartition("t=")[2])
    assert 86_390 <= reset <= 86_400


async def test_how_often_others_asked_is_told_only_to_whom_it_stops(
    cabinet: Cabinet, profiles: Mapping[str, Profile]
) -> None:
    """What is left of a number's codes would tell a stranger that somebody signs in with it."""
    ask = """
mutation Ask($input: RequestTemporaryPasswordInput!) {
  requestTemporaryPassword(input: $input) { userErrors { code ... on RateLimited { retryAt } } }
}
"""
    most = profiles["beeline"].auth.otp.max_sms_per_number_per_hour
    wanted = {"input": {"identifier": "+79031234599"}}
    answers = [await cabinet.of("beeline").post(ask, wanted) for _ in range(most + 1)]
    assert not any("ratelimit" in each.headers for each in answers[:-1])
    assert answers[-1].json()["data"]["requestTemporaryPassword"]["userErrors"][0]["code"] == "RATE_LIMITED"
    assert answers[-1].headers["ratelimit"].startswith('"sms";r=0;t=')


async def test_over_a_socket_operations_are_counted_like_requests(
    strict: Callable[..., tuple[Starlette, Contexts]],
    settings: Settings,
    shared_database: str,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    application, _ = strict(3, 3)
    token = await open_session(shared_database, "tele2", demo_people["tele2"]["owner"]["login"])
    async with serving(application, settings) as port, opened(port.address) as socket:
        await socket.init(operator="tele2", authorization=f"Bearer {token}")
        for name in "ab":
            await socket.answer(name, QUERY)
        await socket.subscribe("c", QUERY)
        told = await socket.receive()
        assert (told["id"], told["type"]) == ("c", "error")
        assert told["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 20}
    await database.execute("truncate session")


async def test_a_network_over_its_limit_opens_no_sockets(
    strict: Callable[..., tuple[Starlette, Contexts]], settings: Settings
) -> None:
    application, contexts = strict(3, 1)
    contexts.rates.admit(None, STRANGER)
    behind = settings.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
    async with serving(application, behind) as port:
        handshake = port.handshake().replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: {STRANGER}\r\n\r\n".encode())
        async with await port.open() as line:
            await line.send(handshake)
            said = await line.until(b"RATE_LIMITED")
    assert said.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 60" in said.lower()


async def test_a_network_has_so_many_sockets_and_gets_a_place_when_one_closes(
    strict: Callable[..., tuple[Starlette, Contexts]], settings: Settings
) -> None:
    application, _ = strict(100, 100, sockets_per_network=2)
    behind = settings.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
    here, neighbour = {"X-Forwarded-For": STRANGER}, {"X-Forwarded-For": "203.0.113.8"}
    async with serving(application, behind) as port, opened(port.address, headers=here):
        async with opened(port.address, headers=here):
            # The third, with or without saying who one is.
            with pytest.raises(InvalidStatus) as refused:
                await connect(port.address.replace("http", "ws") + "/graphql", **OFFER, additional_headers=here)
            answer = refused.value.response
            assert answer.status_code == 429
            assert orjson.loads(answer.body)["errors"][0] == {
                "message": "At most 2 sockets at once from a network",
                "extensions": {"code": "TOO_MANY_SOCKETS"},
            }
            async with opened(port.address, headers=neighbour) as other:
                await other.init(operator="tele2")
        await _until_admitted(port, here)


async def test_a_user_has_so_many_sockets_whatever_the_session(
    strict: Callable[..., tuple[Starlette, Contexts]],
    settings: Settings,
    shared_database: str,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    application, _ = strict(100, 100, sockets_per_user=2)
    login = demo_people["tele2"]["owner"]["login"]
    tokens = [await open_session(shared_database, "tele2", login) for _ in range(3)]
    own = [{"operator": "tele2", "authorization": f"Bearer {token}"} for token in tokens]
    async with serving(application, settings) as port, opened(port.address) as first, opened(port.address) as second:
        await first.init(**own[0])
        await second.init(**own[1])
        async with opened(port.address) as third, opened(port.address) as stranger:
            await third.send({"type": "connection_init", "payload": own[2]})
            assert await third.closed() == (1013, [])
            assert third.connection.close_reason == "At most 2 sockets at once for a user"
            # Who says nothing of themselves is not counted for anybody.
            await stranger.init(operator="tele2")
            await first.answer("1", QUERY)
        await second.connection.close()
        async with asyncio.timeout(10):
            while True:
                async with opened(port.address) as again:
                    await again.send({"type": "connection_init", "payload": own[2]})
                    with suppress(ConnectionClosed):
                        assert await again.receive() == {"type": "connection_ack"}
                        break
    await database.execute("truncate session")


async def _until_admitted(port: Port, headers: dict[str, str]) -> None:
    """Open a socket, as soon as the server has noticed that another is closed."""
    async with asyncio.timeout(10):
        while True:
            with suppress(InvalidStatus):
                async with opened(port.address, headers=headers) as again:
                    await again.init(operator="tele2")
                    return
