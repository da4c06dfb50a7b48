"""Where the embedded PostgreSQL keeps its files, whose they are, and how they are made."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server.failure import DatabaseUnavailable
from server.postgres_programs import Account, Programs, find_programs, open_root_home

#: The database and its owner are both called so.
NAME = "hearth"
PORT = 5432

# The path of a Unix socket may have about 107 bytes, and TMPDIR is often longer than that on its own.
_SOCKETS_HOME = Path("/tmp")  # noqa: S108 (`_private_folder` refuses a folder that somebody else made)


@dataclass(frozen=True)
class Cluster:
    """An initialised data directory of PostgreSQL and what it takes to serve it."""

    folder: Path
    sockets: Path
    log: Path
    programs: Programs

    @property
    def account(self) -> Account:
        """The account that owns the files and runs the server."""
        return self.programs.account

    @property
    def dsn(self) -> str:
        """The URL of the database, in a form that libpq, asyncpg and Tortoise all read.

        The port is named because asyncpg would otherwise take it from PGPORT.
        """
        return f"postgresql://{NAME}@/{NAME}?host={self.sockets}&port={PORT}"


def open_cluster(data: Path, *, durable: bool) -> Cluster:
    """Return the cluster of a data directory, making it first if there is none.

    The caller holds the start lock. `data / "cluster"` is the data directory, or a link to it where root
    works below a folder that is closed to the account that runs the server. Raises DatabaseUnavailable.
    """
    place = data / "cluster"
    made = (place / "PG_VERSION").exists()
    account = Account.of(place) if made else Account.for_new_cluster()
    if os.geteuid() not in (0, account.uid):
        raise DatabaseUnavailable(
            f"The embedded database in {data} belongs to another account (uid {account.uid}): "
            "run this as that account or as root, or set HEARTH_DATA to a directory of your own."
        )
    programs = find_programs(account)
    if made:
        _check_version(place, programs)
    else:
        _make(data, programs, durable=durable)
    folder = place.resolve()
    return Cluster(folder, _private_folder(folder, account), data / "postgres.log", programs)


def _check_version(place: Path, programs: Programs) -> None:
    made_by = (place / "PG_VERSION").read_text().strip()
    if made_by != str(programs.version):
        raise DatabaseUnavailable(
            f"The embedded database in {place} was made by PostgreSQL {made_by}, and this is PostgreSQL "
            f"{programs.version}: set HEARTH_DATA to another directory, or delete this one to start anew."
        )


def _make(data: Path, programs: Programs, *, durable: bool) -> None:
    """Make the cluster and its database aside, then move them in place: a kill leaves no half of it."""
    account = programs.account
    home = data
    if not account.can_enter(data):
        home = open_root_home() / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        home.mkdir(exist_ok=True)
        home.chmod(0o755)
    for leftover in home.glob("draft-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home))
    os.chown(draft, account.uid, account.gid)
    _initialise(draft, programs, durable=durable)

    final = home / "cluster"
    if home != data:
        # Somebody who deletes the data directory wants an empty database, not the one it used to point to.
        if final.exists():
            shutil.rmtree(final)
        (data / "cluster").unlink(missing_ok=True)
    draft.rename(final)
    if home != data:
        (data / "cluster").symlink_to(final)


def _initialise(folder: Path, programs: Programs, *, durable: bool) -> None:
    # The builtin provider sorts and folds alike on every operating system; PostgreSQL 17 brought it.
    locale = ("C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8") if programs.version >= 17 else ("C.UTF-8",)
    programs.run(
        "initdb",
        f"--pgdata={folder}",
        f"--username={NAME}",
        "--auth=trust",
        "--encoding=UTF8",
        f"--locale={locale[0]}",
        *locale[1:],
        *(() if durable else ("--no-sync",)),
    )
    programs.run("postgres", "--single", "-D", str(folder), "postgres", script=f"CREATE DATABASE {NAME};\n")


def _private_folder(folder: Path, account: Account) -> Path:
    """Return the folder of the cluster's socket, which only the account (and root) can enter.

    Its name is the same for every process that uses the cluster. The inode is part of it, so that a server
    that has not yet noticed that its cluster was deleted is not in the way of the next one.
    """
    identity = f"{folder}\n{folder.stat().st_ino}"
    sockets = _SOCKETS_HOME / f"hearth-{hashlib.sha256(os.fsencode(identity)).hexdigest()[:16]}"
    try:
        sockets.mkdir(mode=0o700)
        os.chown(sockets, account.uid, account.gid)
    except FileExistsError:
        found = sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            raise DatabaseUnavailable(
                f"{sockets} must be a folder of uid {account.uid} that nobody else can enter: delete it and try again."
            ) from None
    return sockets
