"""GraphQL over HTTP: every wrong request has a clear answer, and none shows what is inside."""

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest
from starlette.applications import Starlette

from tests.cabinet import Cabinet

MODERN = "application/graphql-response+json"

# Connections on which PostgreSQL has begun something, and cannot go on before we say more.
WAITING_FOR_US = """
select count(*) from pg_stat_activity
where datname = current_database() and state = 'active' and wait_event = 'ClientRead'
"""


async def send(cabinet: Cabinet, content: bytes, **headers: str) -> httpx2.Response:
    return await cabinet.http.post(
        "/graphql", content=content, headers={"content-type": "application/json", "accept": MODERN, **headers}
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ viewer ", "Syntax Error"),
        ("", "empty"),
        ("   ", "Syntax Error"),
        ("{ nothing }", "Cannot query field 'nothing'"),
        (
            "query ($a: Int) { viewer { linkedNumbers(first: $a) { totalCount } } } query B { viewer { id } }",
            "operation",
        ),
        ("subscription { viewer { id } }", "subscriptions need a socket"),
        ("{ viewer }", "must have a selection of subfields"),
        ('{ tariffs(first: "x") { totalCount } }', "Int cannot represent"),
    ],
)
async def test_request_errors_are_the_specs_with_positions_and_without_data(
    cabinet: Cabinet, query: str, message: str
) -> None:
    response = await cabinet.post(query)
    answer = response.json()
    assert response.status_code == 400
    assert "data" not in answer
    assert message in answer["errors"][0]["message"]
    assert "Traceback" not in response.text

    legacy = await cabinet.post(query, accept="application/json")
    assert legacy.status_code == 200
    assert legacy.json()["errors"][0]["message"] == answer["errors"][0]["message"]


async def test_errors_carry_their_positions(cabinet: Cabinet) -> None:
    [error] = (await cabinet.ask("{\n  operator {\n    nothing\n  }\n}"))["errors"]
    assert error["locations"] == [{"line": 3, "column": 5}]


@pytest.mark.parametrize("variables", [{"first": "x"}, {"first": 1.5}, {"first": []}, {"first": 2**40}])
async def test_wrong_variables_are_request_errors(cabinet: Cabinet, variables: dict[str, Any]) -> None:
    response = await cabinet.post("query ($first: Int!) { tariffs(first: $first) { totalCount } }", variables)
    assert response.status_code == 400
    assert "$first" in response.json()["errors"][0]["message"]


async def test_errors_do_not_repeat_what_was_given(cabinet: Cabinet) -> None:
    query = "mutation ($input: SignInWithPasswordInput!) { signInWithPassword(input: $input) { accessToken } }"
    for given in ({"password": "TopSecret1"}, {"identifier": ["TopSecret1"], "password": "x"}, ["TopSecret1"]):
        response = await cabinet.post(query, {"input": given})
        assert response.status_code == 400
        assert "$input" in response.text
        assert "TopSecret1" not in response.text


@pytest.mark.parametrize("query", ["{ " + "operator { name } " * 1000 + "}", "{ " + "a " * 2100 + "}"])
async def test_huge_documents_are_refused_before_they_are_read(cabinet: Cabinet, query: str) -> None:
    response = await cabinet.post(query)
    assert response.status_code == 400
    assert len(response.content) < 1000


async def test_failed_operations_give_their_connection_back(
    app: Starlette, cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A field that fails cancels its siblings; what they were about to read must not take a connection for good."""
    failing = '{ b: services(first: 1000) { totalCount } a: node(id: "VGFyaWZmOjE") { id } t: tariffs { totalCount } }'
    for _ in range(4):
        await asyncio.gather(*(cabinet.ask(failing) for _ in range(25)))
    pool = app.state.pool
    for _ in range(100):
        if pool.get_idle_size() == pool.get_size():
            break
        await asyncio.sleep(0.02)
    assert pool.get_idle_size() == pool.get_size()
    # Nor does PostgreSQL wait for a statement that was prepared and never came.
    # The application's loops are seen between the two halves of a statement of theirs now and then, never for long.
    for _ in range(100):
        waiting = await database.fetchval(WAITING_FOR_US)
        if not waiting:
            break
        await asyncio.sleep(0.02)
    assert not waiting
    assert (await cabinet.http.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"1", b"null", b'"x"', b"[]", b"[" * 50_000, b"{}", b'{"query": 1}', b'{"query": null}',
     b'{"query": "{ viewer { id } }", "variables": []}', b'{"query": "{ viewer { id } }", "operationName": 1}',
     b'{"query": "{ viewer { id } }", "extensions": 1}', b'[{"query": "{ viewer { id } }"}]', b"\xff\xfe",
     b'{"query": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
async def test_malformed_bodies_are_answered_with_400_and_json(cabinet: Cabinet, content: bytes) -> None:
    response = await send(cabinet, content)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith(MODERN)
    [error] = response.json()["errors"]
    assert error["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/jsonx"}, 415),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"accept": "text/html"}, 406),
        ({"x-operator": "vodafone"}, 400),
        ({"x-operator": ""}, 400),
    ],
)
async def test_wrong_headers_are_refused(cabinet: Cabinet, headers: dict[str, str], status: int) -> None:
    response = await send(cabinet, b'{"query": "{ operator { name } }"}', **headers)
    assert response.status_code == status
    assert response.json()["errors"][0]["message"]


async def test_huge_body_is_refused(cabinet: Cabinet) -> None:
    response = await send(cabinet, b'{"query": "' + b" " * 100_000 + b'{ viewer { id } }"}')
    assert response.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_there(cabinet: Cabinet, method: str) -> None:
    assert (await cabinet.http.request(method, "/graphql")).status_code == 405


async def test_answers_are_never_cached_or_sniffed(cabinet: Cabinet) -> None:
    for response in (await cabinet.post("{ operator { name } }"), await send(cabinet, b"{")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "Билайн"),
        ({"x-operator": "motiv"}, "Мотив"),
        ({"host": "letai.localhost:8000"}, "Летай (Таттелеком)"),
        ({"host": "lk.example.by"}, "Билайн"),
        ({"x-operator": "tele2", "host": "letai.localhost"}, "Tele2"),
    ],
)
async def test_operator_is_chosen_by_header_then_host_then_default(
    cabinet: Cabinet, headers: dict[str, str], name: str
) -> None:
    response = await send(cabinet, b'{"query": "{ operator { name } }"}', **headers)
    assert response.json()["data"]["operator"]["name"] == name


async def test_bug_is_masked_and_the_rest_is_answered(cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("resolvers.catalogue.tariffs", broken)
    answer = await cabinet.ask("{ operator { id } tariffs { totalCount } }")
    assert [error["message"] for error in answer["errors"]] == ["Something went wrong on our side"]
    assert "secret" not in str(answer)


async def test_statements_and_batches_are_shown_in_development(cabinet: Cabinet) -> None:
    answer = await cabinet.ask("{ tariffs { edges { node { code } } } }")
    assert answer["extensions"]["hearth"]["statements"] == 1
    assert answer["extensions"]["hearth"]["operator"] == "beeline"


async def test_health_and_readiness(cabinet: Cabinet) -> None:
    assert (await cabinet.http.get("/healthz")).status_code == 200
    assert (await cabinet.http.get("/readyz")).status_code == 200


async def test_inbox_page_shows_messages_and_escapes_them(cabinet: Cabinet, settings: Any) -> None:
    (settings.data / "inbox.ndjson").write_text(
        '{"to": "<b>", "channel": "SMS", "text": "<script>", "code": null, "at": "x"}\n'
    )
    page = (await cabinet.http.get("/dev/inbox", headers={"accept": "text/html,*/*"})).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    (settings.data / "inbox.ndjson").unlink()


async def test_a_database_that_does_not_answer_a_field_is_503(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> None:
        raise asyncpg.CannotConnectNowError("the database system is shutting down")

    monkeypatch.setattr("models.reader.Reader.fetch", silent)
    for query in ("{ tariffs { totalCount } }", "{ operator { id } services { totalCount } }"):
        response = await cabinet.post(query)
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
