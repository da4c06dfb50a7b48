"""The private PostgreSQL: made, shared, killed, found again, and never in anybody's way."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.backends.base.config_generator import expand_db_url

from server import postgres_programs
from server.embedded_postgres import EmbeddedPostgres
from server.failure import DatabaseUnavailable
from server.postgres_programs import Account

AS_ROOT = os.geteuid() == 0
NOBODY = Account(65534, 65534)
SAFETY = """
    select string_agg(setting, ' ') from pg_settings
    where name in ('fsync', 'synchronous_commit', 'full_page_writes')
"""

LARGE = "select cardinality(array(select repeat('x', 100) from generate_series(1, 20000)))"

# A user of the database as another process: it says where the database is, and leaves when stdin closes.
USER = """
import sys
from pathlib import Path
from server.embedded_postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A directory that every account can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="hearth-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A data directory that does not exist yet."""
    with reachable_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory with a cluster that is stopped before and after each test; making one takes a second."""
    with reachable_folder() as folder:
        with EmbeddedPostgres(folder, durable=False):
            pass
        yield folder


@pytest.fixture
def join() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start other users of a database; whoever is left at the end leaves."""
    users: list[subprocess.Popen[str]] = []

    def start(data: Path) -> subprocess.Popen[str]:
        user = subprocess.Popen(
            [sys.executable, "-c", USER, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        )
        users.append(user)
        return user

    yield start
    for user in users:
        leave(user)


def said(user: subprocess.Popen[str]) -> str:
    """The address a user got; it has joined once it says so."""
    assert user.stdout is not None
    return user.stdout.readline().strip()


def leave(user: subprocess.Popen[str]) -> None:
    user.communicate()


def ask(dsn: str, *statements: str) -> Any:
    """The answer to the last of some statements."""

    async def session() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(session())


def server_of(data: Path) -> int | None:
    """The process id of the server that PostgreSQL itself claims to run."""
    try:
        return int((data / "cluster" / "postmaster.pid").read_text().splitlines()[0])
    except FileNotFoundError:
        return None


def refusal(data: Path) -> tuple[str, ...]:
    """What a start says that fails."""
    with pytest.raises(DatabaseUnavailable) as failure:
        EmbeddedPostgres(data, durable=False).start()
    return failure.value.lines


@contextmanager
def replaced(file: Path, text: str) -> Iterator[None]:
    kept = file.read_text()
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(kept)


def kill_server(data: Path) -> None:
    pid = server_of(data)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_a_test_server_is_fast_and_knows_unicode_and_has_no_network_port(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as dsn:
        assert ask(dsn, "select current_database()") == "hearth"
        assert ask(dsn, "select lower('ПРИВЕТ')") == "привет"
        assert ask(dsn, "select current_setting('listen_addresses')") == ""
        assert ask(dsn, "select current_setting('max_connections')::int") >= 100
        assert ask(dsn, SAFETY) == "off off off"
    assert server_of(data) is None
    assert "database system is shut down" in (data / "postgres.log").read_text()


def test_any_other_server_survives_a_power_cut(data: Path) -> None:
    with EmbeddedPostgres(data) as dsn:
        assert ask(dsn, SAFETY) == "on on on"


def test_a_connection_keeps_the_memory_that_large_statements_take(data: Path) -> None:
    async def faults(url: str) -> int:
        connection = await asyncpg.connect(url)
        try:
            pid = await connection.fetchval("select pg_backend_pid()")
            for _ in range(3):
                await connection.execute(LARGE)
            before = page_faults(pid)
            for _ in range(10):
                await connection.execute(LARGE)
            return page_faults(pid) - before
        finally:
            await connection.close()

    with EmbeddedPostgres(data, durable=False) as url:
        # It takes some 1,000 pages each time.
        assert asyncio.run(faults(url)) < 1_000


def page_faults(pid: int) -> int:
    """How often a process was given a page of memory."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


def test_the_address_means_the_same_to_asyncpg_and_to_tortoise(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "9999")
    monkeypatch.setenv("PGHOST", "192.0.2.1")
    with EmbeddedPostgres(data, durable=False) as dsn:
        assert ask(dsn, "select current_user") == "hearth"
        credentials = expand_db_url(dsn)["credentials"]
        assert Path(credentials["host"], f".s.PGSQL.{credentials['port']}").is_socket()
        assert (credentials["user"], credentials["database"]) == ("hearth", "hearth")


def test_any_path_will_do(fresh: Path) -> None:
    folder = fresh / "with some spaces" / 'it\'s "$HOME" `id`' / "/".join(["long" * 15] * 4)
    with EmbeddedPostgres(folder, durable=False) as dsn:
        assert ask(dsn, "select 1") == 1


def test_two_first_starts_at_once_make_one_cluster_and_the_last_user_stops_it(
    fresh: Path, join: Callable[[Path], subprocess.Popen[str]]
) -> None:
    first, second = join(fresh), join(fresh)
    dsn = said(first)
    assert said(second) == dsn
    leave(first)
    assert ask(dsn, "select 1") == 1
    leave(second)
    assert server_of(fresh) is None
    assert not list(fresh.glob("draft-*"))


def test_a_killed_server_is_revived_at_the_same_address_with_its_data(data: Path) -> None:
    postgres = EmbeddedPostgres(data)  # What the test asks back was committed, and must be there.
    with postgres as dsn:
        ask(dsn, "create table kept as select 42 as answer", "select 1")
        kill_server(data)
        wait_until(lambda: not postgres.is_alive())
        postgres.revive()
        assert postgres.is_alive()
        assert ask(dsn, "select answer from kept") == 42
    assert not postgres.is_alive()


def test_a_killed_user_leaves_a_server_that_the_next_one_takes_over(
    data: Path, join: Callable[[Path], subprocess.Popen[str]]
) -> None:
    victim = join(data)
    dsn = said(victim)
    ask(dsn, "create table shared as select 42 as answer", "select 1")
    victim.kill()
    victim.wait()
    orphan = server_of(data)
    with EmbeddedPostgres(data, durable=False) as again:
        assert again == dsn
        assert server_of(data) == orphan
        assert ask(again, "select answer from shared") == 42
    assert server_of(data) is None


def test_a_start_after_user_and_server_were_killed(data: Path, join: Callable[[Path], subprocess.Popen[str]]) -> None:
    victim = join(data)
    said(victim)
    victim.kill()
    kill_server(data)
    with EmbeddedPostgres(data, durable=False) as dsn:
        assert ask(dsn, "select 1") == 1


def test_a_stale_claim_in_the_name_of_a_living_stranger_is_no_obstacle(data: Path) -> None:
    postgres = EmbeddedPostgres(data, durable=False)
    with postgres as dsn:
        kill_server(data)
        wait_until(lambda: not postgres.is_alive())
        claim = data / "cluster" / "postmaster.pid"
        rest = claim.read_text().partition("\n")[2]
        stranger = subprocess.Popen(["/bin/sleep", "60"], **NOBODY.process_options() if AS_ROOT else {})
        try:
            claim.write_text(f"{stranger.pid}\n{rest}")
            assert not postgres.is_alive()
            postgres.revive()
            assert ask(dsn, "select 1") == 1
        finally:
            stranger.kill()
            stranger.wait()


def test_a_start_that_fails_says_why_in_one_line(data: Path) -> None:
    with replaced(data / "cluster" / "postgresql.conf", "nonsense = 1\n"):
        (line,) = refusal(data)
    assert "FATAL" in line
    assert str(data / "postgres.log") in line


def test_a_cluster_of_another_version_is_left_alone(data: Path) -> None:
    with replaced(data / "cluster" / "PG_VERSION", "12\n"):
        (line,) = refusal(data)
    assert "was made by PostgreSQL 12" in line


def test_a_machine_without_postgresql(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "_candidates", list)
    (line,) = refusal(data)
    assert "HEARTH_DATABASE_URL" in line


def test_a_socket_folder_that_somebody_else_made_is_refused(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as dsn:
        sockets = Path(expand_db_url(dsn)["credentials"]["host"])
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)
    try:
        (line,) = refusal(data)
        assert "nobody else can enter" in line
    finally:
        sockets.rmdir()


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)
