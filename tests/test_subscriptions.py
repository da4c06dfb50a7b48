"""Live updates over real sockets (N12, F062): from any worker to any worker, and only while the viewer may see them."""

import asyncio
import base64
import contextlib
import importlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidStatus

from server.graphql_context import Contexts
from server.live import Ear, Hub
from server.serve import transport_options
from server.settings import Settings
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import running_server
from tests.newcomers import Newcomer, Newcomers
from tests.session import open_session
from tests.sockets import Socket, opened, tell, top_up

BALANCE = "subscription ($ids: [ID!]) { balanceChanged(lineIds: $ids) { id balance { available { amount } stale } } }"
OPERATOR = "beeline"
FOLDER = Path(__file__).resolve().parent.parent / "graphiql/examples"
TEXTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.graphql"))}
# One that needs a payment is followed where people pay, in tests/test_payment.py.
EXAMPLES = [
    name for name, text in TEXTS.items() if "subscription" in text.split() and not (FOLDER / f"{name}.json").exists()
]


@pytest.fixture(scope="module")
def other_worker(process_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second process beside `hearth_server`, on the same database."""
    with running_server(process_database, tmp_path_factory.mktemp("other")) as address:
        yield address


@pytest.fixture
async def behind(process_database: str) -> AsyncIterator[Any]:
    """A connection to the database of the two workers."""
    connection = await asyncpg.connect(process_database)
    yield connection
    await connection.close()


@pytest.fixture
async def server(app: Starlette, cabinet: Cabinet, settings: Settings) -> AsyncIterator[uvicorn.Server]:
    """The application of `cabinet` on a port of its own, in this process, so that its insides can be looked at."""
    options = {**transport_options(settings), "loop": "none"}
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", **options))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # So that little fits between the server and somebody who does not read.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        serving = asyncio.create_task(server._serve([listener]))
        await until(lambda: server.started)
        yield server
        server.should_exit = True
        await serving


@pytest.fixture
def served(server: uvicorn.Server) -> str:
    """Its address."""
    host, port = server.servers[0].sockets[0].getsockname()
    return f"http://{host}:{port}"


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds, and not for ever."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    assert condition()


async def sign_in(address: str, person: dict[str, Any], operator: str = OPERATOR) -> str:
    """A new session of a demo person, at the worker of that address."""
    async with httpx2.AsyncClient(base_url=address) as client:
        visitor = Cabinet(client, operator)
        data = await visitor.data(SIGN_IN, identifier=person["msisdn"], password=person["password"])
        token: str = data["signInWithPassword"]["accessToken"]
        return token


async def line(database: Any, msisdn: str) -> tuple[str, int]:
    """A number's global id, and the id of its account."""
    row = await database.fetchrow("select id, account_id from line where msisdn = $1", msisdn)
    return global_id("Line", row["id"]), row["account_id"]


def global_id(type_name: str, key: object) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).rstrip(b"=").decode()


def amount(data: dict[str, Any]) -> Decimal:
    return Decimal(data["balanceChanged"]["balance"]["available"]["amount"])


@pytest.fixture
def owner(demo_people: dict[str, Any]) -> dict[str, Any]:
    person: dict[str, Any] = demo_people[OPERATOR]["owner"]
    return person


@contextlib.asynccontextmanager
async def signed_in(address: str, person: dict[str, Any], operator: str = OPERATOR) -> AsyncIterator[Socket]:
    """A socket in a new session."""
    token = await sign_in(address, person, operator)
    async with opened(address) as client:
        await client.init(authorization=f"Bearer {token}", operator=operator)
        yield client


async def test_f062_a_balance_is_told_at_once_and_when_it_changes_in_any_worker(
    hearth_server: str, other_worker: str, owner: dict[str, Any], behind: Any
) -> None:
    line_id, account = await line(behind, owner["msisdn"])
    async with signed_in(hearth_server, owner) as here, signed_in(other_worker, owner) as there:
        before = []
        for client in (here, there):
            await client.subscribe("b", BALANCE, ids=[line_id])
            before.append(amount(await client.next("b")))
        assert before[0] == before[1]

        await top_up(behind, account, 1050)
        await top_up(behind, account, 150)
        for client in (here, there):
            while (seen := amount(await client.next("b"))) != before[0] + 12:
                assert seen == before[0] + Decimal("10.50"), "never an old balance from a loader's cache"


async def test_all_lines_are_followed_when_none_is_named(
    hearth_server: str, owner: dict[str, Any], behind: Any
) -> None:
    async with signed_in(hearth_server, owner) as client:
        lines = (await client.answer("q", "{ viewer { personalAccounts { edges { node { lines { id } } } } } }"))[
            "viewer"
        ]
        expected = {each["id"] for edge in lines["personalAccounts"]["edges"] for each in edge["node"]["lines"]}
        await client.subscribe("b", BALANCE)
        assert {(await client.next("b"))["balanceChanged"]["id"] for _ in expected} == expected
        assert await client.silent()
        _, account = await line(behind, owner["msisdn"])
        await top_up(behind, account, 1)
        assert (await client.next("b"))["balanceChanged"]["id"] in expected


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv", "tele2"])
async def test_example_of_graphiql_tells_something_at_once(
    hearth_server: str, demo_people: dict[str, Any], operator: str, example: str
) -> None:
    async with signed_in(hearth_server, demo_people[operator]["owner"], operator) as client:
        await client.subscribe("e", TEXTS[example])
        assert all(value is not None for value in (await client.next("e")).values())


async def test_i8_unknown_foreign_and_malformed_lines_end_alike(
    hearth_server: str, owner: dict[str, Any], demo_people: dict[str, Any], behind: Any
) -> None:
    stranger = demo_people[OPERATOR]["strangers"][0]["msisdn"]
    foreign, account = await line(behind, stranger)
    async with signed_in(hearth_server, owner) as client:
        for ids in ([foreign], [global_id("Line", 10**15)], ["?"], [global_id("Tariff", 1)], [], [""]):
            await client.subscribe("b", BALANCE, ids=ids)
            assert await client.receive() == {"id": "b", "type": "complete"}, ids
        # Beside one that may be seen, they are passed over, and stay so.
        own, _ = await line(behind, owner["msisdn"])
        await client.subscribe("b", BALANCE, ids=[foreign, own])
        assert (await client.next("b"))["balanceChanged"]["id"] == own
        await tell(behind, f"balance:{account}")
        assert await client.silent()

        await client.subscribe("c", BALANCE, ids=[own] * 101)
        message = await client.receive()
        assert (message["id"], message["type"]) == ("c", "error")
        assert message["payload"][0]["extensions"]["code"] == "INVALID_INPUT"


@pytest.fixture
async def linked(behind: Any, demo_people: dict[str, Any]) -> tuple[Newcomer, Newcomer, str]:
    """Somebody with a household, whose number is linked to it, and the link."""
    people = Newcomers(behind)
    ann, gran = [await people.arrive(OPERATOR, demo_people) for _ in range(2)]
    link = await people.link(await people.household(OPERATOR, OWNER=ann), gran.line_id, asked_by=ann)
    return ann, gran, global_id("NumberLink", link)


REVOKE_LINK = "mutation ($id: ID!) { revokeLink(input: {linkId: $id}) { userErrors { code } } }"
PAY_FOR = """
mutation ($id: ID!) {
  topUp(input: {idempotencyKey: "after-the-end", target: {lineId: $id}, amount: {amount: "100", currency: RUB},
    method: CARD, token: "tok_mir_2204"}) { userErrors { code } }
}
"""
NODE = "query ($id: ID!) { node(id: $id) { id } }"


async def through(address: str, database_url: str, person: Newcomer) -> tuple[httpx2.AsyncClient, Cabinet]:
    """The cabinet of a newcomer at the worker of that address."""
    http = httpx2.AsyncClient(base_url=address)
    return http, Cabinet(http, OPERATOR, await open_session(database_url, OPERATOR, person.msisdn))


async def test_e59_revoking_the_link_through_another_worker_completes_the_stream_without_a_last_event(
    hearth_server: str, other_worker: str, linked: Any, behind: Any, process_database: str
) -> None:
    ann, gran, link = linked
    line_id, account = await line(behind, gran.msisdn)
    own, _ = await line(behind, ann.msisdn)
    token = await open_session(process_database, OPERATOR, ann.msisdn)
    http, hers = await through(other_worker, process_database, gran)
    async with http, opened(hearth_server) as client:
        await client.init(authorization=f"Bearer {token}", operator=OPERATOR)
        await client.subscribe("hers", BALANCE, ids=[line_id])
        await client.next("hers")
        await client.subscribe("both", BALANCE, ids=[line_id, own])
        await client.next("both")
        await client.next("both")
        assert (await hers.data(REVOKE_LINK, id=link))["revokeLink"]["userErrors"] == []
        # Money that moves after the commit is told to nobody but those who may still see it.
        await tell(behind, f"balance:{account}")
        assert await client.receive() == {"id": "hers", "type": "complete"}
        await tell(behind, f"balance:{account}")
        assert await client.silent()


async def test_n1_after_revocation_in_another_worker_nothing_of_the_number_is_there(
    hearth_server: str, other_worker: str, linked: Any, behind: Any, process_database: str
) -> None:
    ann, gran, link = linked
    line_id, _ = await line(behind, gran.msisdn)
    (http, mine), (other, hers) = [
        await through(address, process_database, person)
        for address, person in ((hearth_server, ann), (other_worker, gran))
    ]
    async with http, other:
        assert (await mine.data(NODE, id=line_id))["node"] == {"id": line_id}
        assert (await hers.data(REVOKE_LINK, id=link))["revokeLink"]["userErrors"] == []
        assert (await mine.data(NODE, id=line_id))["node"] is None
        assert (await mine.data(PAY_FOR, id=line_id))["topUp"]["userErrors"] == [{"code": "NOT_FOUND"}]


async def test_i8_a_member_who_leaves_sees_no_more(
    hearth_server: str, demo_people: dict[str, Any], owner: dict[str, Any], behind: Any
) -> None:
    adult = next(person for person in demo_people[OPERATOR]["members"] if person["role"] == "ADULT")
    line_id, account = await line(behind, owner["msisdn"])
    leave = "update membership set status = $2 where user_id = (select user_id from line where msisdn = $1)"
    async with signed_in(hearth_server, adult) as client:
        await client.subscribe("b", BALANCE, ids=[line_id])
        await client.next("b")
        await behind.execute(leave, adult["msisdn"], "LEFT")
        try:
            await top_up(behind, account, 100)
            assert await client.receive() == {"id": "b", "type": "complete"}
        finally:
            await behind.execute(leave, adult["msisdn"], "ACTIVE")


async def test_signing_out_closes_the_session_s_sockets_in_every_worker(
    hearth_server: str, other_worker: str, owner: dict[str, Any], behind: Any
) -> None:
    token, another = await sign_in(hearth_server, owner), await sign_in(hearth_server, owner)
    _, account = await line(behind, owner["msisdn"])
    async with opened(other_worker) as leaving, opened(other_worker) as staying:
        await leaving.init(authorization=f"Bearer {token}", operator=OPERATOR)
        await staying.init(authorization=f"Bearer {another}", operator=OPERATOR)
        async with httpx2.AsyncClient(base_url=hearth_server) as client:
            await Cabinet(client, OPERATOR, token).data("mutation { signOut(input: {}) { userErrors { code } } }")
        assert await leaving.closed() == (4403, [])
        assert (await staying.answer("q", "{ viewer { id } }"))["viewer"]
        await tell(behind, f"balance:{account}")


async def test_signing_out_over_the_socket_is_answered_before_it_closes(
    hearth_server: str, owner: dict[str, Any], behind: Any
) -> None:
    line_id, _ = await line(behind, owner["msisdn"])
    async with signed_in(hearth_server, owner) as client:
        await client.subscribe("b", BALANCE, ids=[line_id])
        await client.next("b")
        await client.subscribe("m", "mutation { signOut(input: {}) { userErrors { code } } }")
        code, said = await client.closed()
        assert code == 4403
        assert [message["type"] for message in said] == ["next", "complete"]
        assert {message["id"] for message in said} == {"m"}


@pytest.mark.parametrize(
    "ending",
    ["revoked_at = now()", "expires_at = now()", "last_seen_at = now() - interval '1 year'"],
    ids=["revoked", "expired", "idle"],
)
async def test_i8_a_session_that_ended_gets_no_further_event(
    hearth_server: str, owner: dict[str, Any], behind: Any, ending: str
) -> None:
    line_id, account = await line(behind, owner["msisdn"])
    async with signed_in(hearth_server, owner) as client:
        await client.subscribe("b", BALANCE, ids=[line_id])
        await client.next("b")
        await behind.execute(f"update session set {ending} where id = (select max(id) from session)")
        await top_up(behind, account, 100)
        assert await client.closed() == (4403, [])


async def test_a_session_that_ends_in_silence_closes_its_socket_too(
    served: str, cabinet: Cabinet, owner: dict[str, Any], database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.live._LOOK_SECONDS", 0.1)
    await tell(database, "session:0")
    async with signed_in(served, owner) as client:
        await database.execute("update session set revoked_at = now()")
        await database.execute("select pg_notify('hearth_events', 'session:' || (select user_id from session limit 1))")
        assert await client.closed() == (4403, [])


async def test_events_and_pings_are_no_activity(served: str, owner: dict[str, Any], database: Any) -> None:
    line_id, account = await line(database, owner["msisdn"])
    seen = "select last_seen_at from session"
    async with signed_in(served, owner) as client:
        await client.subscribe("b", BALANCE, ids=[line_id])
        await client.next("b")
        await database.execute("update session set last_seen_at = now() - interval '1 minute'")
        before = await database.fetchval(seen)
        await tell(database, f"balance:{account}")
        await client.next("b")
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}
        assert await database.fetchval(seen) == before
        await client.answer("q", "{ viewer { id } }")
        assert await database.fetchval(seen) > before


async def test_subscriptions_need_a_session(hearth_server: str) -> None:
    async with opened(hearth_server) as client:
        await client.init(operator=OPERATOR)
        await client.subscribe("b", BALANCE)
        message = await client.receive()
        assert (message["type"], message["id"]) == ("error", "b")
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert (await client.answer("b", "{ viewer { id } }")) == {"viewer": None}


async def test_a_session_belongs_to_its_operator_here_too(hearth_server: str, owner: dict[str, Any]) -> None:
    token = await sign_in(hearth_server, owner)
    async with opened(hearth_server) as client:
        await client.init(authorization=f"Bearer {token}", operator="life")
        assert await client.answer("q", "{ viewer { id } operator { id } }") == {
            "viewer": None,
            "operator": {"id": global_id("Operator", "life")},
        }


async def test_a_session_that_has_ended_opens_no_socket(hearth_server: str, owner: dict[str, Any], behind: Any) -> None:
    token = await sign_in(hearth_server, owner)
    await behind.execute("update session set revoked_at = now() where id = (select max(id) from session)")
    async with opened(hearth_server) as client:
        await client.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        assert await client.closed() == (4403, [])


async def test_the_cookie_opens_a_socket_for_pages_of_allowed_origins_only(
    hearth_server: str, owner: dict[str, Any]
) -> None:
    token = await sign_in(hearth_server, owner)
    cookie = {"cookie": f"hearth_session_{OPERATOR}={token}"}
    async with opened(hearth_server, origin=hearth_server, headers=cookie) as client:
        await client.init(operator=OPERATOR)
        assert (await client.answer("q", "{ viewer { id } }"))["viewer"]
    for origin in ("https://evil.example", hearth_server.replace("http", "https"), "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as refused:
            async with opened(hearth_server, origin=origin, headers=cookie):
                pass
        assert refused.value.response.status_code == 403


async def test_origins_of_the_settings_may_open_a_socket(process_database: str, tmp_path: Any) -> None:
    page = "https://lk.example.ru"
    with running_server(process_database, tmp_path, HEARTH_ALLOWED_ORIGINS=page) as address:
        async with opened(address, origin=page) as client:
            await client.init()
        with pytest.raises(InvalidStatus):
            async with opened(address, origin="https://lk.example.ru.evil.example"):
                pass


async def test_a_server_that_stops_says_so_and_waits_for_nobody(
    process_database: str, tmp_path: Any, owner: dict[str, Any], behind: Any
) -> None:
    line_id, _ = await line(behind, owner["msisdn"])
    async with contextlib.AsyncExitStack() as stack:
        with running_server(process_database, tmp_path) as address:
            client = await stack.enter_async_context(signed_in(address, owner))
            await client.subscribe("b", BALANCE, ids=[line_id])
            await client.next("b")
            started = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - started < 5
        assert await client.closed() == (1001, [])


@pytest.mark.parametrize("subprotocols", [(), ("graphql-ws",), ("nope", "graphql-ws")])
async def test_no_other_protocol_is_spoken(hearth_server: str, subprotocols: tuple[str, ...]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(hearth_server, subprotocols=subprotocols):
            pass
    assert refused.value.response.status_code == 400
    assert b"graphql-transport-ws" in (refused.value.response.body or b"")


SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": BALANCE}}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 4400),
        ("", 4400),
        ("null", 4400),
        ("[]", 4400),
        ('"ping"', 4400),
        ("[" * 60_000, 4400),
        (b"\x01\x02\x03", 4400),
        ("{}", 4400),
        ('{"type": 1}', 4400),
        ('{"type": "nope"}', 4400),
        ('{"type": "connection_init"}', 4429),
        ('{"type": "ping", "payload": 1}', 4400),
        ('{"type": "pong", "payload": []}', 4400),
        ('{"type": "complete"}', 4400),
        ('{"type": "complete", "id": {}}', 4400),
        ('{"type": "subscribe"}', 4400),
        ('{"type": "subscribe", "id": "1"}', 4400),
        ('{"type": "subscribe", "id": {}, "payload": {"query": "{ viewer { id } }"}}', 4400),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{ viewer { id } }"}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": []}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 1}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "operationName": {}}}', 4400),
        ('{"type": "subscribe", "id": "%s", "payload": {"query": "{ a }"}}' % ("ы" * 200), 4400),
        ('{"type": "ping", "payload": {"a": "' + "x" * 70_000 + '"}}', 1009),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_garbage_closes_the_socket_with_the_protocol_s_code(
    hearth_server: str, frame: str | bytes, code: int
) -> None:
    async with opened(hearth_server) as client:
        await client.init()
        await client.connection.send(frame)
        assert await client.closed() == (code, [])


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (SUBSCRIBE, 4401),
        ({"type": "complete", "id": "1"}, 4400),
        ({"type": "connection_init", "payload": []}, 4400),
        ({"type": "connection_init", "payload": {"operator": "vodafone"}}, 4400),
        ({"type": "connection_init", "payload": {"operator": 1}}, 4400),
        ({"type": "connection_init", "payload": {"authorization": ["Bearer x"]}}, 4400),
    ],
)
async def test_the_first_message_says_who_is_there(hearth_server: str, message: object, code: int) -> None:
    async with opened(hearth_server) as client:
        await client.send(message)
        assert (await client.closed())[0] == code


async def test_a_socket_that_does_not_say_who_it_is_is_closed(hearth_server: str) -> None:
    started = asyncio.get_running_loop().time()
    async with opened(hearth_server) as client:
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}
        assert await client.closed() == (4408, [])
    assert asyncio.get_running_loop().time() - started < 8


async def test_an_id_is_for_one_operation_at_a_time(hearth_server: str, owner: dict[str, Any], behind: Any) -> None:
    line_id, _ = await line(behind, owner["msisdn"])
    async with signed_in(hearth_server, owner) as client:
        for _ in range(3):  # after `complete`, from either side, the id is free
            await client.subscribe("1", BALANCE, ids=[line_id])
            await client.next("1")
            await client.complete("1")
            await client.answer("1", "{ viewer { id } }")
        await client.complete("of nobody")
        await client.subscribe("1", BALANCE, ids=[line_id])
        await client.next("1")
        await client.subscribe("1", BALANCE, ids=[line_id])
        assert (await client.closed())[0] == 4409


async def test_ten_operations_at_once_and_the_eleventh_is_told_so(
    hearth_server: str, owner: dict[str, Any], behind: Any
) -> None:
    line_id, _ = await line(behind, owner["msisdn"])
    async with signed_in(hearth_server, owner) as client:
        for index in range(10):
            await client.subscribe(str(index), BALANCE, ids=[line_id])
            await client.next(str(index))
        await client.subscribe("11", "{ viewer { id } }")
        message = await client.receive()
        assert (message["id"], message["type"]) == ("11", "error")
        assert message["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        await client.complete("3")
        assert (await client.answer("11", "{ viewer { id } }"))["viewer"]


async def test_no_more_operations_than_ten_run_at_once_beside_ten_that_were_stopped(
    served: str, owner: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, most, gate = 0, 0, asyncio.Event()

    async def held(*_: object) -> None:
        nonlocal begun, most
        begun += 1
        most = max(most, begun)
        await gate.wait()
        begun -= 1

    async with signed_in(served, owner) as client:
        monkeypatch.setattr(Contexts, "caller", held)
        for index in range(60):
            await client.subscribe(str(index), "{ operator { id } }")
            await client.complete(str(index))
        try:
            await until(lambda: begun >= 20)
            # Who stops what it began is not listened to until something of it has ended.
            assert await client.silent(0.2)
            assert most == 20
        finally:
            gate.set()
        assert (await client.answer("last", "{ operator { id } }"))["operator"]
        assert most == 20


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ nothing }", "Cannot query field"),
        ("{ viewer ", "Syntax Error"),
        ("", "query"),
        ("{ viewer { id } } query B { viewer { id } }", "operation"),
        ("{ " + "operator { name } " * 700 + "}", "tokens"),
        ("mutation { a: signOut(input: {}) { userErrors { code } } b: signOut(input: {}) { userErrors { code } } }",
         "one mutation field"),
        ("subscription { a: balanceChanged { id } b: balanceChanged { id } }", "one"),
        ("subscription { nothing }", "Cannot query field"),
        ('subscription { balanceChanged(lineIds: 1.5) { id } }', "ID cannot represent"),
    ],
)  # fmt: skip
async def test_request_errors_end_the_operation_and_not_the_socket(
    hearth_server: str, query: str, message: str
) -> None:
    async with opened(hearth_server) as client:
        await client.init()
        await client.subscribe("q", query)
        answer = await client.receive()
        assert (answer["id"], answer["type"]) == ("q", "error")
        assert message.lower() in answer["payload"][0]["message"].lower()
        assert await client.answer("q", "{ viewer { id } }") == {"viewer": None}


async def test_mutations_work_over_a_socket_and_wrong_variables_are_not_repeated(
    hearth_server: str, owner: dict[str, Any]
) -> None:
    async with opened(hearth_server) as client:
        await client.init(operator=OPERATOR)
        data = await client.answer("m", SIGN_IN, identifier=owner["msisdn"], password=owner["password"])
        assert data["signInWithPassword"]["accessToken"]
        # The session is told, not taken: a socket stays whose it was.
        assert await client.answer("q", "{ viewer { id } }") == {"viewer": None}
        await client.subscribe("m", SIGN_IN, identifier=["TopSecret1"], password="x")
        assert "TopSecret1" not in str(await client.receive())


async def test_bugs_are_masked_here_too(
    served: str, owner: dict[str, Any], database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    line_id, account = await line(database, owner["msisdn"])
    async with signed_in(served, owner) as client:
        await client.subscribe("b", BALANCE, ids=[line_id])
        await client.next("b")
        monkeypatch.setattr("resolvers.catalogue.tariffs", broken)
        await client.subscribe("q", "{ operator { id } tariffs { totalCount } }")
        told = await client.receive()
        assert [error["message"] for error in told["payload"]["errors"]] == ["Something went wrong on our side"]
        assert await client.receive() == {"id": "q", "type": "complete"}
        # A field of an event, and then what leads to events.
        monkeypatch.setattr("loaders.balance_by_account_id.ask", broken)
        await tell(database, f"balance:{account}")
        told = await client.receive()
        assert told["type"] == "next"
        assert [error["message"] for error in told["payload"]["errors"]] == ["Something went wrong on our side"]
        monkeypatch.setattr("auth.session._caller", broken)
        await tell(database, f"balance:{account}")
        told = await client.receive()
        assert (told["type"], told["payload"][0]["message"]) == ("error", "Something went wrong on our side")


async def test_waiting_holds_nothing_and_early_ends_leave_nothing(
    app: Starlette, served: str, owner: dict[str, Any], database: Any
) -> None:
    line_id, account = await line(database, owner["msisdn"])
    pool, hub = app.state.pool, app.state.sockets.hub
    before, idle = asyncio.all_tasks(), hub.listening
    free_turns = hub._turns._value

    def tasks() -> int:
        return len(asyncio.all_tasks() - before)

    def is_idle() -> bool:
        return bool(pool.get_idle_size() == pool.get_size() and hub._turns._value == free_turns)

    wrong = 'mutation { signInWithPassword(input: {identifier: "x", password: "y"}) { userErrors { code } } }'
    async with signed_in(served, owner) as waiting, signed_in(served, owner) as hasty:
        opened_only = tasks()
        await waiting.subscribe("b", BALANCE, ids=[line_id])
        await waiting.next("b")
        await until(is_idle)
        await until(lambda: tasks() == opened_only)
        for index in range(100):
            await hasty.subscribe("1", BALANCE, ids=[line_id])
            if index % 2:
                await hasty.next("1")
            else:
                await tell(database, f"balance:{account}")
            await hasty.complete("1")
            await hasty.subscribe("2", "{ viewer { linkedNumbers { totalCount } } }")
            await hasty.complete("2")
            if index % 10 == 0:
                await hasty.subscribe("3", wrong)
                await hasty.complete("3")
            while not await hasty.silent(0.002):  # answers that were quicker than `complete`
                pass
        await until(is_idle)
        assert hub.listening == idle + 2, "the balance, and the rights, of the one that waits"
    for _ in range(5):
        async with signed_in(served, owner) as gone:
            for index in range(10):
                await gone.subscribe(str(index), BALANCE, ids=[line_id])
            gone.connection.transport.abort()
    await until(lambda: hub.listening == idle and asyncio.all_tasks() - before <= {asyncio.current_task()})
    await until(is_idle)
    async with signed_in(served, owner) as client, asyncio.timeout(1):
        assert (await client.answer("q", "{ viewer { id } }"))["viewer"]


async def test_what_has_waited_goes_on_as_the_same_operation(served: str, owner: dict[str, Any], database: Any) -> None:
    line_id, account = await line(database, owner["msisdn"])
    named = BALANCE.replace("subscription ", "subscription Balance")
    token = await sign_in(served, owner)
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with opened(served, headers={"x-request-id": "edge:7f3a-0002"}) as client:
            await client.init(authorization=f"Bearer {token}", operator=OPERATOR)
            await client.subscribe("b", named, ids=[line_id])
            for _ in range(3):
                await client.next("b")
                await tell(database, f"balance:{account}")
            await client.next("b")
            await client.complete("b")
            # Whoever waits is told of when it ends, and once.
            await client.answer("q", "{ __typename }")
    [told] = [each for each in lines if each.get("kind") == "subscription"]
    assert told.pop("ms") > 0
    assert told.pop("statements") > 4 * 2
    assert told == {
        "event": "operation",
        "log_level": "info",
        "request_id": "edge:7f3a-0002",
        "kind": "subscription",
        "operation": "Balance",
        "outcome": "ok",
    }


async def test_nothing_is_made_for_an_event_before_it_is_its_turn(
    app: Starlette, served: str, owner: dict[str, Any], database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    line_id, account = await line(database, owner["msisdn"])
    turns = app.state.sockets.hub._turns
    made = 0
    reader = Contexts.reader

    def counted(contexts: Contexts) -> Any:
        nonlocal made
        made += 1
        return reader(contexts)

    async with signed_in(served, owner) as client:
        for index in range(5):
            await client.subscribe(str(index), BALANCE, ids=[line_id])
            await client.next(str(index))
        free = turns._value
        for _ in range(free):
            await turns.acquire()
        monkeypatch.setattr(Contexts, "reader", counted)
        tasks = len(asyncio.all_tasks())
        await tell(database, f"balance:{account}")
        await until(lambda: len(asyncio.all_tasks()) == tasks + 5)
        # One of them ends without ever having had its turn.
        await client.complete("0")
        assert await client.silent(0.05)
        assert made == 0
        for _ in range(free):
            turns.release()
        assert {(await client.receive())["id"] for _ in range(4)} == {"1", "2", "3", "4"}
        assert await client.silent(0.05)
        assert turns._value == free


def sockets_of(server: uvicorn.Server) -> list[WebSocketsSansIOProtocol]:
    """The server's ends of its sockets."""
    return [each for each in server.server_state.connections if isinstance(each, WebSocketsSansIOProtocol)]


async def test_a_slow_reader_holds_up_nobody(
    app: Starlette, server: uvicorn.Server, served: str, owner: dict[str, Any], database: Any
) -> None:
    line_id, account = await line(database, owner["msisdn"])
    # Long names make long answers of what a document may hold.
    names = [f"{'a' * 400}{index}" for index in range(25)]
    fields = " ".join(f"{name}: personalAccount {{ number lines {{ id label msisdn }} }}" for name in names)
    wide = f"subscription ($ids: [ID!]) {{ balanceChanged(lineIds: $ids) {{ {fields} }} }}"
    pool = app.state.pool
    async with signed_in(served, owner) as quick, signed_in(served, owner) as slow:
        slow.connection.transport.pause_reading()
        for index in range(10):
            await slow.subscribe(str(index), wide, ids=[line_id])
        await quick.subscribe("b", BALANCE, ids=[line_id])
        await quick.next("b")
        for _ in range(500):
            if not all(connection.writable.is_set() for connection in sockets_of(server)):
                break
            await tell(database, f"balance:{account}")
            await quick.next("b")
        else:
            raise AssertionError("nothing was ever too much for the slow one")
        for _ in range(20):
            await tell(database, f"balance:{account}")
            async with asyncio.timeout(2):
                await quick.next("b")
        await until(lambda: pool.get_idle_size() == pool.get_size())
        slow.connection.transport.abort()


async def test_n12_a_stream_goes_on_when_the_database_comes_back(
    hearth_server: str, process_database: str, engine: str, owner: dict[str, Any], behind: Any
) -> None:
    name = urlsplit(process_database).path.lstrip("/")
    line_id, account = await line(behind, owner["msisdn"])
    outside = await asyncpg.connect(engine)
    try:
        async with signed_in(hearth_server, owner) as client:
            await client.subscribe("b", BALANCE, ids=[line_id])
            before = amount(await client.next("b"))
            await outside.execute(f'alter database "{name}" with allow_connections false')
            await outside.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
            await asyncio.sleep(1)
            await outside.execute(f'alter database "{name}" with allow_connections true')
            # Nobody listens yet: what is told now is lost, and found all the same.
            connection = await asyncpg.connect(process_database)
            await top_up(connection, account, 700)
            await connection.close()
            while (seen := amount(await client.next("b"))) != before + 7:
                assert seen == before
    finally:
        await outside.execute(f'alter database "{name}" with allow_connections true')
        await outside.close()


@pytest.mark.parametrize("where", ["resolvers.context.still", "loaders.balance_by_account_id.ask"])
async def test_an_event_waits_for_a_database_that_does_not_answer(
    served: str, owner: dict[str, Any], database: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("resolvers.live._PAUSE_SECONDS", 0.05)
    module, _, name = where.rpartition(".")
    answering = getattr(importlib.import_module(module), name)
    asked = 0

    async def silent_twice(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked <= 2:
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        return await answering(*given)

    line_id, account = await line(database, owner["msisdn"])
    async with signed_in(served, owner) as client:
        await client.subscribe("b", BALANCE, ids=[line_id])
        before = await client.next("b")
        monkeypatch.setattr(where, silent_twice)
        await tell(database, f"balance:{account}")
        assert await client.next("b") == before
        assert asked == 3
        assert await client.silent()
        # A query is told to come again, since nobody asks for it a second time.
        asked = 0
        monkeypatch.setattr("models.reader.Reader.fetch", silent_twice)
        await client.subscribe("q", "{ tariffs { totalCount } }")
        assert (await client.receive())["payload"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_an_ear_remembers_each_event_once_however_often_it_comes() -> None:
    hub = Hub("postgresql:///nowhere", at_once=1)
    ear, other = hub.ear(), hub.ear()
    ear.listen(["balance:1", "balance:2"])
    other.listen(["balance:2"])
    for _ in range(10_000):
        hub._hear("balance:1,balance:1,payment:1,nonsense,,balance:")
    assert len(ear._heard) == 1
    assert await ear.wait()
    assert ear.heard() == frozenset({"balance:1"})
    assert ear.heard() == frozenset()
    hub._hear("balance:2,balance:1")
    ear.listen(["balance:2"])
    assert ear.heard() == frozenset({"balance:2"})
    assert other.heard() == frozenset({"balance:2"})
    woken: list[Ear] = []
    for each in (ear, other):
        each.when_heard(partial(woken.append, each))
    hub._hear("balance:1")
    assert woken == []
    hub._hear("balance:2,balance:2")
    assert sorted(map(id, woken)) == sorted(map(id, (ear, other)))
    hub._hear("balance:2")
    assert len(woken) == 2, "once, until somebody waits again"
    ear.when_heard(partial(woken.append, ear))
    assert len(woken) == 3, "what was heard meanwhile is not waited for"
    ear.heard()
    ear.when_heard(partial(woken.append, ear))
    ear.close()
    other.close()
    assert len(woken) == 4
    assert not await ear.wait()
    assert hub.listening == 0
    ear.listen(["balance:1"])
    assert hub.listening == 0, "what is over does not listen again"
