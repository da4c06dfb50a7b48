"""`hearth doctor`: what is wrong is found and said, what to do too; and nothing is changed by looking."""

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from server import doctor
from server.doctor import Finding, State
from server.settings import ROOT, Settings
from tests.hearth import hearth

GOOD: dict[str, Any] = {
    "env": "production",
    "secret": "0123456789abcdefghijklmnopqrstuvwxyz",
    "sms_url": "smpp://name:password@127.0.0.1:2775?source=1070",
    "email_url": "smtps://name:password@mail.example.ru?from=noreply@example.ru",
    "voice_url": "https://voice.example.ru/calls",
    "sms_key": "0123456789abcdef",
    "payments_url": "yookassa://123456@api.yookassa.ru/v3",
    "payments_key": "0123456789abcdef",
    "sim_registry_url": "https://sims.example.ru/camara",
    "sim_registry_key": "0123456789abcdef",
    "trusted_proxies": "10.0.0.0/8",
    "site_url": "https://lk.example.ru",
    "operators_path": ROOT / "operators",
}


@pytest.fixture
def good(demo_database: str, tmp_path: Path) -> Settings:
    """The settings of a production server that is well."""
    return Settings(database_url=demo_database, data=tmp_path, **GOOD)


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
def test_what_is_missing_is_found(changed: dict[str, Any], check: str, state: State, tmp_path: Path) -> None:
    nowhere = Settings(database_url="postgresql://127.0.0.1:1/nowhere", data=tmp_path, **GOOD)
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


async def test_the_command_fails_for_a_problem_and_tells_programs(good: Settings) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))},
        "PYTHONPATH": str(ROOT),
        **{f"HEARTH_{name.upper()}": str(value) for name, value in GOOD.items()},
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
    assert "0123456789abcdef" not in well.stdout + ill.stdout + ill.stderr
