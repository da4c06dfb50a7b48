"""People, contracts, accounts, lines and households from a file into the database (docs/import.md).

The whole file is read into temporary tables and checked before anything changes; then everything changes in one
transaction, or nothing does.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from domain.household_file import RECORD, AnyRecord, MoneyRecord, UsageRecord
from domain.household_file_values import Complaint, complaint
from domain.profile import Profile
from services.bulk_connection import Connection, bulk_connection
from services.household_import_checks import find_problems
from services.household_import_lines import find_lines
from services.household_import_merge import merge
from services.household_import_passwords import settle_passwords, settle_puks
from services.household_import_staging import Loading, Staging

MOST_PROBLEMS = 50
"""How many problems of one file are told at once."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Any constant will do, as long as nothing else in the database locks it: imports take turns.
_LOCK = 0x49_4D_50_4F_52_54


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where; `field` is None where it is the line as a whole."""

    line: int
    field: str | None
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.field is None else f"line {self.line}, field {self.field}"
        return f"{where}: {self.reason}"


class ImportRejected(Exception):
    """A file that cannot be imported, and that changed nothing; the text has one problem a line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: how many records of each type it read, and how many rows of each table it changed."""

    records: Mapping[str, int]
    changed: Mapping[str, int]

    def __str__(self) -> str:
        changed = ", ".join(f"{what} {count:,}" for what, count in self.changed.items())
        return f"Read {sum(self.records.values()):,} records. Changed: {changed or 'nothing'}."


async def import_file(
    url: str, path: Path, profiles: Mapping[str, Profile], *, today: date | None = None
) -> ImportReport:
    """Import one file into a migrated database that knows the catalogue.

    `today` is the day that relative dates count from, by default the present one in each operator's zone. The
    same file imported again on the same day changes nothing. A newer file brings descriptions up to date: names,
    statuses, tariffs, packages, use. Money and rights are set up once and never by a file again: the balance,
    payments and fees of an account that the ledger already has are ignored, and so are members and links that a
    household already has or had. Nothing is ever deleted.

    Raises `ImportRejected` with up to `MOST_PROBLEMS` problems, and `OSError` for a file that cannot be read.
    """
    loading = Loading(profiles, today)
    with path.open("rb") as file:
        async with bulk_connection(url) as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            staging = Staging(connection)
            await staging.create()
            counts = await _stage(file, staging, loading)
            await staging.finish()
            await find_lines(connection)
            await _refuse_contradictions(connection, profiles)
            await settle_passwords(connection, loading.passwords)
            changed = await merge(connection)
            await settle_puks(connection, loading.puks)
    return ImportReport(counts, changed)


async def _stage(file: BinaryIO, staging: Staging, loading: Loading) -> Mapping[str, int]:
    """Check each record on its own and stage it; gives how many there are of each type."""
    counts: Counter[str] = Counter()
    problems: list[Problem] = []
    for number, text in enumerate(file, 1):
        line = text.removeprefix(_BYTE_ORDER_MARK).strip()
        if not line:
            continue
        record, complaints = _read(line, loading)
        problems += (Problem(number, each.field, each.reason) for each in complaints)
        if len(problems) >= MOST_PROBLEMS:
            break
        # Once something is wrong the rest is only checked.
        if record is not None and not problems:
            await staging.add(number, record, loading)
            counts[record.type] += 1
    if problems:
        raise ImportRejected(tuple(problems[:MOST_PROBLEMS]))
    return counts


def _read(line: bytes, loading: Loading) -> tuple[AnyRecord | None, list[Complaint]]:
    """The record of one line, and what is wrong with it."""
    try:
        record = RECORD.validate_json(line)
    except ValidationError as error:
        return None, [complaint(each) for each in error.errors(include_url=False)]
    if record.operator not in loading.profiles:
        return None, [Complaint("operator", f"there is no operator {record.operator}")]
    return record, list(_complaints(record, loading))


def _complaints(record: AnyRecord, loading: Loading) -> Iterator[Complaint]:
    yield from record.complaints(loading.profiles)
    if isinstance(record, UsageRecord | MoneyRecord) and (found := loading.period_complaint(record)):
        yield found


async def _refuse_contradictions(connection: Connection, profiles: Mapping[str, Profile]) -> None:
    """Refuse what only shows when all records, and the database, are seen together."""
    found = await find_problems(connection, profiles, MOST_PROBLEMS)
    if found:
        raise ImportRejected(tuple(Problem(line, each.field, each.reason) for line, each in found))
