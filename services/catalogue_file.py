"""Catalogues read from their files, with a line and a reason for all that is wrong in them (F102, F111)."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from domain.catalogue_file import CatalogueFile
from domain.catalogue_rules import contradictions
from domain.household_file_values import reason
from domain.profile import Profile
from domain.toml_lines import Place, line_of, toml_lines

CATALOGUE_FILE = "catalogue.toml"

MOST_PROBLEMS = 50
"""How many problems of one file are told at once."""

LARGEST_BYTES = 20 * 2**20
"""A file that is larger is none that people write: some forty thousand entries."""

_SYNTAX_LINE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")


class CatalogueRejected(ValueError):
    """Catalogues that cannot be sold from; the text has one problem a line: file, line, key and reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A catalogue that was read, and where what it says stands in its file, whose name people know as `shown`."""

    shown: str
    catalogue: CatalogueFile
    lines: Mapping[Place, int]

    def problem(self, place: Place, why: str) -> str:
        """What is wrong at a place, as people read it."""
        return _problem(self.shown, self.lines, place, why)


def read_sheets(profiles: Mapping[str, Profile], folder: Path) -> Mapping[str, Sheet]:
    """The catalogue of every profile, `<folder>/<id>/catalogue.toml`.

    Raises `CatalogueRejected` with the problems of all files.
    """
    sheets: dict[str, Sheet] = {}
    problems: list[str] = []
    for operator, profile in profiles.items():
        try:
            sheets[operator] = read_sheet(folder / operator / CATALOGUE_FILE, profile)
        except CatalogueRejected as rejected:
            problems += rejected.problems
    if problems:
        raise CatalogueRejected(tuple(problems))
    return sheets


def read_sheet(path: Path, profile: Profile) -> Sheet:
    """One operator's catalogue. Raises `CatalogueRejected`, also for a file that is missing or unreadable."""
    # As in the messages about profiles: which file it is, without the machine's own folders.
    shown = "/".join(path.parts[-3:])
    try:
        return _read(shown, _text(path), profile)
    except _Unreadable as problem:
        raise CatalogueRejected((f"{shown}: {problem}",)) from problem


class _Unreadable(Exception):
    """Why a file says nothing that could be looked into."""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise _Unreadable("is missing") from error
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise _Unreadable(f"is larger than {LARGEST_BYTES // 2**20} MB")
    try:
        # Some editors begin a file with a byte order mark.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(f"line {line}: is not text in UTF-8") from error


def _read(shown: str, text: str, profile: Profile) -> Sheet:
    try:
        said = tomllib.loads(text)
        lines = toml_lines(text)
    except tomllib.TOMLDecodeError as error:
        raise _Unreadable(_syntax(str(error), text)) from error
    except RecursionError as error:
        raise _Unreadable("is not TOML that anybody would write: lists within lists without end") from error
    try:
        catalogue = CatalogueFile.model_validate(said)
    except ValidationError as error:
        raise CatalogueRejected(tuple(_invalid(shown, lines, error))) from error
    sheet = Sheet(shown, catalogue, lines)
    found = sorted(contradictions(catalogue, profile), key=lambda each: line_of(lines, each.place))
    if found:
        raise CatalogueRejected(tuple(sheet.problem(*each) for each in found[:MOST_PROBLEMS]))
    return sheet


def _syntax(message: str, text: str) -> str:
    """What `tomllib` says, with the line in front."""
    found = _SYNTAX_LINE.fullmatch(message)
    # Otherwise it says that the text ended too early.
    what, line = (found[1], int(found[2])) if found else (message, len(text.splitlines()))
    return f"line {max(line, 1)}: is not TOML: {what}"


def _invalid(shown: str, lines: Mapping[Place, int], error: ValidationError) -> Iterator[str]:
    found = [(each["loc"], reason(each)) for each in error.errors(include_url=False)]
    for place, why in sorted(found, key=lambda each: line_of(lines, each[0]))[:MOST_PROBLEMS]:
        yield _problem(shown, lines, place, why)


def _problem(shown: str, lines: Mapping[Place, int], place: Place, why: str) -> str:
    return f"{shown}: line {line_of(lines, place)}, {'.'.join(map(str, place))}: {why}"
