"""Everything that is tried: PostgreSQL, API workers, the worker and the bank, each a process that can be killed.

It lives in a temporary folder. Only processes that were started here are ever ended, by their ids.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from domain.payment import ConfirmationKind
from domain.profile import read_profiles
from models.migrate import migrate
from models.reader import SILENT
from server.bank_process import journal_file
from server.edge_settings import ROOT
from server.settings import Settings
from services import catalogue, seed
from tests.chaos.http import Http
from tests.chaos.postgres import Postgres
from tests.chaos.sockets import connections

# Who is paid, how they confirm, and how many households there are.
OPERATORS = {
    "motiv": (ConfirmationKind.NONE, 8),
    "beeline": (ConfirmationKind.BANK_REDIRECT, 8),
    "letai": (ConfirmationKind.SMS_CODE, 120),
}
# No operator here takes money without asking, as some banks let them; and codes come quicker than people type.
_CHANGED = {
    "motiv": {"confirmation": '"NONE"'},
    "letai": {
        "resend_after_seconds": "1",
        "max_sms_per_number_per_hour": "100",
        "max_guesses_per_number_per_day": "1000",
    },
}
_READY_SECONDS = 30.0
_BUSY_SECONDS = 1.0

_OPEN = """
select count(*) from pg_stat_activity
where client_port = any($1::int[]) and (state like 'idle in transaction%' or backend_xid is not null)
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """What a killed worker was in the middle of."""

    transactions: int
    requests: int


@asynccontextmanager
async def ground() -> AsyncIterator[Path]:
    """A folder with operators and a database full of people, on which towns are built, for the life of the block."""
    folder = _temporary_folder()
    operators = folder / "operators"
    postgres = Postgres(folder / "database")
    try:
        shutil.copytree(ROOT / "operators", operators)
        for operator, values in _CHANGED.items():
            _change(operators / operator / "profile.toml", values)
        profiles = read_profiles(operators)
        await postgres.start()
        await migrate(postgres.url)
        await catalogue.load(postgres.url, profiles, operators)
        for operator, (_, households) in OPERATORS.items():
            await seed.seed(
                postgres.url, households=households, profiles=profiles, operator=operator, progress=lambda _: None
            )
        postgres.close()
        yield folder
    finally:
        postgres.close()
        shutil.rmtree(folder, ignore_errors=True)


class Town:
    """`async with Town(ground, workers=2) as town`, on a copy of that ground."""

    def __init__(self, ground: Path, *, workers: int = 2, broken: bool = False) -> None:
        self._ground = ground
        self._count = workers
        self._broken = broken
        self._workers: list[int] = []
        self._zygote: subprocess.Popen[str] | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._bank: subprocess.Popen[bytes] | None = None
        self._watching: asyncpg.Connection[asyncpg.Record] | None = None
        self.bank_kills = 0
        self.starts = 0

    async def __aenter__(self) -> "Town":
        self.folder = _temporary_folder()
        subprocess.run(["cp", "-a", f"{self._ground}/.", self.folder], check=True)  # noqa: ASYNC221 - owners stay
        # Both sockets stay with us, so that nobody is turned away while whoever answers starts again.
        self._listener, self._bank_listener = (socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(2))
        self.postgres = Postgres(self.folder / "database")
        try:
            await self._build()
        except BaseException:
            self._pull_down()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pull_down()

    @property
    def url(self) -> str:
        return self.postgres.url

    @property
    def journal(self) -> Path:
        """What the bank did."""
        return journal_file(self.settings)

    @property
    def inbox(self) -> Path:
        """What was sent to people."""
        return self.settings.data / "inbox.ndjson"

    @property
    def api_port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def bank_port(self) -> int:
        port: int = self._bank_listener.getsockname()[1]
        return port

    async def kill_worker(self) -> Hit:
        """Kill the API worker that has lived longest, once it has something to do, and start another.

        The youngest serves by then. The victim is stopped first, so that what it is in the middle of can be counted.
        """
        victim, newest = self._workers[0], self._workers[-1]
        deadline = time.monotonic() + _BUSY_SECONDS
        while time.monotonic() < deadline and not (self._asked_of(victim) and self._serves(newest)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        os.kill(victim, signal.SIGSTOP)
        hit = Hit(await self._transactions_of(victim), len(self._asked_of(victim)))
        os.kill(victim, signal.SIGKILL)
        self._replace(victim)
        return hit

    def kill_bank(self) -> None:
        """Kill the bank's process; its socket stays open, and another one takes over."""
        assert self._bank is not None
        self._bank.kill()
        self._bank.wait()
        self.bank_kills += 1
        self._bank = self._start_bank()

    async def stop_postgres(self) -> None:
        """Stop PostgreSQL at once, and start it again with whatever did not outlive that."""
        await asyncio.to_thread(self.postgres.stop_at_once)
        await asyncio.sleep(0.2)
        await self.postgres.start()
        await self.keep_running()

    async def keep_running(self) -> None:
        """Start again whatever ended by itself, as a supervisor would."""
        for worker in [each for each in self._workers if _is_dead(each)]:
            self._replace(worker)
        if self._worker is None or self._worker.poll() is not None:
            self._worker = self._hearth("worker")

    def kill_outbox_worker(self) -> None:
        """Kill the process that looks after payments beside the API's own loops."""
        if self._worker is not None:
            self._worker.kill()
            self._worker.wait()

    async def _build(self) -> None:
        self.settings = Settings(
            env="development",
            data=self.folder / "data",
            database_url=self.url,
            operators_path=self.folder / "operators",
            port=self.api_port,
            payment_patience_seconds=1,
        )
        self.journal.parent.mkdir(parents=True)
        # Where the bank is found, as `hearth run` notes it.
        (self.journal.parent / "address").write_text(f"http://127.0.0.1:{self.bank_port}")
        self._bank = self._start_bank()
        self._zygote = self._start_zygote()
        await self.postgres.start()
        assert self._told() == "ready"
        self._workers = [self._start() for _ in range(self._count)]
        self._worker = self._hearth("worker")
        deadline = time.monotonic() + _READY_SECONDS
        for port, path in ((self.api_port, "/graphql"), (self.bank_port, "/control")):
            http = Http(port)
            while True:
                try:
                    await http.post(path, b"{}")
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(0.05)
            http.close()

    def _start_zygote(self) -> subprocess.Popen[str]:
        descriptor = self._listener.fileno()
        words = ["-m", "tests.chaos.workers", "--listener", str(descriptor), *(["--broken"] if self._broken else [])]
        with (self.folder / "api.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", *words],
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=[descriptor],
                start_new_session=True,
            )

    def _start_bank(self) -> subprocess.Popen[bytes]:
        descriptor = self._bank_listener.fileno()
        return self._hearth("bank", "--listener", str(descriptor), stdin=subprocess.PIPE, pass_fds=[descriptor])

    def _hearth(
        self, *words: str, stdin: int = subprocess.DEVNULL, pass_fds: Sequence[int] = ()
    ) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "server.cli", *words],
                env=self._environment(),
                stdin=stdin,
                stdout=log,
                stderr=log,
                pass_fds=pass_fds,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))}
        return kept | {
            "PYTHONPATH": str(ROOT),
            "HEARTH_ENV": "development",
            "HEARTH_DATA": str(self.settings.data),
            "HEARTH_DATABASE_URL": self.url,
            "HEARTH_OPERATORS_PATH": str(self.settings.operators_path),
            "HEARTH_PAYMENT_PATIENCE_SECONDS": "1",
            # Connections take a while to open, and a worker here does not live long.
            "HEARTH_POOL_SIZE": "4",
            "PORT": str(self.api_port),
        }

    def _start(self) -> int:
        self.starts += 1
        return int(self._tell("start"))

    def _replace(self, dead: int) -> None:
        self._tell(f"bury {dead}")
        self._workers.remove(dead)
        self._workers.append(self._start())

    def _tell(self, words: str) -> str:
        assert self._zygote is not None
        assert self._zygote.stdin is not None
        print(words, file=self._zygote.stdin, flush=True)
        return self._told()

    def _told(self) -> str:
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        return self._zygote.stdout.readline().strip()

    def _serves(self, worker: int) -> bool:
        return any(each.local == self.api_port for each in connections(worker))

    def _asked_of(self, worker: int) -> set[int]:
        """The connections of payers on which that worker has something to answer."""
        port = self.api_port
        return {each.remote for each in connections(worker) if each.local == port} & Http.under_way

    async def _transactions_of(self, worker: int) -> int:
        port = int(self.url.rpartition(":")[2].partition("/")[0])
        ports = [each.local for each in connections(worker) if each.remote == port]
        try:
            if self._watching is None or self._watching.is_closed():
                self._watching = await asyncpg.connect(self.url, timeout=5)
            return await self._watching.fetchval(_OPEN, ports) or 0
        except (*SILENT, asyncpg.PostgresError):
            return 0

    def _pull_down(self) -> None:
        """End everything that was started, each by its id, and leave nothing behind."""
        if self._zygote is not None:
            self._zygote.kill()  # its workers end with it
            self._zygote.wait()
        self.kill_outbox_worker()
        if self._bank is not None:
            self._bank.kill()
            self._bank.wait()
        if self._watching is not None:
            self._watching.terminate()
        for listener in (self._listener, self._bank_listener):
            listener.close()
        self.postgres.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hearth-chaos-"))
    # PostgreSQL runs as an unprivileged user where we are root.
    folder.chmod(0o755)
    return folder


def _change(profile: Path, values: Mapping[str, str]) -> None:
    text = profile.read_text()
    for key, value in values.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert found == 1, f"{profile} has {found} lines that set {key}"
    profile.write_text(text)


def _is_dead(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
