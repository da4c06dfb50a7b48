"""A catalogue that is broken: each breakage is told with its file, line, key and reason, and changes nothing."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.profile import Profile
from services import catalogue, catalogue_file
from services.catalogue_file import CatalogueRejected, read_sheet
from tests.databases import fetch
from tests.test_catalogue import OPERATORS, SERVICE, TARIFF, folder_with

# Each begins on line 2, after `services = []`; a service on line 2, after `tariffs = []`.
ONE_TARIFF = "services = []" + TARIFF.format(code="a")
ONE_SERVICE = "tariffs = []" + SERVICE.format(code="a")
# Motiv sells tones and bundles.
ONE_TONE = """tariffs = []
services = []
[[tones]]
code = "t"
title = "Мелодия"
artist = "Оркестр"
fee = "2"
period = "DAY"
"""
ONE_BUNDLE = """tariffs = []
services = []
[[bundles]]
code = "b"
name = "Вместе"
kinds = ["MOBILE", "INTERNET"]
fee = "700"
discount_percent = 10
"""


def services(*entries: tuple[str, str]) -> str:
    """Services by their codes, with more lines for each; what more the first has begins on line 10."""
    return "tariffs = []" + "".join(SERVICE.format(code=code) + more for code, more in entries)


BROKEN = [
    # What is no TOML.
    ("tariffs = [", "line 1: is not TOML: "),
    ("tariffs = []\nservices = [\n\n", "line 3: is not TOML: "),
    (ONE_TARIFF + "fee = ", "line 9: is not TOML: Invalid value"),
    (ONE_TARIFF + 'fee = "9"', "line 9: is not TOML: Cannot overwrite a value"),
    ("tariffs = " + "[" * 5000 + "]" * 5000, "is not TOML that anybody would write"),
    # What has not the right shape.
    ("", "line 1, tariffs: is missing"),
    ("tariffs = 1\nservices = []", "line 1, tariffs: must be a list"),
    (ONE_TARIFF + "colour = 1", "line 9, tariffs.0.colour: is not a known field"),
    ("colours = 1\n" + ONE_TARIFF, "line 1, colours: is not a known field"),
    (ONE_TARIFF.replace('name = "Тариф"\n', ""), "line 2, tariffs.0.name: is missing"),
    (ONE_TARIFF.replace('"8"', "8"), "line 6, tariffs.0.fee: must be an amount in quotes"),
    (ONE_TARIFF.replace('"8"', '"-8"'), "line 6, tariffs.0.fee: "),
    (ONE_TARIFF.replace('"8"', '"8.001"'), "line 6, tariffs.0.fee: "),
    (ONE_TARIFF.replace('"8"', '"NaN"'), "line 6, tariffs.0.fee: "),
    (ONE_TARIFF.replace('"8"', '"1e9"'), "line 6, tariffs.0.fee: "),
    (ONE_TARIFF.replace("MONTH", "YEAR"), "line 7, tariffs.0.period: must be one of"),
    (ONE_TARIFF.replace("GB", "TB"), "line 8, tariffs.0.included.0.unit: must be one of"),
    (ONE_TARIFF.replace("amount = 2", "amount = 2.5"), "line 8, tariffs.0.included.0.amount: must be a whole number"),
    (ONE_TARIFF.replace('"Тариф"', '"Тар\\u0000иф"'), "line 4, tariffs.0.name: must have 1 to 200 characters"),
    (ONE_TARIFF + 'terms = "a\\u0000b"', "line 9, tariffs.0.terms: "),
    (ONE_TARIFF + "version = 0", "line 9, tariffs.0.version: "),
    (ONE_TARIFF + "version = true", "line 9, tariffs.0.version: must be a whole number"),
    (ONE_TARIFF + "archived = 1", "line 9, tariffs.0.archived: must be true or false"),
    (ONE_TARIFF + 'localities = "Казань"', "line 9, tariffs.0.localities: must be a list"),
    # What cannot be.
    (ONE_TARIFF + TARIFF.format(code="a"), "line 11, tariffs.1.code: a is there twice"),
    (ONE_TARIFF.replace("MOBILE", "TV"), "line 5, tariffs.0.kind: tele2 does not sell TV"),
    (ONE_TARIFF.replace("MONTH", "DAY"), "line 7, tariffs.0.period: tele2 does not charge by DAY"),
    (ONE_TARIFF.replace("MONTH", "ONCE"), "line 7, tariffs.0.period: of a tariff must be DAY or MONTH"),
    (ONE_TARIFF.replace("amount = 2", "amount = 0"), "line 8, tariffs.0.included.0: needs an amount above zero"),
    (ONE_TARIFF.replace("amount = 2", "amount = 2, unlimited = true"), "line 8, tariffs.0.included.0: needs an amount"),
    (
        ONE_TARIFF.replace("}]", '},\n{ unit = "MB", amount = 5 }]'),
        "line 9, tariffs.0.included.1: is there twice",
    ),
    (ONE_TARIFF + 'localities = ["Казань", "Казань"]', "line 9, tariffs.0.localities.1: is there twice"),
    (ONE_TARIFF + "speed_mbps = 100", "line 9, tariffs.0.speed_mbps: is for fixed lines"),
    (
        ONE_TARIFF + 'options = [{ unit = "GB", values = [2], price_per_step = "1" }]',
        "line 9, tariffs.0.options.0.values: ",
    ),
    (
        ONE_TARIFF + 'options = [{ unit = "GB", values = [2, 5, 4], price_per_step = "1" }]',
        "line 9, tariffs.0.options.0.values: must ascend",
    ),
    (
        ONE_TARIFF + 'options = [{ unit = "GB", values = [3, 4], price_per_step = "1" }]',
        "line 9, tariffs.0.options.0.values: must begin with what the tariff includes of BYTE",
    ),
    (
        ONE_TARIFF + 'options = [{ unit = "SMS", values = [3, 4], price_per_step = "1" }]',
        "line 9, tariffs.0.options.0.values: must begin with what the tariff includes of SMS",
    ),
    (ONE_SERVICE.replace("OTHER", "NONE"), "line 6, services.0.category: must be one of"),
    (ONE_SERVICE + "valid_days = 3", "line 10, services.0.valid_days: cannot be of what is paid again each MONTH"),
    (ONE_SERVICE.replace("MONTH", "ONCE") + "trial_days = 3", "line 10, services.0.trial_days: cannot be of what is"),
    (
        ONE_SERVICE.replace("OTHER", "TV") + "trial_days = 3",
        "line 10, services.0.trial_days: must be what services.tv_trial_days says, which is 0",
    ),
    (services(("a", ""), ("a", "")), "line 12, services.1.code: a is there twice"),
    (services(("a", 'incompatible = ["b"]')), "line 10, services.0.incompatible.0: b is no service of this file"),
    (services(("a", 'requires = ["a"]')), "line 10, services.0.requires.0: a is the service itself"),
    (
        services(("a", 'requires = ["b"]'), ("b", 'requires = ["a"]')),
        "line 10, services.0.requires: a would require itself",
    ),
    (
        services(("a", 'requires = ["b"]'), ("b", 'incompatible = ["a"]')),
        "line 10, services.0.requires: b and a are incompatible, and both needed",
    ),
    (
        services(("a", 'requires = ["b", "c"]'), ("b", 'incompatible = ["c"]'), ("c", "")),
        "line 10, services.0.requires: b and c are incompatible, and both needed",
    ),
    (
        services(("a", 'requires = ["b"]'), ("b", "archived = true")),
        "line 10, services.0.requires.0: b is archived, so nobody can connect it",
    ),
    (services(("a", 'incompatible = ["b", "b"]'), ("b", "")), "line 10, services.0.incompatible.1: is there twice"),
]


@pytest.mark.parametrize(("text", "problem"), BROKEN)
def test_a_broken_catalogue_is_told_by_line_and_reason(
    tmp_path: Path, profiles: Mapping[str, Profile], text: str, problem: str
) -> None:
    with pytest.raises(CatalogueRejected) as rejected:
        read_sheet(folder_with(tmp_path, text) / "tele2" / "catalogue.toml", profiles["tele2"])

    assert rejected.value.problems[0].startswith(f"{tmp_path.name}/tele2/catalogue.toml: {problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ONE_TONE.replace("DAY", "ONCE"), "line 8, tones.0.period: motiv does not charge by ONCE"),
        (ONE_TONE + 'preview_url = "ftp://example.org"', "line 9, tones.0.preview_url: "),
        (ONE_TONE.replace('artist = "Оркестр"\n', ""), "line 3, tones.0.artist: is missing"),
        # A tone and a service share their codes.
        (ONE_TONE.replace("services = []", SERVICE.format(code="t")), "line 13, tones.0.code: t is there twice"),
        (ONE_BUNDLE.replace(', "INTERNET"', ""), "line 6, bundles.0.kinds: "),
        (ONE_BUNDLE.replace("INTERNET", "MOBILE"), "line 6, bundles.0.kinds.1: is there twice"),
        (ONE_BUNDLE.replace("INTERNET", "TV"), "line 6, bundles.0.kinds.1: motiv does not sell TV"),
        (ONE_BUNDLE.replace("= 10", "= 101"), "line 8, bundles.0.discount_percent: "),
        (
            ONE_TARIFF + 'options = [{ unit = "GB", values = [2, 3], price_per_step = "1" }]',
            "line 9, tariffs.0.options: motiv has no tariffs to configure",
        ),
        (
            "tariffs = []"
            + SERVICE.format(code="a")
            + 'incompatible = ["b"]'
            + SERVICE.format(code="b").replace("MOBILE", "INTERNET"),
            "line 10, services.0.incompatible.0: b is for INTERNET, not for MOBILE",
        ),
    ],
)
def test_f126_f110_a_broken_tone_or_bundle_is_told_too(
    tmp_path: Path, profiles: Mapping[str, Profile], text: str, problem: str
) -> None:
    with pytest.raises(CatalogueRejected) as rejected:
        read_sheet(folder_with(tmp_path, text, "motiv") / "motiv" / "catalogue.toml", profiles["motiv"])

    assert rejected.value.problems[0].startswith(f"{tmp_path.name}/motiv/catalogue.toml: {problem}")


def test_f126_nobody_sells_tones_against_the_profile(tmp_path: Path, profiles: Mapping[str, Profile]) -> None:
    text = ONE_TONE.replace("DAY", "MONTH")
    with pytest.raises(CatalogueRejected, match=r"line 3, tones\.0: beeline sells no ringback tones"):
        read_sheet(folder_with(tmp_path, text, "beeline") / "beeline" / "catalogue.toml", profiles["beeline"])


def test_f102_no_more_places_than_the_profile_serves(tmp_path: Path, profiles: Mapping[str, Profile]) -> None:
    places = ", ".join(f'"Город {n}"' for n in range(51))
    text = ONE_TARIFF + f"localities = [{places}]"
    with pytest.raises(CatalogueRejected, match=r"line 9, tariffs\.0\.localities: names more than the 50 localities"):
        read_sheet(folder_with(tmp_path, text, "letai") / "letai" / "catalogue.toml", profiles["letai"])


def test_what_is_no_text_is_told(
    tmp_path: Path, profiles: Mapping[str, Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder_with(tmp_path, "") / "tele2" / "catalogue.toml"
    path.write_bytes(b"tariffs = []\nservices = []\n# \xff")
    with pytest.raises(CatalogueRejected, match="line 3: is not text in UTF-8"):
        read_sheet(path, profiles["tele2"])
    with pytest.raises(CatalogueRejected, match="cannot be read: Is a directory"):
        read_sheet(path.parent, profiles["tele2"])
    monkeypatch.setattr(catalogue_file, "LARGEST_BYTES", 10)
    with pytest.raises(CatalogueRejected, match="is larger than"):
        read_sheet(path, profiles["tele2"])


def test_a_byte_order_mark_does_not_matter(tmp_path: Path, profiles: Mapping[str, Profile]) -> None:
    path = folder_with(tmp_path, "\ufeff" + ONE_TARIFF) / "tele2" / "catalogue.toml"
    assert [tariff.code for tariff in read_sheet(path, profiles["tele2"]).catalogue.tariffs] == ["a"]


async def test_a_broken_file_changes_nothing_and_the_problems_of_all_files_are_told(
    shared_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    folder = folder_with(tmp_path, ONE_TARIFF.replace("GB", "TB").replace("MOBILE", "TV"))
    folder_with(tmp_path, ONE_TARIFF.replace("MONTH", "DAY") + "speed_mbps = 1", "life")
    shutil.copytree(OPERATORS / "motiv", folder / "motiv")
    state = "select max(id), count(*), count(*) filter (where archived) from tariff"
    before = await fetch(shared_database, state)

    four = {name: profiles[name] for name in ("life", "tele2", "motiv", "letai")}
    with pytest.raises(CatalogueRejected) as rejected:
        await catalogue.load(shared_database, four, folder)

    told = [problem.removeprefix(f"{tmp_path.name}/") for problem in rejected.value.problems]
    assert [problem.split(": ")[:2] for problem in told] == [
        ["life/catalogue.toml", "line 7, tariffs.0.period"],
        ["life/catalogue.toml", "line 9, tariffs.0.speed_mbps"],
        ["tele2/catalogue.toml", "line 8, tariffs.0.included.0.unit"],
        ["letai/catalogue.toml", "is missing"],
    ]
    assert await fetch(shared_database, state) == before
