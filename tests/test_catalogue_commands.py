"""`hearth catalogue import` as an employee meets it: a real process, what changed, and a line for each problem."""

import os
from pathlib import Path

import pytest

from tests.databases import fetch
from tests.hearth import hearth
from tests.test_catalogue import SERVICE, TARIFF, folder_with

TEXT = TARIFF.format(code="a") + SERVICE.format(code="s")


@pytest.fixture
def environment(empty_database: str, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))}
    return {
        **kept,
        "HEARTH_ENV": "development",
        "HEARTH_DATABASE_URL": empty_database,
        "HEARTH_DATA": str(tmp_path / "data"),
    }


def imported(environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    """`hearth catalogue import`: its exit code, and what it said."""
    done = hearth(environment, "catalogue", "import", *words)
    return done.returncode, done.stdout, done.stderr


async def test_f111_what_changed_is_told(environment: dict[str, str], empty_database: str, tmp_path: Path) -> None:
    file = folder_with(tmp_path, TEXT) / "tele2" / "catalogue.toml"
    sold = (
        "select operator, code, archived from tariff union all select operator, code, archived from service order by 2"
    )

    added = "tele2: 2 added\n  added     tariff a\n  added     service s\n"
    assert imported(environment, "--check", str(file)) == (0, added, "")
    assert await fetch(empty_database, sold) == [], "a check changes nothing"
    assert imported(environment, str(file)) == (0, added, "")
    assert await fetch(empty_database, sold) == [("tele2", "a", False), ("tele2", "s", False)]
    assert imported(environment, str(file)) == (0, "tele2: nothing changed\n", "")

    elsewhere = tmp_path / "new.toml"
    elsewhere.write_text(TEXT.replace('"a"', '"b"').replace('"0"', '"1"'))
    told = "tele2: 1 added, 1 changed, 1 archived\n  added     tariff b\n  changed   service s\n  archived  tariff a\n"
    assert imported(environment, "--operator", "tele2", str(elsewhere)) == (0, told, "")

    elsewhere.write_text(TEXT.replace("GB", "TB") + 'colour = "red"')
    code, said, problems = imported(environment, "--operator", "tele2", str(elsewhere))
    assert (code, said) == (1, "")
    first, second = problems.splitlines()
    shown = f"hearth: {'/'.join(elsewhere.parts[-3:])}"
    assert first.startswith(f"{shown}: line 8, tariffs.0.included.0.unit: must be one of")
    assert second == f"{shown}: line 18, services.0.colour: is not a known field"
    assert len(await fetch(empty_database, sold)) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody/catalogue.toml",), "There is no operator 'nobody', only beeline, letai, life, motiv, tele2"),
        (("--operator", "nobody", "x.toml"), "There is no operator 'nobody'"),
        (("--operator", "life", "nowhere/x.toml"), "nowhere/x.toml: is missing"),
    ],
)
def test_what_cannot_be_imported_is_one_line(environment: dict[str, str], words: tuple[str, ...], said: str) -> None:
    code, output, problems = imported(environment, *words)
    assert (code, output) == (1, "")
    [line] = problems.splitlines()
    assert said in line


def test_a_database_without_tables_is_not_sold_from(environment: dict[str, str], engine: str, tmp_path: Path) -> None:
    file = folder_with(tmp_path, TEXT) / "tele2" / "catalogue.toml"
    production = {"HEARTH_ENV": "production", "HEARTH_SECRET": "a secret of the tests, long enough for production too"}
    code, _, problems = imported({**environment, **production}, str(file))
    assert (code, problems) == (1, "hearth: The database is not migrated: run `hearth migrate` first\n")
