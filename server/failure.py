"""Expected reasons not to go on, worded for the person at the terminal."""

from __future__ import annotations


class StartFailure(Exception):
    """Something outside the program stands in the way: a setting, a port, a file, the database.

    The command line prints `lines` to stderr and exits with 1, without a traceback.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class DatabaseUnavailable(StartFailure):
    """PostgreSQL cannot be started, cannot be reached, or is too old."""
