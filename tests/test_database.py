"""Which database a command takes, and what it says of one that will not do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from server import database
from server.edge_settings import ROOT
from server.embedded_postgres import EmbeddedPostgres
from server.failure import DatabaseUnavailable
from server.settings import Settings


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with EmbeddedPostgres(ROOT / ".hearth" / "test", durable=False) as address:
        yield address


def run(dsn: str, *statements: str) -> None:
    async def session() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(session())


def refusal_of(url: str) -> str:
    with pytest.raises(DatabaseUnavailable) as refusal:
        asyncio.run(database.check(url))
    (line,) = refusal.value.lines
    return line


def test_a_database_that_answers_and_is_new_enough(dsn: str) -> None:
    asyncio.run(database.check(dsn))


def test_an_old_server_is_named_with_its_version(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def server_version(url: str) -> int:
        return 14

    monkeypatch.setattr(database, "server_version", server_version)
    assert refusal_of(dsn).endswith("is PostgreSQL 14: Hearth needs 15 or newer.")


def test_a_database_that_is_not_there(dsn: str) -> None:
    assert 'database "absent" does not exist' in refusal_of(dsn.replace("/hearth?", "/absent?"))


def test_a_server_that_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = refusal_of(f"postgresql://hearth:hidden@127.0.0.1:{silent.getsockname()[1]}/hearth")
    assert "nothing heard within" in line
    assert "hidden" not in line


def test_an_account_that_may_not_create_tables_is_told_what_it_needs(dsn: str) -> None:
    run(dsn, "create role newcomer login", "create database newcomer")
    try:
        url = dsn.replace("hearth@/hearth?", "newcomer@/newcomer?")
        settings = Settings(env="development", data=ROOT / ".hearth", database_url=url)
        with pytest.raises(DatabaseUnavailable, match="may not create tables"):
            asyncio.run(database.bring_up_to_date(url, {}, settings))
    finally:
        run(dsn, "drop database newcomer", "drop role newcomer")


def test_the_embedded_database_is_taken_only_without_a_url(tmp_path: Path) -> None:
    settings = Settings(env="development", data=tmp_path, database_url="postgresql://db.example/hearth")
    with database.attached(settings) as (same, postgres):
        assert (same, postgres) == (settings, None)
    assert not (tmp_path / "database").exists()
