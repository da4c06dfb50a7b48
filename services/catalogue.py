"""The catalogues of all operators, from their files into the database (F102, F111)."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from domain.catalogue_file import CatalogueFile
from domain.household_file_values import reason
from domain.profile import Profile
from services.bulk_connection import Connection, bulk_connection

CATALOGUE_FILE = "catalogue.toml"

# $1: the entries as a JSON list; one that is sold again is no longer archived.
_TARIFFS = """
insert into tariff
  (operator, code, name, kind, fee, fee_period, connection_fee, included, terms, family_shareable, archived)
select $2, e.code, e.name, e.kind, e.fee, e.period, e.connection_fee, e.included, e.terms, e.family_shareable, false
from jsonb_to_recordset($1) as e (code text, name text, kind text, fee bigint, period text,
  connection_fee bigint, included jsonb, terms text, family_shareable bool)
on conflict (operator, code, version) do update set
  name = excluded.name, kind = excluded.kind, fee = excluded.fee, fee_period = excluded.fee_period,
  connection_fee = excluded.connection_fee, included = excluded.included, terms = excluded.terms,
  family_shareable = excluded.family_shareable, archived = false
where (tariff.name, tariff.kind, tariff.fee, tariff.fee_period, tariff.connection_fee, tariff.included,
    tariff.terms, tariff.family_shareable, tariff.archived)
  is distinct from (excluded.name, excluded.kind, excluded.fee, excluded.fee_period, excluded.connection_fee,
    excluded.included, excluded.terms, excluded.family_shareable, false)
"""

_SERVICES = """
insert into service
  (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms, trial_days,
   age_rating, archived)
select $2, e.code, e.name, e.kind, e.category, e.description, e.fee, e.period, e.connection_fee, e.terms,
  e.trial_days, e.age_rating, false
from jsonb_to_recordset($1) as e (code text, name text, kind text, category text, description text, fee bigint,
  period text, connection_fee bigint, terms text, trial_days int, age_rating int)
on conflict (operator, code) do update set
  name = excluded.name, kind = excluded.kind, category = excluded.category,
  description = excluded.description, fee = excluded.fee, fee_period = excluded.fee_period,
  connection_fee = excluded.connection_fee, terms = excluded.terms, trial_days = excluded.trial_days,
  age_rating = excluded.age_rating, archived = false
where (service.name, service.kind, service.category, service.description, service.fee, service.fee_period,
    service.connection_fee, service.terms, service.trial_days, service.age_rating, service.archived)
  is distinct from (excluded.name, excluded.kind, excluded.category, excluded.description, excluded.fee,
    excluded.fee_period, excluded.connection_fee, excluded.terms, excluded.trial_days, excluded.age_rating, false)
"""

# Lines may still have them, so what left the file is kept, and only sold no more.
_ARCHIVE = """
update {table} set archived = true where operator = $1 and not archived and code <> all($2::text[])
"""


class CatalogueRejected(ValueError):
    """Catalogues that cannot be sold from; the text has one problem a line: file, key and reason."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


async def load(url: str, profiles: Mapping[str, Profile], folder: Path) -> None:
    """Bring the catalogue of every profile up to date from `<folder>/<id>/catalogue.toml`.

    Entries are known by their codes. What left a file is archived; nothing is deleted, and the same files again
    change nothing. Raises `CatalogueRejected` with the problems of all files, before anything changes.
    """
    catalogues: dict[str, CatalogueFile] = {}
    problems: list[str] = []
    for operator, profile in profiles.items():
        try:
            catalogues[operator] = read_catalogue(folder / operator / CATALOGUE_FILE, profile)
        except CatalogueRejected as rejected:
            problems += rejected.problems
    if problems:
        raise CatalogueRejected(tuple(problems))
    async with bulk_connection(url) as connection, connection.transaction():
        # Sorted, so that two loads at once wait for each other instead of locking rows crosswise.
        for operator in sorted(catalogues):
            await _store(connection, operator, catalogues[operator])


def read_catalogue(path: Path, profile: Profile) -> CatalogueFile:
    """One operator's catalogue. Raises `CatalogueRejected`, also for a file that is missing or unreadable."""
    # As in the messages about profiles: which file it is, without the machine's own folders.
    shown = "/".join(path.parts[-3:])
    try:
        catalogue = CatalogueFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise CatalogueRejected((f"{shown}: is missing",)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueRejected((f"{shown}: is not TOML: {error}",)) from error
    except ValidationError as error:
        raise CatalogueRejected(
            tuple(
                f"{shown}: {'.'.join(map(str, each['loc']))}: {reason(each)}"
                for each in error.errors(include_url=False)
            )
        ) from error
    if problems := tuple(f"{shown}: {key}: {why}" for key, why in catalogue.complaints(profile)):
        raise CatalogueRejected(problems)
    return catalogue


async def _store(connection: Connection, operator: str, catalogue: CatalogueFile) -> None:
    for table, statement, entries in (
        ("tariff", _TARIFFS, catalogue.tariffs),
        ("service", _SERVICES, catalogue.services),
    ):
        rows = json.dumps([entry.model_dump() for entry in entries])
        await connection.execute(statement, rows, operator)
        await connection.execute(_ARCHIVE.format(table=table), operator, [entry.code for entry in entries])
