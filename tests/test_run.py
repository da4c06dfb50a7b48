"""`hearth run` from the banner to Ctrl-C, with a database that is shared and killed on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from server.edge_settings import ROOT
from server.run import banner
from server.settings import Settings
from tests.test_cli import NOT_INHERITED, free_port


class Server:
    """One `hearth run`, up once it has printed its banner."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
        self.process = subprocess.Popen(
            [ROOT / "hearth", "run"],
            env=kept | {"HEARTH_DATA": str(data), "PORT": str(self.port)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.banner = self._read_until("Ctrl-C")

    def is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; returns the exit code and the last line of the output."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=15)
        return self.process.returncode, said.strip().rpartition("\n")[2]

    def _read_until(self, word: str) -> str:
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if word in line:
                break
        return "".join(lines)


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hearth test ", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def server_of(data: Path) -> int:
    return int((data / "database" / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def bank_of(banner: str) -> str:
    (line,) = (line for line in banner.splitlines() if line.split()[:1] == ["Bank"])
    return line.split()[1]


def test_two_servers_share_a_database_that_survives_a_kill_and_goes_with_the_last(data: Path) -> None:
    first = Server(data)
    second = Server(data)
    try:
        assert f"http://127.0.0.1:{first.port}/graphiql" in first.banner
        assert "beeline" in first.banner
        assert bank_of(first.banner) == bank_of(second.banner), "they share a bank too"
        with urlopen(bank_of(first.banner), timeout=20) as page:
            assert "tok_mir_2204" in page.read().decode()
        assert first.is_ready()
        assert second.is_ready()

        os.kill(server_of(data), signal.SIGKILL)
        assert soon(first.is_ready)
        assert soon(second.is_ready)

        assert first.stop(signal.SIGTERM) == (0, "Stopped.")
        assert second.is_ready()
        assert second.stop(signal.SIGINT) == (0, "Stopped.")
        assert not (data / "database" / "cluster" / "postmaster.pid").exists()
    finally:
        for server in (first, second):
            server.process.kill()
            server.process.wait()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("lk.local", "lk.local")],
)
def test_the_banner_names_addresses_that_a_browser_can_open(host: str, shown: str, tmp_path: Path) -> None:
    people = {"beeline": {"owner": {"login": "79031234501", "password": "Domashniy24"}}}
    text = banner(Settings(env="development", data=tmp_path, host=host, port=8001), people)
    assert f"http://{shown}:8001/graphiql" in text
    assert "Bank" not in text
    assert "beeline   79031234501   Domashniy24" in text


def soon(happens: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if happens():
            return True
        time.sleep(0.1)
    return False
