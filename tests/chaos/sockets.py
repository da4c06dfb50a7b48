"""Which connections a process has, by what Linux tells of it: the ports say who is at the other end."""

import os
from dataclasses import dataclass
from pathlib import Path

_ESTABLISHED = "01"


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP connection over IPv4, by its two ports."""

    local: int
    remote: int


def connections(process: int) -> list[Connection]:
    """The open connections of a process; none where it is gone."""
    inodes = set()
    try:
        for entry in os.scandir(f"/proc/{process}/fd"):
            try:
                target = os.readlink(entry.path)
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    except (FileNotFoundError, ProcessLookupError):
        return []
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes and fields[3] == _ESTABLISHED:
            local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
            found.append(Connection(local, remote))
    return found
