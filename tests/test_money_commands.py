"""`hearth vouchers` and `hearth refunds` as an employee meets them: real processes, one clear line, an exit code."""

import os
import re
from pathlib import Path

import pytest

from server.edge_settings import ROOT
from tests.databases import fetch
from tests.hearth import hearth


@pytest.fixture
def environment(smiths_database: str, tmp_path: Path) -> dict[str, str]:
    """A development server's, whose one operator takes vouchers."""
    folder = tmp_path / "operators" / "beeline"
    folder.mkdir(parents=True)
    for name in ("profile.toml", "catalogue.toml", "demo.ndjson"):
        text = (ROOT / "operators/beeline" / name).read_text()
        (folder / name).write_text(text.replace('"CARD", "MOBILE_BALANCE"', '"CARD", "MOBILE_BALANCE", "VOUCHER"'))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "PORT", "PG"))}
    return {
        **kept,
        "HEARTH_ENV": "development",
        "HEARTH_DATABASE_URL": smiths_database,
        "HEARTH_DATA": str(tmp_path / "data"),
        "HEARTH_OPERATORS_PATH": str(tmp_path / "operators"),
    }


async def test_f159_codes_are_printed_once(environment: dict[str, str], smiths_database: str) -> None:
    made = hearth(environment, "vouchers", "create", "--operator", "beeline", "--count", "3", "--amount", "157.50")
    assert (made.returncode, made.stderr) == (0, "")
    codes = made.stdout.split()
    assert len(set(codes)) == 3
    assert all(re.fullmatch(r"\d{4}-\d{4}-\d{4}-\d{4}", code) for code in codes)
    assert await fetch(smiths_database, "select distinct amount, currency from voucher") == [(15_750, "RUB")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vouchers", "create", "--operator", "nobody", "--count", "1", "--amount", "1"), "There is no operator"),
        (("vouchers", "create", "--operator", "beeline", "--count", "1", "--amount", "0"), "worth something"),
        (("vouchers", "create", "--operator", "beeline", "--count", "1", "--amount", "1e3"), "--amount '1e3'"),
        (("vouchers", "create", "--operator", "beeline", "--count", "10001", "--amount", "1"), "At most 10000"),
        (("refunds", "approve"), "Say which refund to approve"),
        (("refunds", "decline", "1", "--by", "Ирина"), "Say why, with --answer"),
        (("refunds", "decline", "999", "--by", "Ирина", "--answer", "нет"), "There is no refund 999"),
        (("refunds", "approve", "999", "--by", "Ирина"), "There is no refund 999"),
    ],
)
def test_what_cannot_be_done_is_one_line(environment: dict[str, str], words: tuple[str, ...], said: str) -> None:
    answer = hearth(environment, *words)
    assert answer.returncode == 1
    [line] = answer.stderr.splitlines()
    assert said in line


def test_e43_nothing_waits(environment: dict[str, str]) -> None:
    answer = hearth(environment, "refunds", "list")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
