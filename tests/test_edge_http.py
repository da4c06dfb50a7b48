"""The edge over HTTP: what hostile clients send is answered shortly, as JSON, and never with 5xx."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from domain.profile import Profile
from gateways.ledger_billing import LedgerBilling
from server import graphql_request, http_protocol
from server.app import create_app
from server.graphql_context import Contexts
from server.graphql_http import GraphQLEndpoint
from server.settings import Settings
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import NOBODY
from tests.edge import Port, serving
from tests.serving import SCHEMA

MODERN = "application/graphql-response+json"
QUERY = b'{"query": "{ operator { name } }"}'
POST = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def port(app: Starlette, settings: Settings) -> AsyncIterator[Port]:
    async with serving(app, settings) as opened:
        yield opened


@pytest.fixture
async def strict(app: Starlette, settings: Settings, profiles: Mapping[str, Profile]) -> AsyncIterator[Cabinet]:
    """The cabinet as production has it: no introspection; queries over GET are switched on."""
    told = settings.model_copy(
        update={"introspection": False, "get_queries": True, "allowed_origins": ("https://lk.example.ru",)}
    )
    application = create_app(told, profiles=profiles)
    contexts = Contexts(told, profiles, LedgerBilling(), app.state.pool, {}, NOBODY)
    application.state.graphql = GraphQLEndpoint(SCHEMA, contexts)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=application), base_url="http://127.0.0.1"
    ) as client:
        yield Cabinet(client)


async def send(cabinet: Cabinet, content: bytes, **headers: str) -> httpx2.Response:
    return await cabinet.http.post(
        "/graphql", content=content, headers={"content-type": "application/json", "accept": MODERN, **headers}
    )


@pytest.mark.parametrize(
    "content",
    [
        b'{"query": "{ operator { name } }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ operator { name } }", "query": "{ operator { id } }"}',
        b'{"query": "{ operator { name } }", "quer\\u0079": "{ operator { id } }"}',
        b'{"query": "{ operator { name } }", "variables": {"\\u0061": 1, "a": 2}}',
        b'{"query": "{ operator { name } }", "variables": {"a": [' + b"1," * 3000 + b"1]}}",
        b'{"query": "{ operator { name } }", "variables": {"a": ' + b"[" * 3000 + b"]" * 3000 + b"}}",
        gzip.compress(QUERY, mtime=0),
        QUERY.decode().encode("utf-16"),
    ],
)
async def test_bodies_that_mean_mischief_are_refused(cabinet: Cabinet, content: bytes) -> None:
    response = await send(cabinet, content)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "content",
    [
        b'{"query": "{ operator { name } }", "variables": {"a": "\\\\u0000"}}',
        b'{"query": "{ operator { name } }", "variables": {"query": "x", "variables": 1}}',
        b'{"query": "{ operator { n\\u0061me } }"}',
    ],
)
async def test_what_only_looks_like_mischief_is_answered(cabinet: Cabinet, content: bytes) -> None:
    assert (await send(cabinet, content)).json()["data"]["operator"]["name"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/form-data; boundary=x", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json, text/plain", 415),
        ("application/json; boundary=x", 415),
        ("", 415),
        ("Application/JSON; Charset=UTF-8", 200),
    ],
)
async def test_exactly_json_is_taken(cabinet: Cabinet, content_type: str, status: int) -> None:
    assert (await send(cabinet, QUERY, **{"content-type": content_type})).status_code == status


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        (f"{MODERN}, application/json", MODERN),
        (f"{MODERN};q=0.5, application/json", "application/json"),
        (f"{MODERN};q=0, */*;q=0.1", "application/json"),
        ("text/html, application/*;q=0.2", "application/json"),
        ("application/json;q=0", None),
        (f"{MODERN};q=nonsense", None),
    ],
)
async def test_the_answer_is_what_the_client_likes_best(cabinet: Cabinet, accept: str, media_type: str | None) -> None:
    response = await send(cabinet, QUERY, accept=accept)
    if media_type is None:
        assert response.status_code == 406
    else:
        assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


async def test_every_answer_has_the_headers_of_safety_and_errors_are_json(cabinet: Cabinet) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("PUT", "/graphql", 405),
        ("GET", "/graphql", 405),
        ("POST", "/graphql/", 404),
        ("POST", "/healthz", 405),
        ("GET", "/healthz", 200),
        ("GET", "/dev/inbox", 200),
    ):
        response = await cabinet.http.request(method, path)
        assert response.status_code == status, path
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in response.headers
        if status >= 400:
            assert response.json()["errors"][0]["extensions"]["code"] in ("NOT_FOUND", "METHOD_NOT_ALLOWED")
            assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "POST" in (await cabinet.http.put("/graphql")).headers["allow"]
    page = await cabinet.http.get("/dev/inbox", headers={"accept": "text/html"})
    assert "content-security-policy" not in page.headers


async def test_large_answers_of_queries_are_compressed_and_tokens_never(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    query = "{ __schema { types { name description } } }"
    packed = await cabinet.post(query, None, **{"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(packed.content) / 2
    for encoding in ("identity", "gzip;q=0", "br"):
        plain = await cabinet.post(query, None, **{"accept-encoding": encoding})
        assert "content-encoding" not in plain.headers
        assert plain.json()["data"] == packed.json()["data"]
        assert plain.headers["vary"] == "accept, accept-encoding"
    owner = demo_people["beeline"]["owner"]
    many = " ".join(f"s{i}: session {{ id current expiresAt accessLevel device }}" for i in range(20))
    sign_in = SIGN_IN.replace("mustChangePassword", f"mustChangePassword {many}")
    signed_in = await cabinet.of("beeline").post(
        sign_in, {"identifier": owner["msisdn"], "password": owner["password"]}, **{"accept-encoding": "gzip"}
    )
    assert len(signed_in.content) > 2_000
    assert "accessToken" in signed_in.json()["data"]["signInWithPassword"]
    assert "content-encoding" not in signed_in.headers


async def test_queries_by_get_where_they_are_switched_on(strict: Cabinet) -> None:
    async def get(**parameters: str) -> httpx2.Response:
        return await strict.http.get("/graphql", params=parameters, headers={"accept": MODERN})

    answered = await get(
        query="query A($n: Int) { tariffs(first: $n) { totalCount } } query B { operator { id } }",
        variables='{"n": 1}',
        operationName="A",
    )
    assert answered.json()["data"]["tariffs"]["totalCount"]
    refused = await get(query="mutation { signOut(input: {}) { userErrors { code } } }")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    for parameters in (
        {},
        {"query": "{"},
        {"query": "{ operator { id } }", "variables": "{"},
        {"query": "{ operator { id } }", "variables": "[]"},
        {"query": "{ operator { id } }", "extensions": "1"},
        {"query": "subscription { balanceChanged { id } }"},
    ):
        assert (await get(**parameters)).status_code in (400, 405), parameters
    twice = await strict.http.get("/graphql?query={operator{id}}&query={operator{name}}", headers={"accept": MODERN})
    assert twice.status_code == 400


async def test_nothing_tells_the_schema_where_introspection_is_off(strict: Cabinet) -> None:
    for query in ("{ __schema { types { name } } }", '{ a: __type(name: "Line") { fields { name } } }'):
        response = await strict.post(query)
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "INTROSPECTION_OFF"
    assert (await strict.data("{ __typename }"))["__typename"] == "Query"
    sign_in = "mutation ($i: SignInWithPasswordInput!) { signInWithPassword(input: $i) { accessToken } }"
    for query, variables in (
        ("{ operater { id } }", {}),
        ("{ operator(nme: 1) { id } }", {}),
        (sign_in, {"i": {"identifier": "1", "passwrd": "2"}}),
        (sign_in.replace("$i)", '{identifier: "1", passwrd: "2"})'), {}),
    ):
        text = (await strict.post(query, variables)).text
        assert "errors" in text
        assert "Did you mean" not in text
    long = (await strict.post("{ " + "x" * 14_000 + " }")).json()["errors"][0]["message"]
    assert len(long) <= 501


async def test_hints_are_given_where_introspection_is_on(cabinet: Cabinet) -> None:
    assert "Did you mean 'operator'" in (await cabinet.post("{ operater { id } }")).text
    assert (await cabinet.data("{ __schema { queryType { name } } }"))["__schema"]["queryType"]["name"] == "Query"


async def test_pages_of_other_origins_are_told_nothing(strict: Cabinet) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    told_nothing = (
        *("https://evil.example", "null", "https://lk.example.ru.evil.example", "https://evil.example/lk.example.ru"),
        *("http://lk.example.ru", "https://lk.example.ru:8443", "https://lk.example.ru, https://evil.example", "*"),
    )
    for origin, allowed in (("https://lk.example.ru", True), *((each, False) for each in told_nothing)):
        preflight = await strict.http.options("/graphql", headers={"origin": origin, **asked})
        answered = await send(strict, QUERY, origin=origin)
        for response in (preflight, answered):
            assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)


async def test_a_bug_in_a_route_is_json_too(settings: Settings, profiles: Mapping[str, Profile]) -> None:
    application = create_app(settings, profiles=profiles)  # its state was never set up
    transport = httpx2.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.post("/graphql", content=QUERY)
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert response.headers["x-frame-options"] == "DENY"


# Over a real port, for what no application sees.


def chunked(size: int) -> bytes:
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"%x\r\n" % size) + b" " * size + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"POST /graphql HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        (b"POST /graphql HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100_000, 431),
        (b"POST /" + b"a" * 100_000, 431),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST /graphql HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400),
        (chunked(150_000).replace(b"Host: x", b"Host: x\r\nConnection: close"), 413),
        (POST.replace(b"Host", b"Upgrade: websocket\r\nConnection: upgrade, close\r\nHost") + b"\r\n", 400),
    ],
)
async def test_what_is_not_a_request_is_refused_as_json(port: Port, request_: bytes, status: int) -> None:
    said = await port.said(request_)
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert orjson.loads(body)["errors"][0]["message"]
    assert b"\r\nserver:" not in head.lower()


@pytest.mark.parametrize(
    ("said", "more"), [(b"", b""), (b"P", b"O"), (POST, b"A"), (POST + b"A: b", b"b"), (b"GET /graph", b"q")]
)
async def test_who_is_slow_with_headers_is_let_go(
    port: Port, said: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(await port.open()) for _ in range(30)]
        for line in lines:
            await line.send(said)
            # Something more now and then does not help.
            asyncio.get_running_loop().call_later(0.1, line.writer.write, more)
        answers = await asyncio.gather(*(line.rest() for line in lines))
    assert all(answer.startswith(b"HTTP/1.1 408 " if said else b"") for answer in answers)


async def test_who_is_slow_with_a_second_request_is_let_go_too(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    async with await port.open() as line:
        await line.send(POST + b"Content-Length: %d\r\n\r\n" % len(QUERY) + QUERY + POST)
        said = await line.rest()
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in said


async def test_who_is_slow_with_a_body_is_let_go(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_request, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    async with await port.open() as line:
        await line.send(POST + b"Content-Length: 1000\r\n\r\n{")
        said = await line.rest()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"TIMEOUT"' in said


async def test_patience_is_not_lost_while_an_answer_is_made(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.1)
    answer = GraphQLEndpoint.answer

    async def slowly(self: GraphQLEndpoint, request: Any) -> Any:
        await asyncio.sleep(0.4)
        return await answer(self, request)

    monkeypatch.setattr(GraphQLEndpoint, "answer", slowly)
    one = POST + b"Content-Length: %d\r\n\r\n" % len(QUERY) + QUERY
    async with await port.open() as line:
        await line.send(one * 3)
        said = await line.rest()
    assert said.count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize(("proxies", "believed"), [((), False), (("10.0.0.0/8",), False), (("127.0.0.1",), True)])
async def test_only_named_proxies_say_who_calls(
    app: Starlette, settings: Settings, proxies: tuple[str, ...], believed: bool
) -> None:
    async with serving(app, settings.model_copy(update={"trusted_proxies": proxies})) as port:
        async with httpx2.AsyncClient(base_url=port.address, trust_env=False) as client:
            response = await client.get("/healthz", headers={"x-forwarded-proto": "https"})
        assert ("strict-transport-security" in response.headers) is believed
        assert "server" not in response.headers


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "query": st.sampled_from(["{ operator { id } }", "query A($a: ID!) { node(id: $a) { id } }"])
        | st.text()
        | JSON,
        "variables": st.dictionaries(st.sampled_from(["a", "b"]), JSON) | JSON,
        "operationName": st.sampled_from(["A", "B"]) | JSON,
        "extensions": JSON,
    },
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda value: repr(value).encode(errors="replace"))
    | REQUESTS.map(lambda body: json.dumps(body).encode())
)


@given(bodies=st.lists(BODIES, min_size=10, max_size=10))
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_body_gives_5xx(cabinet: Cabinet, bodies: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        for body in bodies:
            response = await send(cabinet, body)
            assert response.status_code in (200, 400), (body, response.text)
            assert "Something went wrong" not in response.text
            assert response.json().keys() <= {"data", "errors", "extensions"}
    assert not caplog.records
