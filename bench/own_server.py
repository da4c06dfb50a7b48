"""A Hearth of a benchmark's own: a production server on a private PostgreSQL, with invented people.

It lives in a temporary folder. Nothing of it is left behind, and nothing of the developer's is touched.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.processes import stay_on
from server.embedded_postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent

_START_SECONDS = 90
_STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class OwnServer:
    """Where it listens, and the URL of its database and its process, to look behind the scenes."""

    host: str
    port: int
    database_url: str
    pid: int

    @property
    def workers(self) -> list[int]:
        """The processes that answer: children of that process, where it has any."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children] or [self.pid]

    def kilobytes(self) -> int:
        """The memory that is resident in those processes."""
        pages = sum(int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in self.workers)
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@contextmanager
def own_server(
    *,
    operator: str,
    limits: Mapping[str, int],
    households: int,
    people: str,
    workers: int = 1,
) -> Iterator[OwnServer]:
    """Start a server for the life of the block.

    `limits` are keys of the operator's profile and the values that they get instead, `households` is how many
    `hearth seed` makes, `people` is a file for `hearth import`, `workers` is how many processes serve. Raises
    RuntimeError where a command fails.
    """
    folder = Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    # PostgreSQL runs as an unprivileged user where we are root.
    folder.chmod(0o755)
    try:
        operators = folder / "operators"
        shutil.copytree(ROOT / "operators", operators)
        _raise_limits(operators / operator / "profile.toml", limits)
        (folder / "people.ndjson").write_text(people)
        # Durable, as in production: where only a known person's try is written down, the disk tells.
        with EmbeddedPostgres(folder / "database") as url:
            environment = {**production_environment(folder, url), "HEARTH_WORKERS": str(workers)}
            hearth(environment, "migrate")
            hearth(environment, "import", str(folder / "people.ndjson"))
            hearth(environment, "seed", "--operator", operator, "--households", str(households))
            with serving(environment, folder / "server.log") as server:
                yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _raise_limits(profile: Path, limits: Mapping[str, int]) -> None:
    """Give keys of a profile other values; the lines that set them are replaced as text."""
    text = profile.read_text()
    for key, value in limits.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        if found != 1:
            raise RuntimeError(f"{profile.name} has {found} lines that set {key}")
    profile.write_text(text)


def bare_environment() -> dict[str, str]:
    """Ours, without what a developer has set for a server of theirs."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))}


def production_environment(folder: Path, url: str) -> dict[str, str]:
    """A production server's; its data are in `folder`, and so are its operators."""
    return bare_environment() | {
        "PYTHONPATH": str(ROOT),
        "HEARTH_ENV": "production",
        "HEARTH_SECRET": secrets.token_urlsafe(48),
        "HEARTH_DATA": str(folder),
        "HEARTH_DATABASE_URL": url,
        "HEARTH_OPERATORS_PATH": str(folder / "operators"),
        "PORT": str(free_port()),
        # All the load comes from few people.
        "HEARTH_REQUESTS_PER_SESSION": "10000000",
        "HEARTH_SOCKETS_PER_USER": "10000000",
    }


def hearth(environment: Mapping[str, str], *words: str) -> None:
    """Run a command of Hearth's. Raises RuntimeError where it fails."""
    command = [sys.executable, "-P", "-m", "server.cli", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`hearth {words[0]}` failed:\n{done.stderr}")


@contextmanager
def serving(environment: Mapping[str, str], log: Path, cores: frozenset[int] | None = None) -> Iterator[OwnServer]:
    """A production server for the life of the block, on these cores only."""
    command = [sys.executable, "-P", "-m", "server.cli", "serve"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, preexec_fn=partial(stay_on, cores)
        )
    server = OwnServer("127.0.0.1", int(environment["PORT"]), environment["HEARTH_DATABASE_URL"], process.pid)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _is_ready(server):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=_STOP_SECONDS)


def _is_ready(server: OwnServer) -> bool:
    try:
        with urllib.request.urlopen(f"http://{server.host}:{server.port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
