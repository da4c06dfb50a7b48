"""Taking in a file of use (NDJSON): the door that billing has until it calls by itself.

The file is read as a whole before anything is counted. Each event is then a transaction of its own, counted once
however often the file is given: whoever was interrupted gives it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from domain.household_file_values import reason
from domain.msisdn import normalize
from domain.profile import Profile
from domain.usage_file import USAGE, UsageRecord
from services import usage_intake
from services.usage_intake import UsageEvent, Used, UsedBefore

MOST_PROBLEMS = 20


class UsageRejected(ValueError):
    """A file that nothing was counted of; `problems` say which lines are why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file's events; `refused` has a line for each that was not counted."""

    used: int
    before: int
    refused: tuple[str, ...]


async def import_file(profiles: Mapping[str, Profile], file: Path) -> Taken:
    """Count what a file tells, in its order. Raises `UsageRejected`."""
    problems = [problem for _, _, problem in _read(profiles, file) if problem is not None]
    if problems:
        raise UsageRejected(problems[:MOST_PROBLEMS])
    used = before = 0
    refused: list[str] = []
    for place, record, _ in _read(profiles, file):
        assert record is not None
        outcome = await usage_intake.use(*_event(profiles[record.operator], record))
        if isinstance(outcome, Used):
            used += 1
        elif isinstance(outcome, UsedBefore):
            before += 1
        else:
            refused.append(f"line {place}: {outcome.code}: {outcome.message}")
    return Taken(used, before, tuple(refused))


def _event(profile: Profile, record: UsageRecord) -> tuple[Profile, str, UsageEvent]:
    zone = profile.operator.zone
    event = UsageEvent(
        key=record.id,
        at=record.at.at(datetime.now(zone).date(), zone).astimezone(UTC),
        kind=record.type,
        unit=record.unit.unit,
        volume=record.unit.stored(record.volume),
        scope=record.scope,
        number=None if record.to is None else (normalize(record.to, profile) or record.to),
    )
    return profile, normalize(record.line, profile) or record.line, event


def _read(profiles: Mapping[str, Profile], file: Path) -> Iterator[tuple[int, UsageRecord | None, str | None]]:
    with file.open("rb") as lines:
        for place, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                record = USAGE.validate_json(text)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                yield place, None, f"line {place}: {where + ': ' if where else ''}{reason(first)}"
                continue
            complaint = record.complaint
            if record.operator not in profiles:
                complaint = f"operator: there is no {record.operator!r} here"
            yield place, record, None if complaint is None else f"line {place}: {complaint}"
