"""Families for tests, written as the records that `hearth import` takes."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from domain.profile import Profile
from services import catalogue
from services.household_import import import_file

PASSWORD = "Hearth2026"
ROOT = Path(__file__).resolve().parent.parent

# One number for each person and operator, in the operator's format.
_FIRST_NUMBER = {
    "beeline": 79030001000,
    "tele2": 79000001000,
    "letai": 79510001000,
    "motiv": 79020001000,
    "nomad": 79010001000,
    "life": 375250001000,
}


def number(operator: str, index: int) -> str:
    """The index-th number of an operator."""
    return str(_FIRST_NUMBER[operator] + index)


def person(operator: str, ref: str, **more: Any) -> dict[str, Any]:
    """Somebody with a cabinet and the password of all test people."""
    return {
        "type": "person",
        "operator": operator,
        "ref": ref,
        "name": ref.title(),
        "cabinet": {"password": PASSWORD},
        **more,
    }


def mobile(operator: str, holder: str, index: int, user: str | None, **more: Any) -> list[dict[str, Any]]:
    """A number with a contract and an account of its own: contract, account, line."""
    return [
        {"type": "contract", "operator": operator, "number": f"C{index}", "holder": holder},
        {
            "type": "account",
            "operator": operator,
            "number": f"A{index}",
            "kind": "MOBILE",
            "contract": f"C{index}",
            "balance": f"{100 + index}.50",
        },
        {
            "type": "line",
            "operator": operator,
            "msisdn": number(operator, index),
            "account": f"A{index}",
            "kind": "MOBILE",
            **({"user": user} if user else {}),
            **more,
        },
    ]


def household(operator: str, ref: str, **roles: str) -> dict[str, Any]:
    """A household of people by their refs: household("beeline", "smiths", ann="OWNER")."""
    members = [{"person": name, "role": role} for name, role in roles.items()]
    return {"type": "household", "operator": operator, "ref": ref, "name": ref.title(), "members": members}


def link(operator: str, family: str, line: str, *scopes: str, **more: Any) -> dict[str, Any]:
    """A household's link to a line."""
    return {
        "type": "link",
        "operator": operator,
        "household": family,
        "line": line,
        "scopes": list(scopes),
        "method": "SMS_CODE",
        **more,
    }


async def load(url: str, profiles: Mapping[str, Profile], folder: Path, records: list[dict[str, Any]]) -> None:
    """Load catalogues and records into a database."""
    five = {name: profile for name, profile in profiles.items() if name != "nomad"}
    await catalogue.load(url, five, ROOT / "operators")
    file = folder / "family.ndjson"
    await asyncio.to_thread(write, file, records)
    await import_file(url, file, profiles)


def write(file: Path, records: list[dict[str, Any]]) -> None:
    """Write a file for `hearth import`."""
    file.write_bytes(b"\n".join(orjson.dumps(record) for record in records))
