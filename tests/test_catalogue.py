"""The catalogues of the five operators, and what becomes of a catalogue that changes."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.catalogue import FeePeriod, ServiceCategory
from domain.catalogue_file import ServiceEntry, TariffEntry
from domain.line import ServiceKind
from domain.profile import Profile
from services import catalogue
from services.catalogue_file import CatalogueRejected, read_sheet
from services.household_import import import_file
from tests import family
from tests.databases import fetch
from tests.household_records import everything

OPERATORS = Path(__file__).resolve().parent.parent / "operators"
FIVE = ("beeline", "letai", "life", "motiv", "tele2")

TARIFF = """
[[tariffs]]
code = "{code}"
name = "Тариф"
kind = "MOBILE"
fee = "8"
period = "MONTH"
included = [{{ unit = "GB", amount = 2 }}]
"""
SERVICE = """
[[services]]
code = "{code}"
name = "Услуга"
kind = "MOBILE"
category = "OTHER"
description = ""
fee = "0"
period = "MONTH"
"""
SOLD = "select code, version, fee, archived from tariff order by code, version"


def folder_with(tmp_path: Path, text: str, operator: str = "tele2") -> Path:
    """A folder of catalogues with this one."""
    (tmp_path / operator).mkdir(exist_ok=True)
    (tmp_path / operator / "catalogue.toml").write_text(text, "utf-8")
    return tmp_path


async def sell(url: str, profiles: Mapping[str, Profile], tmp_path: Path, text: str) -> catalogue.Changes:
    """Sell what a text says, as Tele2."""
    file = folder_with(tmp_path, text) / "tele2" / "catalogue.toml"
    return await catalogue.import_file(url, file, profiles["tele2"])


@pytest.mark.parametrize("operator", FIVE)
def test_each_operator_has_a_believable_catalogue(operator: str, profiles: Mapping[str, Profile]) -> None:
    profile = profiles[operator]
    found = read_sheet(OPERATORS / operator / "catalogue.toml", profile).catalogue

    assert 6 <= len(found.tariffs) <= 15
    assert 12 <= len(found.services) <= 30
    assert {tariff.kind for tariff in found.tariffs} == set(profile.operator.service_kinds)
    assert len({service.category for service in found.services}) >= 8
    assert bool(found.tones) == profile.services.ringback
    assert bool(found.bundles) == (len(profile.operator.service_kinds) > 1)
    assert any(tariff.options for tariff in found.tariffs) == profile.tariffs.configure
    assert any(tariff.archived for tariff in found.tariffs) == profile.tariffs.revert


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
        ("life", "bip", "BiP", 0, FeePeriod.MONTH),
        ("motiv", "motiv-base", "Базовый", 35000, FeePeriod.MONTH),
        ("motiv", "ringback", "Замена гудка", 200, FeePeriod.DAY),
        ("motiv", "status", "Статус", 100, FeePeriod.DAY),
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


def test_f114_every_category_of_the_filter_has_a_service(profiles: Mapping[str, Profile]) -> None:
    services = read_sheet(OPERATORS / "beeline" / "catalogue.toml", profiles["beeline"]).catalogue.services
    wanted = set(ServiceCategory) - {ServiceCategory.RINGBACK}
    assert {service.category for service in services} == wanted
    assert any(service.incompatible for service in services)
    assert any(service.requires for service in services)


def test_f110_three_kinds_together_cost_less(profiles: Mapping[str, Profile]) -> None:
    found = read_sheet(OPERATORS / "letai" / "catalogue.toml", profiles["letai"]).catalogue
    [trio] = [bundle for bundle in found.bundles if bundle.code == "trio"]
    assert set(trio.kinds) == {ServiceKind.MOBILE, ServiceKind.INTERNET, ServiceKind.TV}
    fees = {tariff.code: tariff.fee for tariff in found.tariffs}
    apart = fees["mobile-8"] * 30 + fees["internet-415"] + fees["tv-119"]
    assert abs(apart * (100 - trio.discount_percent) / 100 - trio.fee) < 500


async def test_loading_again_changes_nothing(empty_database: str, profiles: Mapping[str, Profile]) -> None:
    five = {operator: profiles[operator] for operator in FIVE}
    await catalogue.load(empty_database, five, OPERATORS)
    before = await everything(empty_database)

    # Two starts at once.
    await asyncio.gather(*(catalogue.load(empty_database, five, OPERATORS) for _ in range(2)))

    assert await everything(empty_database) == before
    assert await fetch(empty_database, "select included from tariff where code = 'all-1'") == [
        (
            '[{"unit": "BYTE", "scope": null, "amount": "10737418240", "unlimited": false}, '
            '{"unit": "MINUTE", "scope": null, "amount": "300", "unlimited": false}, '
            '{"unit": "SMS", "scope": null, "amount": "100", "unlimited": false}]',
        )
    ]
    assert await fetch(empty_database, "select options from tariff where code = 'tablet'") == [
        ('[{"unit": "BYTE", "values": ["21474836480", "42949672960", "64424509440"], "price_per_step": 8000}]',)
    ]
    for operator in FIVE:
        path = OPERATORS / operator / "catalogue.toml"
        changes = await catalogue.import_file(empty_database, path, profiles[operator])
        assert str(changes) == f"{operator}: nothing changed"


async def test_what_left_the_file_is_archived_and_may_return(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    one = {"tele2": profiles["tele2"]}
    both = "services = []\n" + TARIFF.format(code="a") + TARIFF.format(code="b")
    archived = "select code, archived from tariff order by code"
    await catalogue.load(empty_database, one, folder_with(tmp_path, both))
    before = await everything(empty_database)

    await catalogue.load(empty_database, one, folder_with(tmp_path, "services = []\n" + TARIFF.format(code="b")))
    assert await fetch(empty_database, archived) == [("a", True), ("b", False)]

    await catalogue.load(empty_database, one, folder_with(tmp_path, both))
    assert await everything(empty_database) == before


async def test_f102_a_higher_version_is_sold_beside_the_one_that_lines_keep(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    first = "services = []\n" + TARIFF.format(code="a")
    second = first.replace('"8"', '"9"') + "version = 2\n"
    records = [family.person("tele2", "ann"), *family.mobile("tele2", "ann", 0, "ann", tariff="a")]
    newcomer = [*records, *family.mobile("tele2", "ann", 1, "ann", tariff="a")]
    file = tmp_path / "people.ndjson"
    has = (
        "select l.msisdn, t.version from tariff_subscription s join tariff t on t.id = s.tariff_id"
        " join line l on l.id = s.line_id order by 1"
    )
    await sell(empty_database, profiles, tmp_path, first)
    family.write(file, records)
    await import_file(empty_database, file, profiles)

    changes = await sell(empty_database, profiles, tmp_path, second)
    assert (changes.added, changes.changed, changes.archived) == (["tariff a, version 2"], [], ["tariff a"])
    assert await fetch(empty_database, SOLD) == [("a", 1, 800, True), ("a", 2, 900, False)]

    # Told again of its tariff, a line keeps what it has; a newcomer gets what is sold.
    family.write(file, newcomer)
    await import_file(empty_database, file, profiles)
    assert await fetch(empty_database, has) == [
        (family.number("tele2", 0), 1),
        (family.number("tele2", 1), 2),
    ]

    # The same version at another price: whoever has it pays the new one.
    changes = await sell(empty_database, profiles, tmp_path, second.replace('"9"', '"10"'))
    assert (changes.added, changes.changed, changes.archived) == ([], ["tariff a, version 2"], [])

    with pytest.raises(CatalogueRejected) as rejected:
        await sell(empty_database, profiles, tmp_path, first)
    assert str(rejected.value) == (
        f"{tmp_path.name}/tele2/catalogue.toml: line 3, tariffs.0.version: a has version 2 already, so it cannot be 1"
    )
    assert await fetch(empty_database, SOLD) == [("a", 1, 800, True), ("a", 2, 1000, False)]


async def test_what_is_archived_in_the_file_is_kept_and_sold_no_more(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    sold = "services = []\n" + TARIFF.format(code="a")
    await sell(empty_database, profiles, tmp_path, sold)

    changes = await sell(empty_database, profiles, tmp_path, sold + "archived = true")
    assert (changes.added, changes.changed, changes.archived) == ([], [], ["tariff a"])
    assert str(await sell(empty_database, profiles, tmp_path, sold + "archived = true")) == "tele2: nothing changed"
    assert (await sell(empty_database, profiles, tmp_path, sold)).added == ["tariff a"]


async def test_f111_relations_follow_the_file(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    pairs = """
select a.code, r.kind, b.code from service_relation r
join service a on a.id = r.service_id join service b on b.id = r.other_id order by 1, 2, 3
"""
    a, b, c = (SERVICE.format(code=code) for code in "abc")
    first = "tariffs = []" + a + b + 'incompatible = ["a"]' + c + 'requires = ["a"]'
    await sell(empty_database, profiles, tmp_path, first)
    assert await fetch(empty_database, pairs) == [("a", "INCOMPATIBLE", "b"), ("c", "REQUIRES", "a")]

    # The pair told from its other side is the same pair.
    same = "tariffs = []" + a + 'incompatible = ["b"]' + b + c + 'requires = ["a"]'
    assert str(await sell(empty_database, profiles, tmp_path, same)) == "tele2: nothing changed"

    changes = await sell(empty_database, profiles, tmp_path, "tariffs = []" + a + 'incompatible = ["b"]' + b + c)
    assert (changes.added, changes.changed, changes.archived) == ([], ["service c"], [])

    # Lines may still have what is sold no more, so it still does not go with the other.
    await sell(empty_database, profiles, tmp_path, "tariffs = []" + b + c)
    assert await fetch(empty_database, pairs) == [("a", "INCOMPATIBLE", "b")]


async def test_f126_tones_are_services_and_f110_bundles_are_kept(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    text = """
tariffs = []
services = []
[[tones]]
code = "tone"
title = "Мелодия"
artist = "Оркестр"
fee = "1.50"
period = "DAY"
preview_url = "https://example.org/tone.mp3"
[[bundles]]
code = "pair"
name = "Пара"
kinds = ["MOBILE", "INTERNET"]
fee = "700"
discount_percent = 10
"""
    file = folder_with(tmp_path, text, "motiv") / "motiv" / "catalogue.toml"
    changes = await catalogue.import_file(empty_database, file, profiles["motiv"])

    assert changes.added == ["service tone", "bundle pair"]
    tones = "select code, name, artist, category, kind, fee, fee_period, preview_url from service"
    assert await fetch(empty_database, tones) == [
        ("tone", "Мелодия", "Оркестр", "RINGBACK", "MOBILE", 150, "DAY", "https://example.org/tone.mp3")
    ]
    bundles = "select operator, code, kinds, fee, discount_percent, archived from bundle"
    assert await fetch(empty_database, bundles) == [("motiv", "pair", ["MOBILE", "INTERNET"], 70000, 10, False)]


async def test_a_check_changes_nothing_and_says_what_would_change(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    file = folder_with(tmp_path, "services = []\n" + TARIFF.format(code="a")) / "tele2" / "catalogue.toml"

    changes = await catalogue.import_file(empty_database, file, profiles["tele2"], check=True)

    assert str(changes) == "tele2: 1 added\n  added     tariff a"
    assert await fetch(empty_database, SOLD) == []


async def test_imports_at_once_are_done_one_after_the_other(
    empty_database: str, tmp_path: Path, profiles: Mapping[str, Profile]
) -> None:
    texts = ["services = []\n" + TARIFF.format(code="a") + f"version = {version}\n" for version in range(1, 9)]
    files = []
    for version, text in enumerate(texts, 1):
        (tmp_path / f"v{version}").mkdir()
        files.append(folder_with(tmp_path / f"v{version}", text) / "tele2" / "catalogue.toml")

    told = await asyncio.gather(
        *(catalogue.import_file(empty_database, file, profiles["tele2"]) for file in files), return_exceptions=True
    )

    assert {type(each) for each in told} <= {catalogue.Changes, CatalogueRejected}
    sold = [version for _, version, _, archived in await fetch(empty_database, SOLD) if not archived]
    assert sold == [8]
    added = [name for each in told if isinstance(each, catalogue.Changes) for name in each.added]
    assert len(added) == len(await fetch(empty_database, SOLD)) == sum(isinstance(e, catalogue.Changes) for e in told)
