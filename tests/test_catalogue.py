"""The catalogues of the five operators, and what becomes of a catalogue that changes or is broken."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.catalogue import FeePeriod
from domain.catalogue_file import ServiceEntry, TariffEntry
from domain.profile import Profile
from services import catalogue
from services.catalogue_file import CatalogueRejected, read_sheet
from tests.household_records import everything, fetch

OPERATORS = Path(__file__).resolve().parent.parent / "operators"
FIVE = ("beeline", "letai", "life", "motiv", "tele2")

ENTRY = """
[[tariffs]]
code = "{code}"
name = "Тариф"
kind = "MOBILE"
fee = "8"
period = "MONTH"
included = [{{ unit = "GB", amount = 2 }}]
"""


def folder_with(tmp_path: Path, text: str) -> Path:
    """A folder of catalogues with one, that of an operator of the tests."""
    (tmp_path / "tele2").mkdir(exist_ok=True)
    (tmp_path / "tele2" / "catalogue.toml").write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize("operator", FIVE)
def test_each_operator_has_a_believable_catalogue(operator: str, profiles: Mapping[str, Profile]) -> None:
    profile = profiles[operator]
    found = read_sheet(OPERATORS / operator / "catalogue.toml", profile).catalogue

    assert 6 <= len(found.tariffs) <= 12
    assert 12 <= len(found.services) <= 20
    assert {tariff.kind for tariff in found.tariffs} == set(profile.operator.service_kinds)
    assert len({service.category for service in found.services}) >= 8


@pytest.mark.parametrize(
    ("operator", "code", "name", "fee", "period"),
    [
        ("beeline", "all-1", "Всё 1", 40000, FeePeriod.MONTH),
        ("beeline", "last5", "5 последних списаний", 0, FeePeriod.MONTH),
        ("letai", "mobile-8", "Мобильная связь", 800, FeePeriod.DAY),
        ("letai", "internet-415", "Интернет", 41500, FeePeriod.MONTH),
        ("letai", "tv-119", "Телевидение", 11900, FeePeriod.MONTH),
        ("life", "life-start", "Старт", 990, FeePeriod.MONTH),
        ("life", "itv", "itv life:)", 490, FeePeriod.MONTH),
        ("motiv", "motiv-base", "Базовый", 35000, FeePeriod.MONTH),
        ("motiv", "ringback", "Замена гудка", 200, FeePeriod.DAY),
        ("tele2", "my-online", "Мой онлайн", 50000, FeePeriod.MONTH),
        ("tele2", "ringback", "Гудок", 9000, FeePeriod.MONTH),
    ],
)
def test_what_the_seeds_name_is_as_they_name_it(
    profiles: Mapping[str, Profile], operator: str, code: str, name: str, fee: int, period: FeePeriod
) -> None:
    found = read_sheet(OPERATORS / operator / "catalogue.toml", profiles[operator]).catalogue

    entries: list[TariffEntry | ServiceEntry] = [*found.tariffs, *found.services]
    [entry] = [entry for entry in entries if entry.code == code]
    assert (entry.name, entry.fee, entry.period) == (name, fee, period)


def test_the_trial_of_television_lasts_as_long_as_the_profile_says(profiles: Mapping[str, Profile]) -> None:
    for operator in FIVE:
        services = read_sheet(OPERATORS / operator / "catalogue.toml", profiles[operator]).catalogue.services
        trials = {each.trial_days for each in services if each.category == "TV" and each.trial_days}
        days = profiles[operator].services.tv_trial_days
        assert trials == ({days} if days else set())


async def test_loading_again_changes_nothing(empty_database: str, profiles: Mapping[str, Profile]) -> None:
    five = {operator: profiles[operator] for operator in FIVE}
    await catalogue.load(empty_database, five, OPERATORS)
    before = await everything(empty_database)

    await catalogue.load(empty_database, five, OPERATORS)

    assert await everything(empty_database) == before
    assert await fetch(empty_database, "select included from tariff where code = 'all-1'") == [
        (
            '[{"unit": "BYTE", "scope": null, "amount": "10737418240", "unlimited": false}, '
            '{"unit": "MINUTE", "scope": null, "amount": "300", "unlimited": false}, '
            '{"unit": "SMS", "scope": null, "amount": "100", "unlimited": false}]',
        )
    ]


async def test_what_left_the_file_is_archived_and_may_return(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    one = {"tele2": profiles["tele2"]}
    both = "services = []\n" + ENTRY.format(code="a") + ENTRY.format(code="b")
    archived = "select code, archived from tariff order by code"
    await catalogue.load(empty_database, one, folder_with(tmp_path, both))
    before = await everything(empty_database)

    await catalogue.load(empty_database, one, folder_with(tmp_path, "services = []\n" + ENTRY.format(code="b")))
    assert await fetch(empty_database, archived) == [("a", True), ("b", False)]

    await catalogue.load(empty_database, one, folder_with(tmp_path, both))
    assert await everything(empty_database) == before


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "tariffs: is missing"),
        ("tariffs = [", "is not TOML: "),
        ("services = []\n" + ENTRY.replace('"8"', "8").format(code="a"), "tariffs.0.fee: must be an amount in quotes"),
        ("services = []\n" + ENTRY.replace('"8"', '"-8"').format(code="a"), "tariffs.0.fee: "),
        ("services = []\n" + ENTRY.replace("DAY", "YEAR").format(code="a"), "tariffs.0.period: must be one of"),
        ("services = []\n" + ENTRY.replace("GB", "TB").format(code="a"), "tariffs.0.included.0.unit: must be one of"),
        ("services = []\n" + ENTRY.format(code="a") + "colour = 1", "tariffs.0.colour: is not a known field"),
        ("services = []\n" + ENTRY.format(code="a") * 2, "tariffs.1.code: a is there twice"),
        ("services = []\n" + ENTRY.replace("MOBILE", "TV").format(code="a"), "tariffs.0.kind: tele2 does not sell TV"),
    ],
)
async def test_a_broken_catalogue_is_refused_and_changes_nothing(
    shared_database: str, tmp_path: Path, profiles: Mapping[str, Profile], text: str, problem: str
) -> None:
    folder = folder_with(tmp_path, text)
    shutil.copytree(OPERATORS / "life", folder / "life")
    before = await fetch(shared_database, "select max(id), count(*), count(*) filter (where archived) from tariff")

    with pytest.raises(CatalogueRejected) as rejected:
        await catalogue.load(shared_database, {name: profiles[name] for name in ("life", "tele2")}, folder)

    shown = f"{tmp_path.name}/tele2/catalogue.toml"
    assert rejected.value.problems[0].startswith(f"{shown}: {problem}")
    assert before == await fetch(
        shared_database, "select max(id), count(*), count(*) filter (where archived) from tariff"
    )


async def test_a_missing_catalogue_is_refused(
    shared_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    with pytest.raises(CatalogueRejected, match=r"tele2/catalogue\.toml: is missing"):
        await catalogue.load(shared_database, {"tele2": profiles["tele2"]}, tmp_path)
