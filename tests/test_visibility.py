"""Who is related to a line: links that have lost their ground give nothing (I7, I3, E24, E26)."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.profile import Profile
from tests import family
from tests.cabinet import Cabinet
from tests.session import open_session

Open = Callable[..., Awaitable[Cabinet]]
LINES = "{ viewer { linkedNumbers { edges { node { msisdn isOwn label myScopes balance { stale } } } } } }"

ACCOUNT_BY_EVERY_PATH = """
fragment Account on PersonalAccount { id myScopes balance { available { amount } } }
{
  viewer {
    linkedNumbers { edges { node { myScopes personalAccount { ...Account } } } }
    personalAccounts { edges { node { ...Account contract { accounts { ...Account } } } } }
  }
}
"""

GRANNY = family.number("beeline", 1)
CHILD = family.number("beeline", 2)


@pytest.fixture
async def smiths(empty_database: str, profiles: Mapping[str, Profile], tmp_path: Path) -> str:
    """Ann owns the household, Bob is an adult, Cid a child; Granny's number is linked, she is no member."""
    records = [
        *(family.person("beeline", name) for name in ("ann", "bob", "granny", "vera")),
        family.person("beeline", "cid", birth_date="-11y"),
        *family.mobile("beeline", "ann", 0, "ann"),
        *family.mobile("beeline", "granny", 1, "granny"),
        *family.mobile("beeline", "ann", 2, "cid", label="Сид"),
        *family.mobile("beeline", "bob", 3, "bob"),
        *family.mobile("beeline", "vera", 4, "vera"),
        family.household("beeline", "smiths", ann="OWNER", bob="ADULT", cid="CHILD", vera="VIEWER"),
        family.link("beeline", "smiths", GRANNY, "VIEW", "PAY", label="Бабушка"),
    ]
    await family.load(empty_database, profiles, tmp_path, records)
    return empty_database


async def lines(opened: Open, url: str, index: int) -> dict[str, Any]:
    """The lines that the holder of the index-th number sees, by number."""
    token = await open_session(url, "beeline", family.number("beeline", index))
    viewer = (await (await opened(url)).of("beeline", token).data(LINES))["viewer"]
    return {edge["node"]["msisdn"]: edge["node"] for edge in viewer["linkedNumbers"]["edges"]}


async def execute(url: str, sql: str, *arguments: object) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql, *arguments)
    finally:
        await connection.close()


async def test_everybody_sees_what_role_and_link_give(smiths: str, opened: Open) -> None:
    ann, bob, cid, vera = [await lines(opened, smiths, index) for index in (0, 3, 2, 4)]
    assert ann[GRANNY] == {
        "msisdn": GRANNY, "isOwn": False, "label": "Бабушка", "myScopes": ["VIEW", "PAY"], "balance": {"stale": False},
    }  # fmt: skip
    # The owner looks after the child's number without a link, and holds its contract too.
    assert {"VIEW", "USAGE", "LIMITS", "DETAILS", "DOCUMENTS"} <= set(ann[CHILD]["myScopes"])
    assert set(bob) == {family.number("beeline", 3), GRANNY}
    assert bob[GRANNY]["myScopes"] == ["VIEW", "PAY"]
    # A child sees its own number only, and cannot set its own limits.
    assert set(cid) == {CHILD}
    assert "LIMITS" not in cid[CHILD]["myScopes"]
    assert vera[GRANNY]["myScopes"] == ["VIEW", "PAY"]


async def test_contract_holder_does_not_look_into_another_adults_number(
    empty_database: str, profiles: Mapping[str, Profile], opened: Open, tmp_path: Path
) -> None:
    records = [
        family.person("beeline", "ann"),
        family.person("beeline", "bob"),
        *family.mobile("beeline", "ann", 0, "ann"),
        *family.mobile("beeline", "ann", 3, "bob"),
    ]
    await family.load(empty_database, profiles, tmp_path, records)
    seen = (await lines(opened, empty_database, 0))[family.number("beeline", 3)]
    assert seen["myScopes"] == ["PAY", "TARIFF", "BLOCK", "DOCUMENTS", "CLOSE"]
    assert seen["balance"] is None


async def test_contract_holder_does_not_look_into_another_adults_account_either(
    empty_database: str, profiles: Mapping[str, Profile], opened: Open, tmp_path: Path
) -> None:
    """The same account has the same rights and the same balance on whichever path it is reached."""
    records = [
        family.person("beeline", "ann"),
        family.person("beeline", "bob"),
        *family.mobile("beeline", "ann", 3, "bob"),
    ]
    await family.load(empty_database, profiles, tmp_path, records)
    token = await open_session(empty_database, "beeline", family.number("beeline", 3))
    await execute(empty_database, "update session set user_id = (select id from app_user where display_name = 'Ann')")
    visitor = (await opened(empty_database)).of("beeline", token)
    viewer = (await visitor.data(ACCOUNT_BY_EVERY_PATH))["viewer"]
    [line], [direct] = [
        [edge["node"] for edge in viewer[name]["edges"]] for name in ("linkedNumbers", "personalAccounts")
    ]
    [by_contract] = direct.pop("contract")["accounts"]
    assert line["personalAccount"] == direct == by_contract
    assert direct["myScopes"] == line["myScopes"] == ["PAY", "TARIFF", "BLOCK", "DOCUMENTS", "CLOSE"]
    assert direct["balance"] is None


async def test_mobile_number_of_somebody_without_a_cabinet_is_not_its_contract_holders(
    empty_database: str, profiles: Mapping[str, Profile], opened: Open, tmp_path: Path
) -> None:
    records = [
        family.person("beeline", "ann"),
        *family.mobile("beeline", "ann", 0, "ann"),
        *family.mobile("beeline", "ann", 5, None),
    ]
    await family.load(empty_database, profiles, tmp_path, records)
    seen = (await lines(opened, empty_database, 0))[family.number("beeline", 5)]
    assert "VIEW" not in seen["myScopes"]
    assert "DETAILS" not in seen["myScopes"]


@pytest.mark.parametrize(
    "sql",
    [
        "update line set status = 'TERMINATED' where msisdn = $1",
        "update contract set status = 'TERMINATED' where $1 <> ''",
    ],
)
async def test_e22_terminated_line_is_its_holders_alone_to_look_back_on(smiths: str, opened: Open, sql: str) -> None:
    await execute(smiths, sql, GRANNY)
    assert GRANNY not in await lines(opened, smiths, 0)
    own = (await lines(opened, smiths, 1))[GRANNY]
    assert own["myScopes"] == ["VIEW", "USAGE", "DETAILS", "DOCUMENTS"]


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("i07_new_sim", "update line set sim_epoch = sim_epoch + 1 where msisdn = $1"),
        (
            "e24_new_contract",
            "update contract set epoch = epoch + 1 where id = (select contract_id from personal_account a"
            " join line l on l.account_id = a.id where l.msisdn = $1)",
        ),
        (
            "revoked",
            "update number_link set status = 'REVOKED', primary_slot = null"
            " where line_id = (select id from line where msisdn = $1)",
        ),
        (
            "reverify_overdue",
            "update number_link set reverify_by = now() where line_id = (select id from line where msisdn = $1)",
        ),
        ("dissolved", "update household set dissolved_at = now() where $1::text is not null"),
    ],
)
async def test_link_without_ground_gives_nothing_at_once(smiths: str, opened: Open, name: str, sql: str) -> None:
    assert GRANNY in await lines(opened, smiths, 0)
    await execute(smiths, sql, GRANNY)
    assert GRANNY not in await lines(opened, smiths, 0)
    assert GRANNY in await lines(opened, smiths, 1), "the number's holder keeps it"


async def test_member_who_left_sees_nothing_of_the_household(smiths: str, opened: Open) -> None:
    await execute(smiths, "update membership set status = 'LEFT' where role = 'ADULT'")
    assert set(await lines(opened, smiths, 3)) == {family.number("beeline", 3)}


async def test_f045_filter_tells_own_numbers_from_linked_ones(smiths: str, opened: Open) -> None:
    token = await open_session(smiths, "beeline", family.number("beeline", 0))
    visitor = (await opened(smiths)).of("beeline", token)
    query = (
        "query ($filter: LineFilter) {"
        " viewer { linkedNumbers(filter: $filter) { totalCount edges { node { msisdn } } } } }"
    )

    async def found(**wanted: object) -> list[str]:
        page = (await visitor.data(query, filter=wanted))["viewer"]["linkedNumbers"]
        assert page["totalCount"] == len(page["edges"])
        return [edge["node"]["msisdn"] for edge in page["edges"]]

    assert await found(own=True) == [family.number("beeline", 0)]
    assert set(await found(own=False)) == {GRANNY, CHILD}
    assert await found(status=["TERMINATED"]) == []
    assert len(await found(status=["ACTIVE"])) == 3


async def test_f046_accounts_come_by_kind_with_their_lines_and_contract(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    owner = await cabinet.signed_in("letai", demo_people["letai"]["owner"])
    query = """
query ($kind: ServiceKind) {
  viewer { personalAccounts(kind: $kind) { totalCount edges { node {
    number kind status
    lines { kind servicePoint personalAccount { number } }
    contract { number status accounts { number } }
  } } } }
}
"""
    everything = (await owner.data(query))["viewer"]["personalAccounts"]
    for kind in ("INTERNET", "TV"):
        page = (await owner.data(query, kind=kind))["viewer"]["personalAccounts"]
        assert page["edges"]
        assert page["totalCount"] < everything["totalCount"]
        for edge in page["edges"]:
            account = edge["node"]
            assert {account["kind"], *(line["kind"] for line in account["lines"])} == {kind}
            assert all(line["personalAccount"]["number"] == account["number"] for line in account["lines"])
            assert account["number"] in {each["number"] for each in account["contract"]["accounts"]}
