"""The private PostgreSQL when root starts it: PostgreSQL refuses to be root, and directories may be closed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import postgres_cluster
from server.embedded_postgres import EmbeddedPostgres
from server.postgres_programs import Programs, find_programs
from tests.test_embedded_postgres import NOBODY, ask, reachable_folder


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A data directory that does not exist yet."""
    with reachable_folder() as folder:
        yield folder / "data"


def test_root_below_a_closed_directory_keeps_the_cluster_elsewhere(fresh: Path) -> None:
    fresh.parent.chmod(0o700)
    place = fresh / "cluster"
    try:
        with EmbeddedPostgres(fresh, durable=False) as dsn:
            assert ask(dsn, "select 1") == 1
            assert place.is_symlink()
            ask(dsn, "create table old ()", "select 1")
        assert fresh.parent.stat().st_mode & 0o777 == 0o700
        first = place.resolve()
        # Deleting the directory means wanting an empty database.
        shutil.rmtree(fresh)
        with EmbeddedPostgres(fresh, durable=False) as dsn:
            assert ask(dsn, "select to_regclass('old')") is None
        assert place.resolve() == first
    finally:
        shutil.rmtree(place.resolve().parent)


def test_an_ordinary_user_and_root_share_the_user_s_database(fresh: Path) -> None:
    programs = find_programs(NOBODY)
    fresh.mkdir()
    os.chown(fresh, NOBODY.uid, NOBODY.gid)
    ordinary = multiprocessing.get_context("fork").Process(target=start_as_nobody, args=(fresh, programs))
    ordinary.start()
    ordinary.join()
    assert ordinary.exitcode == 0
    with EmbeddedPostgres(fresh, durable=False) as dsn:
        assert ask(dsn, "select answer from kept") == 42
        assert (fresh / "cluster" / "postmaster.pid").stat().st_uid == NOBODY.uid


def start_as_nobody(data: Path, programs: Programs) -> None:
    """Run in a fork, because an interpreter below /root cannot be started by anybody else."""
    os.setgroups([])
    os.setgid(NOBODY.gid)
    os.setuid(NOBODY.uid)
    pytest.MonkeyPatch().setattr(postgres_cluster, "find_programs", lambda account: programs)
    with EmbeddedPostgres(data, durable=False) as dsn:
        ask(dsn, "create table kept as select 42 as answer", "select 1")
