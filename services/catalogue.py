"""What operators sell, from their files into the database (F102, F111).

Entries are known by their codes. What left a file, or is archived there, lines may still have: it is kept, and only
sold no more. A tariff of a higher version is sold beside the older one, which lines keep.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from domain.catalogue import ServiceCategory, ServiceRelationKind
from domain.catalogue_file import CatalogueFile, ToneEntry
from domain.catalogue_rules import AnyEntry
from domain.line import ServiceKind
from domain.profile import Profile
from services.bulk_connection import Connection, bulk_connection
from services.catalogue_file import CatalogueRejected, Sheet, read_sheet, read_sheets
from services.catalogue_statements import ARCHIVE, BUNDLES, RELATIONS, SERVICES, TARIFFS, UNRELATED, VERSIONS

# Any constant will do, as long as nothing else in the database locks it: catalogues change one after the other.
_LOCK = 0x43_41_54_41_4C_4F_47


@dataclass(slots=True)
class Changes:
    """What an operator sells from now on, sells otherwise and sells no more, such as `tariff my-online, version 2`."""

    operator: str
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = {"added": self.added, "changed": self.changed, "archived": self.archived}
        counted = ", ".join(f"{len(names)} {what}" for what, names in told.items() if names)
        lines = (f"  {what:8}  {name}" for what, names in told.items() for name in names)
        return "\n".join([f"{self.operator}: {counted or 'nothing changed'}", *lines])


async def load(url: str, profiles: Mapping[str, Profile], folder: Path) -> None:
    """Bring the catalogue of every profile up to date from `<folder>/<id>/catalogue.toml`.

    The same files again change nothing. Raises `CatalogueRejected` with the problems of all files, and then nothing
    is changed.
    """
    sheets = read_sheets(profiles, folder)
    async with bulk_connection(url) as connection, connection.transaction():
        await _store(connection, sheets)


async def import_file(url: str, path: Path, profile: Profile, *, check: bool = False) -> Changes:
    """Bring one operator's catalogue up to date from a file; with `check` only say what that would change.

    Raises `CatalogueRejected`, and then nothing is changed.
    """
    sheet = read_sheet(path, profile)
    async with bulk_connection(url) as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            [changes] = await _store(connection, {profile.operator.id: sheet})
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.rollback() if check else transaction.commit())
    return changes


async def _store(connection: Connection, sheets: Mapping[str, Sheet]) -> list[Changes]:
    await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
    problems: list[str] = []
    for operator, sheet in sheets.items():
        rows = await connection.fetch(VERSIONS, operator)
        problems += _older(sheet, {row["code"]: row["newest"] for row in rows})
    if problems:
        raise CatalogueRejected(tuple(problems))
    return [await _bring_up_to_date(connection, operator, sheet.catalogue) for operator, sheet in sheets.items()]


def _older(sheet: Sheet, versions: Mapping[str, int]) -> Iterator[str]:
    """Tariffs of which a newer version was sold already: lines may have that."""
    for index, tariff in enumerate(sheet.catalogue.tariffs):
        newest = versions.get(tariff.code, 0)
        if tariff.version < newest:
            reason = f"{tariff.code} has version {newest} already, so it cannot be {tariff.version}"
            yield sheet.problem(("tariffs", index, "version"), reason)


async def _bring_up_to_date(connection: Connection, operator: str, catalogue: CatalogueFile) -> Changes:
    changes = Changes(operator)
    services = [*map(_row, catalogue.services), *map(_tone_row, catalogue.tones)]
    for name, statement, entries in (
        ("tariff", TARIFFS, [*map(_row, catalogue.tariffs)]),
        ("service", SERVICES, services),
        ("bundle", BUNDLES, [*map(_row, catalogue.bundles)]),
    ):
        # Before the new version of a tariff: one is sold at a time.
        kept = [_key(entry) for entry in entries if not entry["archived"]]
        gone = await connection.fetch(ARCHIVE[name], operator, kept)
        stored = await connection.fetch(statement, json.dumps(entries), operator)
        left = {tuple(row) for row in gone}
        changes.archived += (_named(name, *row) for row in gone)
        for code, version, is_new in stored:
            if (code, version) not in left:
                (changes.added if is_new else changes.changed).append(_named(name, code, version))
    related = await _relate(connection, operator, catalogue)
    changes.changed += sorted(related.difference(changes.added, changes.changed))
    return changes


async def _relate(connection: Connection, operator: str, catalogue: CatalogueFile) -> set[str]:
    """Bring up to date what services mean to each other; gives those that it changed anything for."""
    pairs = sorted(set(_pairs(catalogue)))
    codes = [service.code for service in catalogue.services]
    columns = [list(column) for column in zip(*pairs, strict=True)] if pairs else [[], [], []]
    parted = await connection.fetch(UNRELATED, operator, codes, *columns)
    related = await connection.fetch(RELATIONS, operator, *columns)
    return {_named("service", row["code"]) for row in (*parted, *related)}


def _pairs(catalogue: CatalogueFile) -> Iterator[tuple[str, str, ServiceRelationKind]]:
    for service in catalogue.services:
        # Either of a pair may say it, and it is stored once.
        for other in service.incompatible:
            yield min(service.code, other), max(service.code, other), ServiceRelationKind.INCOMPATIBLE
        for other in service.requires:
            yield service.code, other, ServiceRelationKind.REQUIRES


def _row(entry: AnyEntry) -> dict[str, object]:
    """An entry as the columns of its table."""
    row = entry.model_dump()
    if "period" in row:
        row["fee_period"] = row.pop("period")
    return row


def _tone_row(tone: ToneEntry) -> dict[str, object]:
    """A tone as a service, with an artist."""
    row = {**_row(tone), "name": tone.title, "kind": ServiceKind.MOBILE, "category": ServiceCategory.RINGBACK}
    return row | {"description": "", "terms": "", "included": [], "localities": []}


def _key(entry: Mapping[str, object]) -> str:
    """What tells an entry from others; only tariffs have versions."""
    return f"{entry['code']} {entry.get('version', 1)}"


def _named(kind: str, code: str, version: int = 1) -> str:
    return f"{kind} {code}" if version == 1 else f"{kind} {code}, version {version}"
