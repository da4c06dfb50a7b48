"""`docs/operators.md` shows what the profiles say, and no more."""

import re
import subprocess
from pathlib import Path

import pytest

from domain.features import features
from domain.features_table import ON, TITLES, operators_document
from domain.profile import read_profiles
from server.operators_document import print_operators

ROOT = Path(__file__).resolve().parent.parent
PROFILES = read_profiles(ROOT / "operators")
COLUMNS = ["life", "tele2", "letai", "motiv", "beeline"]
DOCUMENT = (ROOT / "docs/operators.md").read_text()


def rows(document: str) -> dict[str, list[str]]:
    """The cells of every row of every table, by its first cell."""
    lines = [line for line in document.splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return {first.strip("` "): [cell.strip() for cell in rest] for first, *rest in cells}


def test_committed_document_is_the_generated_one() -> None:
    assert operators_document([PROFILES[name] for name in COLUMNS]) == DOCUMENT, "run `make docs`"


def test_makefile_has_the_same_columns() -> None:
    assert f"operators {' '.join(COLUMNS)} >" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("name", COLUMNS)
def test_every_feature_is_on_or_says_why_it_is_off(name: str) -> None:
    cells = {key: shown[1 + COLUMNS.index(name)] for key, shown in rows(DOCUMENT).items() if key in TITLES}
    flags = {flag.key: flag for flag in features(PROFILES[name])}
    assert cells.keys() == flags.keys()
    for key, cell in cells.items():
        reason = flags[key].reason
        assert cell == ON if reason is None else reason.startswith(cell.replace("\\", "")), key


def test_no_title_is_of_a_feature_that_is_not() -> None:
    assert TITLES.keys() == {flag.key for flag in features(PROFILES["beeline"])}


def test_titles_name_rows_and_tell_features_apart() -> None:
    assert len(set(TITLES.values())) == len(TITLES)
    assert [title for title in TITLES.values() if title.endswith(".") or "|" in title] == []


def test_sign_in_table_shows_the_limits_of_each_operator() -> None:
    shown = rows(DOCUMENT)
    assert shown["session (F024)"][COLUMNS.index("motiv")] == "15 min idle, 24 h at the most"
    assert shown["registration link (F011)"][COLUMNS.index("letai")] == "168 h"
    assert shown["lockout (F014)"][COLUMNS.index("beeline")] == "10 wrong passwords: 1 h, then a new temporary password"
    assert "no special characters" in shown["password policy (F013)"][COLUMNS.index("beeline")]
    assert shown["registration (F010)"][COLUMNS.index("motiv")] == "no; `OFFICE_CREDENTIALS`"
    assert shown["identifiers (F003)"][COLUMNS.index("life")] == "`MSISDN`"


def test_every_row_has_a_cell_for_each_operator() -> None:
    tables = [table.splitlines() for table in re.findall(r"(?m)(?:^\|.*\n)+", DOCUMENT)]
    assert len(tables) == 2
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def test_a_bar_or_a_star_in_a_name_stays_in_its_cell() -> None:
    profile = PROFILES["tele2"]
    named = profile.model_copy(update={"operator": profile.operator.model_copy(update={"name": "A|*B*"})})
    assert r"| A\|\*B\* |" in operators_document([named])


def test_command_takes_all_operators_or_those_named_in_their_order(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEARTH_OPERATORS_PATH", raising=False)
    print_operators([])
    assert rows(capsys.readouterr().out)["id"] == [f"`{name}`" for name in sorted(PROFILES)]
    print_operators(["motiv", "life"])
    assert rows(capsys.readouterr().out)["id"] == ["`motiv`", "`life`"]


def test_unknown_operator_is_one_clear_line() -> None:
    done = subprocess.run([ROOT / "hearth", "operators", "nokia"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hearth: There is no operator 'nokia', only beeline, ")
