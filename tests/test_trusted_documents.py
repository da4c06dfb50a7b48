"""Documents by the sha256 of their text: those that are trusted, and those that were sent before (Apollo's APQ)."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from domain.document_limits import DocumentLimits
from domain.profile import Profile
from domain.trusted_document import ManifestRejected, digest, read_manifest
from gateways.ledger_billing import LedgerBilling
from resolvers.node_id import encode
from schema import documents
from schema.schema import build_schema
from server.app import create_app
from server.cli import main
from server.document_lookup import Accepted
from server.failure import StartFailure
from server.graphql_context import Contexts
from server.graphql_http import GraphQLEndpoint
from server.settings import Settings
from server.trusted_documents import trusted_manifest
from services import trusted_document
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import NOBODY, SECRET
from tests.edge import serving
from tests.hearth import hearth
from tests.sockets import opened

QUERY = "query Whose { operator { id } }"
OTHER = "{ operator { name } }"
ID = digest(QUERY)


def apq(text: str, version: object = 1) -> dict[str, Any]:
    """How Apollo's clients name a document."""
    return {"extensions": {"persistedQuery": {"version": version, "sha256Hash": digest(text)}}}


async def send(cabinet: Cabinet, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request with these keys is answered, whose status is the right one for it."""
    accept = {"accept": "application/graphql-response+json", "x-operator": "beeline"}
    response = await cabinet.http.post("/graphql", json=request, headers=accept)
    answer: dict[str, Any] = response.json()
    assert response.status_code == (200 if "data" in answer else 400)
    return answer


def code(answer: Mapping[str, Any]) -> str:
    """The code of the one error."""
    [error] = answer["errors"]
    return str(error["extensions"]["code"])


WHOSE = {"operator": {"id": encode("Operator", "beeline")}}
Open = Callable[[Accepted], Cabinet]


@pytest.fixture
async def worker(
    app: Starlette, settings: Settings, profiles: Mapping[str, Profile], database: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[Open]:
    """Makes a worker that accepts these documents: another one each time, on the database of `app`."""
    async with AsyncExitStack() as stack:

        def open_worker(accepted: Accepted) -> Cabinet:
            told = settings.model_copy(update={"documents": accepted, "get_queries": True})
            endpoint = GraphQLEndpoint(
                build_schema(), Contexts(told, profiles, LedgerBilling(), app.state.pool, {}, NOBODY)
            )
            application = Starlette(routes=[Route("/graphql", endpoint, methods=["GET", "POST"])])
            client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=application), base_url="http://127.0.0.1")
            stack.push_async_callback(client.aclose)
            return Cabinet(client)

        yield open_worker
    await database.execute("truncate trusted_document")


@pytest.fixture
def unprepared(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, whoever parses or validates fails the test."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a known document is prepared again")

    def forbid() -> None:
        for name in ("parse", "check", "validate"):
            monkeypatch.setattr(documents, name, never)

    return forbid


async def test_automatic_persisting_speaks_apollo_s_protocol(worker: Open, unprepared: Callable[[], None]) -> None:
    cabinet = worker("automatic")
    answer = await send(cabinet, apq(QUERY))
    assert (answer["errors"][0]["message"], code(answer)) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
    assert (await send(cabinet, {"query": QUERY, **apq(QUERY)}))["data"] == WHOSE
    unprepared()
    for request in (apq(QUERY), {"documentId": f"sha256:{ID}"}, {"documentId": ID}, {"query": QUERY}):
        assert (await send(cabinet, request))["data"] == WHOSE
    by_get = await cabinet.http.get("/graphql", params={"documentId": ID}, headers={"x-operator": "beeline"})
    assert by_get.json()["data"] == WHOSE
    given = {"extensions": json.dumps(apq(QUERY)["extensions"])}
    assert (await cabinet.http.get("/graphql", params=given)).json()["data"]


async def test_a_hash_of_another_text_is_refused_and_remembers_nothing(worker: Open) -> None:
    cabinet = worker("automatic")
    for request in ({"query": OTHER, **apq(QUERY)}, {"query": OTHER, "documentId": ID}):
        answer = await send(cabinet, request)
        assert answer["errors"][0]["message"] == "provided sha does not match query"
        assert code(answer) == "PERSISTED_QUERY_HASH_MISMATCH"
    assert code(await send(cabinet, apq(QUERY))) == "PERSISTED_QUERY_NOT_FOUND"
    # What may not be executed is not remembered either.
    wrong = "{ nothing }"
    assert "errors" in await send(cabinet, {"query": wrong, **apq(wrong)})
    assert code(await send(cabinet, apq(wrong))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_where_nothing_is_persisted_automatically_clients_are_told_so(worker: Open) -> None:
    cabinet = worker("any")
    assert (await send(cabinet, {"query": QUERY, **apq(QUERY)}))["data"] == WHOSE
    answer = await send(cabinet, apq(QUERY))
    assert answer["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert code(answer) == "PERSISTED_QUERY_NOT_SUPPORTED"
    for document_id in (ID, f"sha256:{ID}", "", "7", f"md5:{ID}", ID.upper(), "../" * 9_000):
        assert code(await send(cabinet, {"documentId": document_id})) == "DOCUMENT_NOT_FOUND"


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"documentId": 7},
        {"documentId": None},
        {"query": 7, "documentId": ID},
        {"extensions": []},
        {"extensions": {"persistedQuery": []}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": ID}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"documentId": digest(OTHER), **apq(QUERY)},
    ],
)
async def test_what_names_no_document_is_a_bad_request(worker: Open, request_: dict[str, Any]) -> None:
    assert code(await send(worker("automatic"), request_)) == "BAD_REQUEST"


async def test_trusted_documents_are_executed_and_nothing_else(worker: Open, unprepared: Callable[[], None]) -> None:
    cabinet = worker("trusted")
    unprepared()
    for request in (
        {"query": QUERY},
        {"query": ""},
        {"query": "{"},
        {"documentId": ID},
        apq(QUERY),
        {"documentId": "?"},
    ):
        assert code(await send(cabinet, request)) == "DOCUMENT_NOT_TRUSTED"


async def test_what_is_published_is_known_at_once_in_every_worker(worker: Open, unprepared: Callable[[], None]) -> None:
    workers = [worker("trusted"), worker("trusted"), worker("any")]
    published = await trusted_document.publish({ID: QUERY})
    assert (published.new, published.known) == (1, 0)
    again = await trusted_document.publish({ID: QUERY, digest(OTHER): OTHER})
    assert (again.new, again.known) == (1, 1)
    requests = ({"documentId": f"sha256:{ID}"}, apq(QUERY), {"query": QUERY}, {"query": QUERY, "documentId": ID})
    for cabinet in workers:
        assert (await send(cabinet, requests[0]))["data"] == WHOSE
    unprepared()
    for cabinet in workers:
        for request in requests:
            assert (await send(cabinet, request))["data"] == WHOSE
        # A read of the session is all that is left to be asked of the database.
        assert code(await send(cabinet, {"documentId": digest("{ viewer { id } }")})) in (
            "DOCUMENT_NOT_TRUSTED",
            "DOCUMENT_NOT_FOUND",
        )


async def test_no_other_way_of_writing_an_id_or_a_text_is_trusted(worker: Open) -> None:
    await trusted_document.publish({ID: QUERY})
    cabinet = worker("trusted")
    assert (await send(cabinet, {"documentId": ID}))["data"] == WHOSE
    full_width = ID.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    ids = [ID.upper(), f" {ID}", f"{ID} ", f"{ID}\n", f"{ID}\0", ID[:-1], f"0{ID}", full_width, ID[:32] + "%" * 32]
    ids += [f"SHA256:{ID}", f"sha256: {ID}", f"sha256:sha256:{ID}", f"md5:{ID}", "sha256:", "%"]
    for wrong in ids:
        for request in ({"documentId": wrong}, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": wrong}}}):
            assert code(await send(cabinet, request)) == "DOCUMENT_NOT_TRUSTED", wrong
        by_get = await cabinet.http.get("/graphql", params={"documentId": wrong})
        assert code(by_get.json()) == "DOCUMENT_NOT_TRUSTED", wrong
        assert code(await send(cabinet, {"query": QUERY, "documentId": wrong})) == "PERSISTED_QUERY_HASH_MISMATCH"
    for text in (f"{QUERY} ", f"\ufeff{QUERY}", f"{QUERY}#", OTHER):
        assert code(await send(cabinet, {"query": text})) == "DOCUMENT_NOT_TRUSTED"
        assert code(await send(cabinet, {"query": text, "documentId": digest(text)})) == "DOCUMENT_NOT_TRUSTED"
        assert code(await send(cabinet, {"query": text, **apq(QUERY)})) == "PERSISTED_QUERY_HASH_MISMATCH"


async def test_operations_of_a_trusted_document_keep_the_rules_of_all(worker: Open) -> None:
    two = "query A { operator { id } } query B { operator { name } }"
    change = "mutation { signOut(input: {}) { userErrors { code } } }"
    pages = "".join(f"a{i}: tariffs(first: $n) {{ edges {{ node {{ {'id ' * 20} }} }} }} " for i in range(12))
    dear = f"query ($n: Int) {{ {pages} }}"
    await trusted_document.publish({digest(text): text for text in (two, change, dear)})
    cabinet = worker("trusted")
    assert "operationName" in (await send(cabinet, {"documentId": digest(two)}))["errors"][0]["message"]
    assert (await send(cabinet, {"documentId": digest(two), "operationName": "A"}))["data"] == WHOSE
    by_get = await cabinet.http.get("/graphql", params={"documentId": digest(change)})
    assert by_get.status_code == 405
    assert "data" in await send(cabinet, {"documentId": digest(dear), "variables": {"n": 1}})
    assert code(await send(cabinet, {"documentId": digest(dear), "variables": {"n": 100}})) == "DOCUMENT_TOO_COMPLEX"


async def test_a_document_that_fits_the_schema_no_more_says_why(
    worker: Open, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    old = "{ formerly }"
    await database.execute("insert into trusted_document (digest, text) values ($1, $2)", digest(old), old)
    answer = await send(worker("trusted"), {"documentId": digest(old)})
    assert "Cannot query field" in answer["errors"][0]["message"]


async def test_an_id_is_that_of_its_text_in_the_database_too(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="trusted_document_digest"):
        await database.execute("insert into trusted_document (digest, text) values ($1, $2)", ID, OTHER)


async def test_what_is_withdrawn_is_trusted_no_more(worker: Open, cabinet: Cabinet) -> None:
    await trusted_document.publish({ID: QUERY})
    assert (await send(cabinet, {"documentId": ID}))["data"] == WHOSE
    assert await trusted_document.withdraw(ID)
    assert not await trusted_document.withdraw(ID)
    for _ in range(200):
        if "errors" in (answer := await send(cabinet, {"documentId": ID})):
            break
        await asyncio.sleep(0.01)
    assert code(answer) == "DOCUMENT_NOT_FOUND"


async def test_documents_are_known_over_sockets_too(
    worker: Open, app: Starlette, settings: Settings, cabinet: Cabinet
) -> None:
    text = "{ operator { id name } }"
    await trusted_document.publish({ID: QUERY})
    async with serving(app, settings) as port, opened(port.address) as client:
        await client.init(operator="beeline")

        async def ask(**payload: object) -> dict[str, Any]:
            await client.send({"id": "1", "type": "subscribe", "payload": payload})
            told = await client.receive()
            if told["type"] == "next":
                assert (await client.receive())["type"] == "complete"
            return told

        assert (await ask(documentId=ID))["payload"]["data"] == WHOSE
        assert (await ask(**apq(QUERY)))["payload"]["data"] == WHOSE
        assert (await ask(**apq(text)))["payload"][0]["message"] == "PersistedQueryNotFound"
        assert (await ask(query=text, **apq(text)))["type"] == "next"
        assert (await ask(**apq(text)))["type"] == "next"
        told = await ask(query=text, **apq(QUERY))
        assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "PERSISTED_QUERY_HASH_MISMATCH")


APOLLO = {"format": "apollo-persisted-query-manifest", "version": 1}


@pytest.mark.parametrize(
    "manifest",
    [
        {ID: QUERY},
        {f"sha256:{ID}": QUERY},
        {**APOLLO, "operations": [{"id": ID, "name": "Whose", "type": "query", "body": QUERY}]},
    ],
)
def test_manifests_are_read_as_tools_write_them(manifest: object) -> None:
    assert read_manifest(json.dumps(manifest).encode()) == {ID: QUERY}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not an object"),
        (json.dumps({ID: OTHER}).encode(), "not the sha256"),
        (json.dumps({"5f2b": QUERY}).encode(), "not the sha256"),
        (json.dumps({ID: 7}).encode(), "must be strings"),
        (b'{"x": "\\ud800"}', "not Unicode"),
        (f'{{"{ID}": "{QUERY}", "{ID}": "{QUERY}"}}'.encode(), "names a key twice"),
        (json.dumps({**APOLLO, "version": 2, "operations": []}).encode(), "version 1"),
        (json.dumps({**APOLLO, "operations": {}}).encode(), "list of `operations`"),
        (json.dumps({**APOLLO, "operations": [7]}).encode(), "not an object"),
        (json.dumps({**APOLLO, "operations": [{"id": ID}]}).encode(), "must be strings"),
    ],
)
def test_manifests_that_are_none_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ManifestRejected, match=reason):
        read_manifest(content)


def manifest_of(folder: Path, *texts: str) -> Path:
    """A file with these documents."""
    file = folder / "persisted.json"
    file.write_text(json.dumps({digest(text): text for text in texts}))
    return file


def test_every_document_of_a_manifest_that_would_never_run_is_named_with_the_reason(tmp_path: Path) -> None:
    limits = DocumentLimits(cost=3_000)
    dear = "query Dear($n: Int!) { a: tariffs(first: 100) { edges { node { " + "name id " * 20 + "} } } }"
    wrong = {
        "query Typo {\n  operatr { id }\n}": "(Typo): line 2: Cannot query field 'operatr'",
        "{": "Syntax Error",
        "query Deep { __schema { types { name } } }": "Introspection is switched off",
        "fragment A on Operator { id }": "A",
        dear.replace("($n: Int!)", ""): "it would cost",
    }
    file = manifest_of(tmp_path, QUERY, *wrong)
    with pytest.raises(StartFailure) as failure:
        trusted_manifest(file, build_schema(limits).documents)
    assert len(failure.value.lines) == len(wrong)
    for text, reason in wrong.items():
        [line] = [line for line in failure.value.lines if digest(text) in line]
        assert line.startswith(f"{file}: ")
        assert reason in line


async def test_a_manifest_comes_with_the_server(
    app: Starlette, settings: Settings, profiles: Mapping[str, Profile], tmp_path: Path
) -> None:
    file = manifest_of(tmp_path, QUERY, SIGN_IN)
    told = settings.model_copy(update={"documents": "trusted", "manifest": file})
    schema = build_schema()
    schema.documents.manifest = trusted_manifest(file, schema.documents)
    endpoint = GraphQLEndpoint(schema, Contexts(told, profiles, LedgerBilling(), app.state.pool, {}, NOBODY))
    application = Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=application), base_url="http://127.0.0.1"
    ) as client:
        assert (await send(Cabinet(client), {"documentId": ID}))["data"] == WHOSE
        schema.documents.forget_published()
        assert (await send(Cabinet(client), {"documentId": ID}))["data"] == WHOSE
        assert code(await send(Cabinet(client), {"query": OTHER})) == "DOCUMENT_NOT_TRUSTED"
    manifest_of(tmp_path, "{ nothing }")
    with pytest.raises(StartFailure, match="Cannot query field"):
        create_app(told, profiles=profiles)


async def test_publishing_listing_and_withdrawing_on_the_command_line(demo_database: str, tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))},
        "HEARTH_SECRET": SECRET,
        "HEARTH_DATABASE_URL": demo_database,
        "HEARTH_DATA": str(tmp_path / "data"),
    }

    def documents(*words: str) -> tuple[int, list[str]]:
        done = hearth(environment, "documents", *words)
        return done.returncode, (done.stderr or done.stdout).splitlines()

    file = manifest_of(tmp_path, QUERY, OTHER)
    assert documents("publish", str(file)) == (0, ["Published 2 documents; 0 were known."])
    status, lines = documents("publish", str(manifest_of(tmp_path, "{ operator { label } }", "{ nothing }", QUERY)))
    assert (status, len(lines)) == (1, 2)
    assert all(line.startswith(f"hearth: {file}: ") for line in lines)
    status, lines = documents("list")
    assert status == 0
    assert {tuple(line.split("\t")[::2]) for line in lines} == {(ID, "Whose"), (digest(OTHER), "without a name")}
    assert documents("withdraw", f"sha256:{ID}") == (0, [f"sha256:{ID}\twithdrawn"])


def test_half_a_command_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["publish"], ["withdraw"], ["list", "x"]):
        assert main(["documents", *words]) == 1
        assert "Say which FILE" in capsys.readouterr().err
