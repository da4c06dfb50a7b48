"""A durable PostgreSQL of the test's own on a port of 127.0.0.1, that is stopped at once and started again."""

import asyncio
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import asyncpg

from server.postgres_cluster import NAME, open_cluster

_START_SECONDS = 60


class Postgres:
    """The server of the cluster in `folder`, made at first; over TCP, so that connections have port numbers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._cluster = open_cluster(folder, durable=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@127.0.0.1:{self.port}/{NAME}"

    async def start(self) -> None:
        """Start, recover from whatever happened, and wait until queries are answered."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "log_checkpoints": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._cluster.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
                [self._cluster.programs.path("postgres"), "-D", str(self._cluster.folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._cluster.account.process_options(),
            )
        async with asyncio.timeout(_START_SECONDS):
            while True:
                try:
                    connection = await asyncpg.connect(self.url, timeout=2)
                    await connection.close()
                    return
                except (OSError, asyncpg.PostgresError, TimeoutError):
                    await asyncio.sleep(0.05)

    def stop_at_once(self) -> None:
        """As a power cut would, but for the disk: nobody is waited for, nothing is written (`pg_ctl -m immediate`)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def close(self) -> None:
        """Stop it for good, with everything written down."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        shutil.rmtree(self._cluster.sockets, ignore_errors=True)
