"""What the kernel tells of processes, and where it lets them run. Linux only: elsewhere they run where they like."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def stay_on(cores: frozenset[int] | None, pid: int = 0) -> None:
    """Keep a process, and what it starts from now on, on these cores; 0 is the caller's own, None all cores."""
    if cores is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, cores)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Seconds that the kernel counted for processes, in their own code and on their behalf."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # such as a connection that a pool gave up
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def memory_megabytes(pids: Iterable[int]) -> float:
    """What processes hold in memory, shared pages and all."""
    kilobytes = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024


def family(pid: int) -> list[int]:
    """A process and all that it started, and those started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        # Threads come and go.
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in task.read_text().split():
                found += family(int(child))
    return found
