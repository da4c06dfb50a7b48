"""`hearth doctor`: what is wrong is found and said, what to do too; and nothing is changed by looking."""

import asyncio
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from server import doctor, doctor_gateways
from server.doctor_gateways import gateways, social_networks
from server.edge_settings import ROOT
from server.failure import StartFailure
from server.findings import Finding, State
from server.settings import Settings
from tests.conftest import free_port
from tests.hearth import hearth

SECRET = "0123456789abcdef"


class Elsewhere(BaseHTTPRequestHandler):
    """Answers whatever it is asked with its server's status, and remembers what it was sent."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Any]:
    """Whoever the server talks to over HTTP, and an SMS centre as far as one can see by connecting to it."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.status, server.asked = 404, []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def postbox(certificate: Path) -> Iterator[list[str]]:
    """The recipients of a mail server on the port that is the last of them."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def handle_rcpt(server: object, session: object, envelope: object, address: str, options: object) -> str:
        recipients.append(address)
        return "250 OK"

    handler = SimpleNamespace(handle_RCPT=handle_rcpt)
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), ssl_context=context)
    recipients = [str(controller.port)]
    controller.start()
    yield recipients
    controller.stop()


@pytest.fixture(scope="module")
def values(elsewhere: Any, postbox: list[str], certificate: Path) -> dict[str, Any]:
    """What the environment of a production server says that is well."""
    port = elsewhere.server_port
    return {
        "env": "production",
        "secret": "0123456789abcdefghijklmnopqrstuvwxyz",
        "sms_url": f"smpp://name:password@127.0.0.1:{port}?source=1070",
        "email_url": f"smtps://127.0.0.1:{postbox[0]}?from=noreply@example.ru",
        "email_ca": certificate,
        "voice_url": f"http://127.0.0.1:{port}/calls",
        "sms_key": SECRET,
        "payments_url": f"yookassa://123456@127.0.0.1:{port}/v3",
        "payments_key": SECRET,
        "crediting_url": f"http://127.0.0.1:{port}/credits",
        "crediting_key": SECRET,
        "sim_registry_url": f"http://127.0.0.1:{port}/camara",
        "sim_registry_key": SECRET,
        "trusted_proxies": "10.0.0.0/8",
        "site_url": "https://lk.example.ru",
        "operators_path": ROOT / "operators",
    }


@pytest.fixture
def good(demo_database: str, tmp_path: Path, values: dict[str, Any]) -> Settings:
    """The settings of a production server that is well."""
    return Settings(database_url=demo_database, data=tmp_path, **values)


@pytest.fixture
def nowhere(tmp_path: Path, values: dict[str, Any]) -> Settings:
    """The same, without a database."""
    return Settings(database_url="postgresql://127.0.0.1:1/nowhere", data=tmp_path, **values)


async def examined(settings: Settings) -> dict[str, Finding]:
    findings = await asyncio.to_thread(doctor.examine, settings)
    return {finding.check: finding for finding in findings}


async def test_a_server_that_is_well_has_no_findings(good: Settings) -> None:
    found = await examined(good)
    assert {finding.check: str(finding) for finding in found.values() if finding.state is not State.OK} == {}
    assert {"secret", "origins", "proxies", "migrations", "ledger", "outbox", "dead letters", "clock"} <= set(found)
    assert {"catalogue", "sim registry", "payments", "connections"} <= set(found)


@pytest.mark.parametrize(
    ("changed", "check", "state"),
    [
        ({"allowed_origins": ("http://lk.example.ru",)}, "origins", State.PROBLEM),
        ({"trusted_proxies": ()}, "proxies", State.PROBLEM),
        ({"trusted_proxies": (), "host": "0.0.0.0"}, "proxies", State.WARNING),
        ({"site_url": ""}, "site", State.WARNING),
        ({"introspection": True}, "introspection", State.WARNING),
        ({"sms_url": None}, "sms", State.PROBLEM),
        ({"email_url": None}, "email", State.WARNING),
        ({"payments_url": None}, "payments", State.WARNING),
        ({"sim_registry_url": None}, "sim registry", State.WARNING),
        ({"env": "development"}, "environment", State.WARNING),
        ({}, "start", State.PROBLEM),
    ],
)
def test_what_is_missing_is_found(changed: dict[str, Any], check: str, state: State, nowhere: Settings) -> None:
    [found] = [each for each in doctor.examine(nowhere.model_copy(update=changed)) if each.check == check]
    assert found.state is state
    assert found.advice or check == "start"


@pytest.mark.parametrize(
    ("done", "check", "state"),
    [
        ("drop table tortoise_migrations", "migrations", State.PROBLEM),
        ("delete from tortoise_migrations where name like '0030%'", "migrations", State.PROBLEM),
        (
            "insert into tortoise_migrations (app, name, applied_at) values ('models', '9999_later', now())",
            "migrations",
            State.WARNING,
        ),
        ("update tariff set operator = 'nobody' where operator = 'tele2'", "catalogue", State.PROBLEM),
        (
            """
insert into outbox (operator, kind, body, created_at, run_at, attempts)
values ('tele2', 'sms', '{}', now(), now() - interval '2 minutes', 0)
""",
            "outbox",
            State.WARNING,
        ),
        (
            """
insert into outbox (operator, kind, body, created_at, run_at, attempts)
values ('tele2', 'sms', '{}', now(), now() - interval '1 hour', 0)
""",
            "outbox",
            State.PROBLEM,
        ),
        (
            """
insert into outbox (operator, kind, body, created_at, run_at, attempts, delivery, done_at)
values ('tele2', 'sms', '{}', now(), now(), 1, 'FAILED', now())
""",
            "dead letters",
            State.WARNING,
        ),
        (
            """
set session_replication_role = replica;
update ledger_account set balance = balance + 1 where account_id is not null
""",
            "ledger",
            State.PROBLEM,
        ),
    ],
)
async def test_what_is_wrong_in_the_database_is_found(good: Settings, done: str, check: str, state: State) -> None:
    connection = await asyncpg.connect(good.dsn)
    await connection.execute(done)
    await connection.close()
    finding = (await examined(good))[check]
    assert finding.state is state
    assert finding.advice


async def test_more_connections_than_postgres_has_are_found(good: Settings) -> None:
    found = await examined(good.model_copy(update={"workers": 500}))
    assert found["connections"].state is State.PROBLEM


async def test_clocks_that_differ_are_found(good: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fast(doctor.datetime):  # type: ignore[name-defined, misc]
        @classmethod
        def now(cls, zone: Any = None) -> Any:
            return super().now(zone) + timedelta(minutes=1)

    monkeypatch.setattr(doctor, "datetime", Fast)
    assert (await examined(good))["clock"].state is State.PROBLEM


async def test_its_connection_cannot_change_anything(good: Settings) -> None:
    async with doctor._looking(good.dsn) as connection:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("delete from outbox")


# Gateways


def test_gateways_are_asked_for_nothing_and_shown_no_key(nowhere: Settings, elsewhere: Any, postbox: list[str]) -> None:
    elsewhere.asked.clear()
    found = {finding.check: finding.found for finding in gateways(nowhere)}
    names = {"sms", "voice", "email", "payments", "billing", "sim registry"}
    assert found == dict.fromkeys(names, "answers")
    assert {path for path, _ in elsewhere.asked} == {"/calls", "/v3", "/credits", "/camara"}
    assert SECRET not in str(elsewhere.asked)
    assert not [headers for _, headers in elsewhere.asked if "authorization" in headers]
    assert postbox[1:] == []


@pytest.mark.parametrize(
    ("changed", "check", "found"),
    [
        ({"sms_url": SecretStr("smpp://name:password@127.0.0.1:1?source=1070")}, "sms", "ConnectionRefusedError"),
        ({"email_url": SecretStr("smtps://127.0.0.1:1?from=noreply@example.ru")}, "email", "cannot be used"),
        ({"email_ca": None}, "email", "certificate is not trusted"),
        ({"payments_url": SecretStr("yookassa://1@127.0.0.1:1/v3")}, "payments", "ConnectError"),
        ({"voice_url": SecretStr("http://127.0.0.1:1/calls?key=hidden")}, "voice", "ConnectError"),
        ({"sim_registry_url": SecretStr("http://127.0.0.1:1")}, "sim registry", "ConnectError"),
    ],
)
def test_a_gateway_that_does_not_answer_is_a_warning(
    nowhere: Settings, changed: dict[str, Any], check: str, found: str
) -> None:
    silent = [each for each in gateways(nowhere.model_copy(update=changed)) if each.state is not State.OK]
    assert [(each.check, each.state) for each in silent] == [(check, State.WARNING)]
    assert found in silent[0].found
    assert silent[0].advice
    assert not [word for word in ("password", "hidden", "127.0.0.1") if word in str(silent[0])]


def test_a_gateway_that_is_broken_is_a_warning(
    nowhere: Settings, elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "status", 503)
    found = {each.check: (each.state, each.found) for each in gateways(nowhere)}
    assert found["payments"] == (State.WARNING, "answers 503")
    assert found["sms"] == (State.OK, "answers")


def test_a_gateway_that_hangs_is_not_waited_for(nowhere: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_gateways, "_PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = SecretStr(f"http://127.0.0.1:{hanging.getsockname()[1]}/calls")
        found = {each.check: each for each in gateways(nowhere.model_copy(update={"voice_url": url}))}
    assert found["voice"].state is State.WARNING
    assert found["voice"].found.startswith("does not answer within")


def test_social_networks_are_asked_what_they_publish(nowhere: Settings, elsewhere: Any, tmp_path: Path) -> None:
    file = tmp_path / "oidc.toml"
    issuer = f"http://127.0.0.1:{elsewhere.server_port}"
    file.write_text(
        f'[letai.VK]\nissuer = "{issuer}"\nclient_id = "a"\nredirect_uris = ["https://lk.example.ru/social"]\n'
    )
    elsewhere.asked.clear()
    [found] = social_networks(nowhere.model_copy(update={"oidc": file}), ["letai"])
    assert (found.check, found.state, found.found) == ("letai.VK", State.WARNING, "discovery: status 404 without JSON")
    assert [path for path, _ in elsewhere.asked] == ["/.well-known/openid-configuration"]
    assert social_networks(nowhere, ["letai"]) == []
    file.write_text("[letai.VK]\nissuer = 1")
    with pytest.raises(StartFailure, match="HEARTH_OIDC"):
        social_networks(nowhere.model_copy(update={"oidc": file}), ["letai"])


async def test_the_command_fails_for_a_problem_and_tells_programs(good: Settings, values: dict[str, Any]) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))},
        "PYTHONPATH": str(ROOT),
        **{f"HEARTH_{name.upper()}": str(value) for name, value in values.items()},
        "HEARTH_DATABASE_URL": good.dsn,
    }

    well = await asyncio.to_thread(hearth, environment, "doctor", "--json")
    wrong = {**environment, "HEARTH_ALLOWED_ORIGINS": "http://lk.example.ru"}
    ill = await asyncio.to_thread(hearth, wrong, "doctor")
    assert well.returncode == 0, well.stderr
    assert {finding["state"] for finding in json.loads(well.stdout)} == {"ok"}
    assert ill.returncode == 1
    [line] = [line for line in ill.stdout.splitlines() if line.startswith("problem")]
    assert "origins" in line
    assert "HEARTH_ALLOWED_ORIGINS" in line
    assert "1 of" in ill.stderr
    assert SECRET not in well.stdout + ill.stdout + ill.stderr
