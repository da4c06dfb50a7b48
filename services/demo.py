"""The demo households: one for each operator that has a `demo.ndjson`, loaded by the importer like any other file."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.household_file import RECORD, AnyRecord, HouseholdRecord, LineRecord, PersonRecord, address
from domain.periods import day_range
from domain.profile import Profile
from services.bulk_connection import bulk_connection
from services.household_import import import_file

DEMO_FILE = "demo.ndjson"

_LOADED_TODAY = "select true from counter where key = $1 and ends_at > now()"

_REMEMBER = """
insert into counter (key, count, started_at, ends_at) values ($1, 1, now(), $2)
on conflict (key) do update set count = counter.count + 1, started_at = now(), ends_at = excluded.ends_at
"""


async def load(url: str, profiles: Mapping[str, Profile], folder: Path) -> None:
    """Import `<folder>/<id>/demo.ndjson` of every profile, where there is one; the catalogue comes first.

    The dates in it are relative, so the file is imported once a day, and again when it changed. That it was is
    kept as a counter of the file's digest whose window is the operator's day: a lost one costs one import.
    Raises `ImportRejected`.
    """
    async with bulk_connection(url) as connection:
        for operator, profile in profiles.items():
            path = folder / operator / DEMO_FILE
            if not path.is_file():
                continue
            key = f"demo:{operator}:{hashlib.sha256(path.read_bytes()).hexdigest()}"
            if await connection.fetchval(_LOADED_TODAY, key):
                continue
            zone = profile.operator.zone
            today = datetime.now(zone).date()
            await import_file(url, path, profiles, today=today)
            await connection.execute(_REMEMBER, key, day_range(today, today, zone).end)


def people(folder: Path, profiles: Mapping[str, Profile]) -> dict[str, dict[str, Any]]:
    """Who can sign in to the demo, by operator: `{"owner": {...}, "members": [...], "strangers": [...]}`.

    Everybody has name, msisdn (E.164 digits), login (what to type) and password; the owner and the members have
    their role too. The demo household is the first of the file, strangers are the others with a password.
    """
    found = {}
    for operator, profile in profiles.items():
        path = folder / operator / DEMO_FILE
        if path.is_file():
            found[operator] = _people(list(_records(path)), profile)
    return found


def _records(path: Path) -> Iterator[AnyRecord]:
    for line in path.read_bytes().splitlines():
        if line.strip():
            yield RECORD.validate_json(line)


def _people(records: list[AnyRecord], profile: Profile) -> dict[str, Any]:
    numbers: dict[str, str] = {}
    for record in records:
        if isinstance(record, LineRecord) and record.user and record.msisdn:
            # A person's first number; a tablet's comes after it.
            numbers.setdefault(record.user, address(record.msisdn, profile))
    cards = {
        person.ref: {
            "name": person.name,
            "msisdn": numbers[person.ref],
            "login": numbers[person.ref],
            "password": person.cabinet.password,
        }
        for person in records
        if isinstance(person, PersonRecord) and person.cabinet and person.cabinet.password and person.ref in numbers
    }
    household = next(record for record in records if isinstance(record, HouseholdRecord))
    members = [
        {"role": member.role.value, **cards.pop(member.person)}
        for member in household.members
        if member.person in cards
    ]
    return {
        "owner": next(member for member in members if member["role"] == "OWNER"),
        "members": [member for member in members if member["role"] != "OWNER"],
        "strangers": list(cards.values()),
    }
