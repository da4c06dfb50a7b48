"""The command line as a person meets it: real processes, one clear line, the right exit code."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.edge_settings import ROOT

# A wrong turn must not reach the database or the secret of the developer who runs the tests.
NOT_INHERITED = ("HEARTH_", "PORT", "PG")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return kept | {"HEARTH_DATA": str(tmp_path / "data")}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def hearth(
    environment: dict[str, str], *words: str, launcher: Path = ROOT / "hearth", folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [launcher, *words], env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=30
    )


def test_help_names_every_command_from_any_directory_through_a_link(
    environment: dict[str, str], tmp_path: Path
) -> None:
    link = tmp_path / "a link"
    link.symlink_to(os.path.relpath(ROOT / "hearth", tmp_path))
    answer = hearth(environment, "--help", launcher=link, folder=tmp_path)
    assert answer.returncode == 0
    for command in ("run", "serve", "worker", "migrate", "import", "catalogue", "seed", "ledger", "operators", "sdl"):
        assert re.search(rf"\n    {command}\s", answer.stdout)


def test_a_process_takes_along_nothing_for_tracebacks_that_tell_values() -> None:
    code = """
import sys
from server import cli
assert cli.main(["serve"]) == 1  # there is no secret
import structlog
print(*(name for name in sys.modules if name.startswith("rich.")))
"""
    environment = {"PATH": os.environ["PATH"], "HEARTH_ENV": "production"}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "\n"


def test_a_relative_file_is_looked_for_where_the_user_is(environment: dict[str, str], tmp_path: Path) -> None:
    environment["HEARTH_ENV"] = "development"
    answer = hearth(environment, "import", "nowhere.ndjson", folder=tmp_path)
    assert (answer.returncode, answer.stderr) == (
        1,
        "hearth: nowhere.ndjson cannot be read: No such file or directory\n",
    )


def test_the_working_directory_cannot_replace_a_module(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("raise SystemExit('imported from the working directory')")
    assert hearth(environment, "--help", folder=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_production_without_a_secret_refuses_to_start(environment: dict[str, str], command: str) -> None:
    environment["HEARTH_DATABASE_URL"] = "postgresql://hearth@127.0.0.1/hearth"
    answer = hearth(environment, command)
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith("hearth: HEARTH_SECRET is missing")


def test_a_taken_port_is_said_at_once(environment: dict[str, str], taken_port: int) -> None:
    environment["PORT"] = str(taken_port)
    answer = hearth(environment, "run")
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"hearth: Port {taken_port} is taken")
    assert line.endswith("make run")
    assert not Path(environment["HEARTH_DATA"], "database").exists()


def test_a_database_that_is_down_is_said_without_its_password(environment: dict[str, str]) -> None:
    closed = free_port()
    environment["HEARTH_DATABASE_URL"] = f"postgresql://hearth:hidden@127.0.0.1:{closed}/hearth"
    environment["PORT"] = str(free_port())
    answer = hearth(environment, "run")
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert f"127.0.0.1:{closed}/hearth" in line
    assert "connection refused" in line
    assert "hidden" not in line
