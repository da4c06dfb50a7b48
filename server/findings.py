"""What `hearth doctor` finds: a line for each thing that it looks at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How serious a finding is; only a problem fails the command."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do where it is not well."""

    check: str
    state: State
    found: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.state:<8} {self.check:<14} {self.found}{f': {self.advice}' if self.advice else ''}"
