"""What the server tells of its work: log, spans and metrics, through its real process. And what none of them tells."""

import asyncio
import base64
import io
import json
import logging
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import structlog

from execution.operations import Counts
from models.watch import Told
from server.logs import configure_logs
from server.metrics import MOST_OPERATIONS, Counted, shared_metrics
from server.settings import Settings
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import ROOT, free_port, running_server
from tests.databases import created
from tests.linking import ASK
from tests.linking import CONFIRM as CONFIRM_LINK
from tests.paying import TOP_UP, Town
from tests.sockets import opened as socket_opened
from tests.test_account_security import REMEMBER
from tests.test_registration import CONFIRM, REGISTER, newest
from tests.test_sign_in import REQUEST_CODE, WHO, WITH_CODE, wrong
from tests.watched import Collector, attributes, collecting, stored_in, told_in

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CARD_NUMBER = "4111111111111111"
WRONG_PASSWORD = "Zabytyy-parol-7"
NEW_PASSWORD = "Domovoy2026x"
LINES_TOLD = 'hearth_operation_seconds_count{kind="query",operation="Lines"}'
LINES = "query Lines { viewer { linkedNumbers { edges { node { id balance { available { amount } } } } } } }"


@dataclass
class Watched:
    """A server that is watched, and every secret that somebody used there."""

    town: Town
    collector: Collector
    logs: list[Path]
    metrics: str
    secrets: dict[str, str] = field(default_factory=dict)

    async def until_told(self, name: str) -> None:
        """Wait for a span of that name."""
        async with asyncio.timeout(20):
            while all(span.name != name for span in self.collector.spans()):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
async def watched(
    engine: str, demo_template: str, demo_people: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Watched]:
    """A server process after people did everything that takes a secret."""
    data, port = tmp_path_factory.mktemp("watched"), free_port()
    async with created(engine, "watched", demo_template) as url:
        with collecting() as collector:
            told = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
                "HEARTH_METRICS_PORT": str(port),
                "NO_PROXY": "*",
            }
            with running_server(url, data, **told) as address:
                connection = await asyncpg.connect(url)
                async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=20) as http:
                    town = Town(address, url, data, http, connection, demo_people)
                    metrics = f"http://127.0.0.1:{port}/metrics"
                    postgres = ROOT / ".hearth/test/postgres.log"
                    server = Watched(town, collector, [data / "server.log", postgres], metrics)
                    await _live(server, demo_people)
                    yield server
                await connection.close()


async def _live(server: Watched, demo_people: dict[str, Any]) -> None:
    town, secrets = server.town, server.secrets
    visitor = Cabinet(town.http)
    secrets |= {"card number": CARD_NUMBER, "wrong password": WRONG_PASSWORD, "password": NEW_PASSWORD}

    beeline, letai = visitor.of("beeline"), visitor.of("letai")
    owner = demo_people["beeline"]["owner"]
    await beeline.data(SIGN_IN, identifier=owner["msisdn"], password=WRONG_PASSWORD)
    # Words of a caller's own, where only names belong: as an operation, as a wrong variable, as no document at all.
    for query, variables in (
        (SIGN_IN, {"identifier": {"number": WRONG_PASSWORD}, "password": 7}),
        (f"query {{ {NEW_PASSWORD} }}", None),
        (f"query Q($v: Int) {{ __typename }} # {WRONG_PASSWORD}", {"v": WRONG_PASSWORD}),
    ):
        await beeline.ask(query, **(variables or {}))
    await town.http.post("/graphql", json={"query": WHO, "operationName": NEW_PASSWORD})
    await town.http.get(f"/documents/{NEW_PASSWORD}", params={"token": WRONG_PASSWORD})

    asked = (await beeline.data(REQUEST_CODE, identifier=owner["msisdn"]))["requestSignInCode"]["challenge"]["id"]
    code = secrets["sign-in code"] = await town.code(owner["msisdn"], asked)
    await beeline.data(WITH_CODE, challenge=asked, code=wrong(code))
    by_code = (await beeline.data(WITH_CODE, challenge=asked, code=code))["signInWithCode"]
    ann = visitor.of("beeline", by_code["accessToken"])
    secrets["token by code"] = by_code["accessToken"]

    await letai.data(REGISTER, email="watched@example.org", password=NEW_PASSWORD, terms=True)
    link = await newest(letai, "watched@example.org", "link")
    secrets["registration token"] = re.findall(r"token=([^&]+)", link)[0]
    confirmed = (await letai.data(CONFIRM, token=secrets["registration token"]))["confirmRegistration"]
    secrets["token of registration"] = confirmed["accessToken"]
    # Not a demo person: the server itself prints the password that these have.
    entered = (await letai.data(REMEMBER, identifier="watched@example.org", password=NEW_PASSWORD))[
        "signInWithPassword"
    ]
    secrets |= {"token": entered["accessToken"], "refresh token": entered["refreshToken"]}

    granny = await town.newcomer("beeline")
    form = {"msisdn": granny.who.msisdn, "scopes": ["VIEW", "PAY"]}
    request = (await ann.data(ASK, input=form))["requestNumberLink"]["linkRequest"]["challenge"]["id"]
    secrets["link code"] = await town.code(granny.who.msisdn, request)
    linked = (await ann.data(CONFIRM_LINK, id=request, code=secrets["link code"]))["confirmNumberLink"]
    assert linked["userErrors"] == [], linked

    payer = await town.newcomer("letai")
    assert payer.cabinet.token is not None
    secrets |= {"payer's token": payer.cabinet.token, "card token": await town.card()}
    payment = await payer.paying(token=secrets["card token"])
    challenge = payment["confirmation"]["challengeId"]
    secrets["payment code"] = await town.code(payer.who.msisdn, challenge)
    assert (await payer.confirm(payment, secrets["payment code"]))["payment"]["status"] == "COMPLETED"
    # Somebody's own front end sends the card itself, where only the bank's name for it belongs.
    for wrong_place in ({"token": CARD_NUMBER}, {"paymentMethodId": CARD_NUMBER}, {"receiptEmail": CARD_NUMBER}):
        await payer.cabinet.ask(TOP_UP, input=payer.form(**wrong_place))

    traced = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with socket_opened(town.address, headers=traced) as line:
        await line.init(authorization=f"Bearer {ann.token}", operator="beeline")
        await line.answer("1", LINES)
    await ann.post(LINES, None, **traced)
    async with asyncio.timeout(20):
        while await town.value("select exists (select from outbox where done_at is null)"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await server.until_told("query Lines")


# What none of it tells


async def test_no_secret_stands_in_database_outbox_log_or_spans(watched: Watched) -> None:
    assert len(watched.secrets) == 13
    assert await stored_in(watched.town.database, watched.secrets) == set()
    log, postgres = (file.read_bytes() for file in watched.logs)
    spans = b"\n".join(watched.collector.bodies)
    assert b"SignIn" in log
    assert b"insert into challenge" in spans
    assert told_in(log, watched.secrets) == set()
    assert told_in(postgres, watched.secrets) == set()
    assert told_in(spans, watched.secrets) == set()
    assert told_in(str(await asyncio.to_thread(numbers, watched.metrics)).encode(), watched.secrets) == set()


@pytest.mark.parametrize("way", ["as it is", "in capitals", "hexadecimal", "base64", "in a longer base64"])
async def test_a_secret_that_is_planted_is_found(watched: Watched, way: str) -> None:
    for name, secret in watched.secrets.items():
        planted = {
            "as it is": secret,
            "in capitals": f"code {secret}.",
            "hexadecimal": secret.encode().hex().upper(),
            "base64": base64.b64encode(secret.encode()).decode(),
            "in a longer base64": base64.urlsafe_b64encode(f"a{secret}z".encode()).decode(),
        }[way]
        assert name in told_in(f"2026-11-22T10:00:00.123456Z {planted}\n".encode(), watched.secrets)
    database = watched.town.database
    await database.execute("create table planted (words text, told jsonb, bytes bytea, list text[])")
    try:
        await database.execute(
            "insert into planted values ($1::text, jsonb_build_object('said', $1::text), convert_to($1::text, 'UTF8'),"
            " array[$1::text])",
            planted,
        )
        found = await stored_in(database, {name: secret})
        assert found == {(f"planted.{column}", name) for column in ("words", "told", "bytes", "list")}
    finally:
        await database.execute("drop table planted")


# Log


async def test_a_request_id_is_taken_or_made(cabinet: Cabinet) -> None:
    taken = await cabinet.post(WHO, None, **{"x-request-id": "edge:7f3a-0001"})
    assert taken.headers["x-request-id"] == "edge:7f3a-0001"
    made = {(await cabinet.post(WHO)).headers["x-request-id"] for _ in range(2)}
    for wrong_one in ("short", "x" * 65, "with space 12", 'a"b{}1234567', "semi;colon;123"):
        made.add((await cabinet.post(WHO, None, **{"x-request-id": wrong_one})).headers["x-request-id"])
    assert len(made) == 7
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in made)
    assert len((await cabinet.http.get("/nowhere")).headers["x-request-id"]) == 32


async def test_a_line_says_which_operation_and_how_it_ended(cabinet: Cabinet) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await cabinet.post(f"query Who {WHO}", None, **{"x-request-id": "edge:7f3a-0001"})
        await cabinet.post("query Wrong { nothing }")
        await cabinet.post("{ __typename }", accept="text/html")
        await cabinet.http.get("/documents/a-token")
        await cabinet.http.get("/healthz")
    told = [line for line in lines if line["event"] == "request"]
    assert all(isinstance(line.pop("ms"), float) for line in told)
    assert told[0] == {
        "event": "request",
        "log_level": "info",
        "request_id": "edge:7f3a-0001",
        "method": "POST",
        "route": "/graphql",
        "status": 200,
        "operation": "Who",
        "kind": "query",
        "outcome": "ok",
        "statements": 0,
    }
    # A name that no document has been found to have is a caller's own words.
    assert [(line["status"], line.get("operation"), line.get("outcome")) for line in told[1:]] == [
        (400, None, "refused"),
        (406, None, "refused"),
        (404, None, None),
    ]
    assert told[-1]["route"] == "/documents/{token}"


async def test_production_writes_json_and_no_local_variable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Servers of other tests leave uvicorn's own way of logging behind, which ours have not.
    monkeypatch.setattr(logging.getLogger("uvicorn"), "propagate", True)
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    written = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    try:
        with redirect_stderr(written):
            configure_logs(settings.model_copy(update={"env": "production"}))
            secret = WRONG_PASSWORD
            try:
                raise ValueError(len(secret))
            except ValueError:
                structlog.get_logger().exception("failed", path=["a", 1])
            logging.getLogger("uvicorn.error").info("Started")
            logging.getLogger("asyncpg").warning("lost")
            logging.getLogger("tortoise.db_client").debug("select $1: %s", [secret])
        lines = [json.loads(line) for line in written.buffer.getvalue().splitlines()]
    finally:
        configure_logs(settings)
    assert [(line["event"], line["level"]) for line in lines] == [
        ("failed", "error"),
        ("Started", "info"),
        ("lost", "warning"),
    ]
    assert "ValueError: 15" in lines[0]["exception"]
    assert WRONG_PASSWORD not in str(lines)


# Spans


async def test_spans_follow_an_operation_down_to_the_database(watched: Watched) -> None:
    spans = [span for span in watched.collector.spans() if span.trace_id.hex() == TRACE]
    by_id = {span.span_id: span for span in spans}
    [request] = [span for span in spans if span.name == "POST /graphql"]
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    assert attributes(request) == {"http.route": "/graphql", "http.response.status_code": 200}
    operations = [span for span in spans if span.name == "query Lines"]
    # One over HTTP, and one over a socket, which has no span of its own.
    assert {span.parent_span_id for span in operations} == {request.span_id, bytes.fromhex("00f067aa0ba902b7")}

    def above(name: str) -> set[str]:
        return {by_id[span.parent_span_id].name for span in spans if span.name == name and span.parent_span_id in by_id}

    assert above("balance_by_account_id") == {"query Lines"}
    assert above("gateway billing.balances") == {"balance_by_account_id"}
    assert "gateway billing.balances" in above("sql")
    statements = [attributes(span) for span in spans if span.name == "sql"]
    assert all(each["db.system.name"] == "postgresql" and each["db.query.text"] for each in statements)
    assert {span.name for span in watched.collector.spans()} >= {"gateway messages", "gateway provider"}


async def test_spans_follow_a_message_from_the_outbox_to_its_gateway(watched: Watched) -> None:
    spans = watched.collector.spans()
    by_id = {span.span_id: span for span in spans}
    batches = {span.span_id for span in spans if span.name == "outbox" and not span.parent_span_id}
    messages = [span for span in spans if span.name == "message"]
    assert {attributes(span)["outbox.kind"] for span in messages} >= {"sms", "email"}
    assert {span.parent_span_id for span in messages} <= batches
    sent = [by_id[span.parent_span_id] for span in spans if span.name == "gateway messages"]
    assert {span.name for span in sent} == {"message"}
    # What became of it is noted by the outbox's own connection.
    noted = [attributes(span) for span in spans if span.parent_span_id in batches and span.name == "sql"]
    assert len(noted) == len(messages)
    assert all("update outbox" in str(each["db.query.text"]) for each in noted)


# Metrics


def numbers(address: str) -> dict[str, float]:
    """The metrics of a server by name and labels."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def test_metrics_tell_what_happened_on_a_port_of_their_own(watched: Watched) -> None:
    assert (await watched.town.http.get("/metrics")).status_code == 404
    # Told within a second.
    async with asyncio.timeout(20):
        while (told := await asyncio.to_thread(numbers, watched.metrics)).get(LINES_TOLD) != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert told['hearth_operation_seconds_bucket{kind="query",le="+Inf",operation="Lines"}'] == 2
    assert 0 < told['hearth_operation_seconds_sum{kind="query",operation="Lines"}'] < 20
    assert told['hearth_operation_statements_count{operation="Lines"}'] == 2
    assert told['hearth_operation_statements_sum{operation="Lines"}'] > 4
    assert told['hearth_operations_total{operation="refused",outcome="refused"}'] >= 3
    assert told['hearth_loader_batch_keys_count{loader="balance_by_account_id"}'] >= 2
    assert told['hearth_one_time_codes_total{outcome="CODE_INVALID",purpose="SIGN_IN"}'] == 1
    assert told['hearth_one_time_codes_total{outcome="CODE_ACCEPTED",purpose="LINK_NUMBER"}'] == 1
    assert told['hearth_pool_connections{pool="reads",state="idle"}'] >= 0
    assert told['hearth_top_ups{state="COMPLETED"}'] == 1
    assert (told["hearth_outbox_waiting"], told["hearth_outbox_lag_seconds"]) == (0, 0)
    assert told["hearth_database_answers"] == 1
    assert told['hearth_messages_total{channel="SMS",outcome="SENT"}'] >= 3
    assert told['hearth_executor_lookups_total{found="miss"}'] >= 5
    assert told['hearth_executor_left_total{reason="new"}'] >= 5
    # The second time it came.
    assert told["hearth_executor_ran_total"] >= 1
    assert told["hearth_executor_compiled_total"] >= 1
    assert told["hearth_executor_entries"] >= 1
    assert told["hearth_executor_bytes"] > 1_000
    # What a wrong document calls itself is nobody's name.
    assert not [name for name in told if "Wrong" in name or NEW_PASSWORD in name]


async def test_events_of_a_socket_are_counted_as_run_compiled(watched: Watched) -> None:
    def ran() -> float:
        return numbers(watched.metrics)["hearth_executor_ran_total"]

    before = await asyncio.to_thread(ran)
    balances = "subscription Balances { balanceChanged { id balance { available { amount } } } }"
    async with socket_opened(watched.town.address) as line:
        await line.init(authorization=f"Bearer {watched.secrets['token by code']}", operator="beeline")
        await line.subscribe("1", balances)
        assert await line.next("1") != await line.next("1")
    async with asyncio.timeout(20):
        # The first event was that of a document which nobody had seen before.
        while await asyncio.to_thread(ran) <= before:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_worker_tells_of_the_outbox_on_a_port_of_its_own(watched: Watched, tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "HEARTH_ENV": "development",
        "HEARTH_DATABASE_URL": watched.town.url,
        "HEARTH_DATA": str(watched.town.data),
        "HEARTH_METRICS_PORT": str(port),
    }
    with (tmp_path / "log").open("wb") as log:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "server.cli", "worker", env=environment, stdout=log, stderr=log
        )
    try:
        told: dict[str, float] = {}
        async with asyncio.timeout(20):
            while not told:
                await asyncio.sleep(0.1)
                with suppress(OSError):
                    told = await asyncio.to_thread(numbers, f"http://127.0.0.1:{port}/metrics")
        assert (told["hearth_outbox_waiting"], told["hearth_database_answers"]) == (0, 1)
        # It answers no queries.
        assert not [name for name in told if name.startswith("hearth_executor")]
    finally:
        worker.terminate()
        ended = await worker.wait()
    assert ended == 0, (tmp_path / "log").read_text()


def test_executor_is_counted_on_from_where_it_was() -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    none = Counts(hits=0, misses=0, compiled=0, evicted=0, entries=0, size=0, ran=0, left={}, rerun={})
    states = iter(
        [
            none,
            replace(none, hits=3, misses=2, entries=2, size=900, ran=2, left={"new": 2}, rerun={"KeyError": 1}),
            replace(none, hits=7, misses=2, entries=1, size=400, ran=6, left={"new": 2}, rerun={"KeyError": 1}),
        ]
    )
    registry = CollectorRegistry()
    counted = Counted(registry, lambda: next(states))
    for _ in range(3):
        counted.flush()
    told = generate_latest(registry).decode()
    for line in (
        'hearth_executor_lookups_total{found="hit"} 7.0',
        'hearth_executor_lookups_total{found="miss"} 2.0',
        "hearth_executor_ran_total 6.0",
        'hearth_executor_left_total{reason="new"} 2.0',
        'hearth_executor_rerun_total{reason="KeyError"} 1.0',
        "hearth_executor_entries 1.0",
        "hearth_executor_bytes 400.0",
    ):
        assert line in told


def test_made_up_names_are_one() -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    counted = Counted(registry)
    for number in range(10 * MOST_OPERATIONS):
        counted.note(Told.OPERATION, (f"MadeUp{number}", "query", "ok"), 0.1)
    counted.note(Told.OPERATION, ("x" * 10_000, "query", "ok"), 0.1)
    counted.flush()
    told = generate_latest(registry).decode()
    assert len(set(re.findall('operation="([^"]*)"', told))) == MOST_OPERATIONS + 1
    assert f'hearth_operations_total{{operation="other",outcome="ok"}} {9 * MOST_OPERATIONS + 1}.0' in told


WORKER = """
import sys
from prometheus_client import CollectorRegistry
from models.watch import Told
from server.metrics import Counted

counted = Counted(CollectorRegistry())
counted.note(Told.OPERATION, ("Who", "query", "ok"), 0.1)
counted._pools.labels("reads", "idle").set(3)
counted.flush()
print("counted", flush=True)
sys.stdin.read()
"""


def test_several_workers_are_one_to_whoever_asks(settings: Settings) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/metrics"
    with shared_metrics(settings.model_copy(update={"metrics_port": port})):
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "counted\n"
        told = numbers(address)
        assert told['hearth_operation_seconds_count{kind="query",operation="Who"}'] == 2
        assert told['hearth_pool_connections{pool="reads",state="idle"}'] == 6
        for left, worker in enumerate(reversed(workers)):
            worker.communicate()
            # What a worker did stays done, and what it held it holds no more.
            told = numbers(address)
            assert told['hearth_operation_seconds_count{kind="query",operation="Who"}'] == 2
            assert told.get('hearth_pool_connections{pool="reads",state="idle"}', 0) == 3 * (1 - left)
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
