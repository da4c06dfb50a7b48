"""The pool of a household's gigabytes (F156): whose they are, who may take how much, and how that ends."""

import asyncio
from typing import Any

import pytest

from resolvers.node_id import encode
from services.usage_intake import Used
from tests.cabinet import Cabinet
from tests.packages import GB, days, left, put, subscribed, use
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

SET = """
mutation ($house: ID!, $line: ID!, $cap: Decimal) {
  setPoolShare(input: {householdId: $house, lineId: $line, cap: $cap}) {
    userErrors { code field }
    household { pool { total left unit resetsAt shares { line { id } cap used } } }
  }
}
"""
POOL = "query ($house: ID!) { node(id: $house) { ... on Household { pool { total left shares { cap used } } } } }"
REMAINS = "query ($line: ID!) { node(id: $line) { ... on Line { remains { name source total left } } } }"


async def house(till: Till) -> str:
    return encode("Household", await till.value("select id from household"))


async def set_share(cabinet: Cabinet, till: Till, index: int, cap: str | None = None) -> dict[str, Any]:
    told = {"house": await house(till), "line": await till.line(index), "cap": cap}
    payload: dict[str, Any] = (await cabinet.data(SET, **told))["setPoolShare"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def family(till: Till) -> Cabinet:
    """Ann has a family tariff with 10 GB."""
    await subscribed(till, ANN)
    await put(till, ANN, "tariff:0", 10 * GB)
    return await till.of(ANN)


def parts(used: object) -> tuple[int, int, int]:
    assert isinstance(used, Used)
    return int(used.from_packages), int(used.from_pool), int(used.beyond)


async def test_f156_a_line_uses_its_own_and_then_the_pool_up_to_its_cap(till: Till) -> None:
    ann = await family(till)
    await put(till, CID, "tariff:0", GB)
    payload = await set_share(ann, till, CID, str(3 * GB))
    assert codes(payload) == []
    pool = payload["household"]["pool"]
    assert (pool["total"], pool["left"], pool["unit"]) == (str(10 * GB), str(10 * GB), "BYTE")
    assert pool["shares"] == [{"line": {"id": await till.line(CID)}, "cap": str(3 * GB), "used": "0"}]

    assert parts(await use(till, CID, 2 * GB)) == (GB, GB, 0)
    assert parts(await use(till, CID, 5 * GB, "e2")) == (0, 2 * GB, 3 * GB)
    assert await left(till, ANN) == {"tariff:0": 7 * GB}
    shown = (await ann.data(POOL, house=await house(till)))["node"]["pool"]
    assert shown == {"total": str(10 * GB), "left": str(7 * GB), "shares": [{"cap": str(3 * GB), "used": str(3 * GB)}]}
    # The pool stands among what the line has left, as far as its share goes.
    remains = (await ann.data(REMAINS, line=await till.line(CID)))["node"]["remains"]
    assert remains[-1] == {"name": "Smiths", "source": "POOL", "total": str(3 * GB), "left": "0"}
    # A cap that grows counts what was taken; without one there is as much as there is.
    await set_share(ann, till, CID, str(4 * GB))
    assert parts(await use(till, CID, 2 * GB, "e3")) == (0, GB, GB)
    await set_share(ann, till, CID)
    assert parts(await use(till, CID, 20 * GB, "e4")) == (0, 6 * GB, 14 * GB)
    # In the next period shares count anew.
    await set_share(ann, till, CID, str(3 * GB))
    await till.rows("update package_counter set remaining = total, resets_at = $1 where source = 'TARIFF'", days(50))
    assert parts(await use(till, CID, 5 * GB, "e5")) == (GB, 3 * GB, GB)


async def test_f156_who_has_no_share_takes_nothing_and_minutes_are_not_shared(till: Till) -> None:
    ann = await family(till)
    assert parts(await use(till, CID, GB)) == (0, 0, GB)
    await set_share(ann, till, CID, "0")
    assert parts(await use(till, CID, GB, "e2")) == (0, 0, GB)
    # Packages that are no family tariff's are nobody else's.
    await set_share(ann, till, CID)
    await till.rows("update tariff set family_shareable = false")
    assert parts(await use(till, CID, GB, "e3")) == (0, 0, GB)
    assert (await ann.data(POOL, house=await house(till)))["node"]["pool"] is None


async def test_f156_shares_at_once_never_take_more_than_the_pool_or_the_cap(till: Till) -> None:
    ann = await family(till)
    for index in (BOB, CID):
        await set_share(ann, till, index, str(7 * GB))
    outcomes = await asyncio.gather(*(use(till, (BOB, CID)[n % 2], GB, f"e{n}") for n in range(24)))
    taken = [parts(each)[1] for each in outcomes]
    assert sum(taken) == 10 * GB
    assert max(sum(taken[::2]), sum(taken[1::2])) <= 7 * GB
    assert await left(till, ANN) == {"tariff:0": 0}
    used = await till.rows("select used from pool_share")
    assert sum(each for (each,) in used) == 10 * GB


async def test_f156_whose_gigabytes_are_in_the_pool(till: Till) -> None:
    ann = await family(till)
    # Another adult's own packages are theirs, family tariff or not; a child's belong to the family.
    for index in (BOB, CID, GRANNY):
        await subscribed(till, index)
        await put(till, index, "tariff:0", GB)
    asked = {"house": await house(till)}
    assert (await ann.data(POOL, **asked))["node"]["pool"]["total"] == str(11 * GB)
    # Who is linked agreed to it where gigabytes may be given away.
    await till.rows("update number_link set scopes = scopes || array['TRANSFER']")
    assert (await ann.data(POOL, **asked))["node"]["pool"]["total"] == str(12 * GB)
    await till.rows("update line set sim_epoch = 2 where msisdn = '79030001001'")
    assert (await ann.data(POOL, **asked))["node"]["pool"]["total"] == str(11 * GB)


@pytest.mark.parametrize(
    ("who", "whose", "answer"),
    [
        (ANN, CID, []),
        (ANN, GRANNY, []),
        (ANN, BOB, []),
        (BOB, CID, ["FORBIDDEN"]),
        (BOB, BOB, []),  # a limit of one's own
        (CID, CID, ["FORBIDDEN"]),
        (VERA, VERA, ["FORBIDDEN"]),
        (EVE, CID, ["NOT_FOUND"]),
        (ANN, EVE, ["NOT_FOUND"]),
    ],
)
async def test_f156_who_may_set_whose_share(till: Till, who: int, whose: int, answer: list[str]) -> None:
    await family(till)
    assert codes(await set_share(await till.of(who), till, whose, "5")) == answer
    assert await till.value("select count(*) from pool_share") == (0 if answer else 1)


async def test_f156_an_adult_with_limits_over_the_line_and_caps_that_are_none(till: Till) -> None:
    ann, bob = await family(till), await till.of(BOB)
    await till.rows("update number_link set scopes = array['VIEW','LIMITS']")
    assert codes(await set_share(bob, till, CID, "7")) == []
    for cap in ("-1", "1.5", "x", "1e30", str(2**51)):
        assert codes(await set_share(ann, till, CID, cap)) == ["INVALID_INPUT"]
    assert codes(await set_share(await till.of(ANN, "PARTIAL"), till, CID)) == ["FORBIDDEN"]
    # Who looks at single lines sees no pool; a child sees it, and the shares of lines that it sees.
    asked = {"house": await house(till)}
    assert (await (await till.of(VERA)).data(POOL, **asked))["node"]["pool"] is None
    assert (await (await till.of(CID)).data(POOL, **asked))["node"]["pool"]["shares"] == [{"cap": "7", "used": "0"}]
    assert await till.value("select count(*) from audit_event where action = 'POOL_SHARE_SET'") == 1


async def test_f156_leaving_the_household_ends_the_share(till: Till) -> None:
    ann, bob = await family(till), await till.of(BOB)
    for index in (BOB, CID):
        await set_share(ann, till, index)
    leave = "mutation ($house: ID!) { leaveHousehold(input: {householdId: $house}) { userErrors { code } } }"
    assert (await bob.data(leave, house=await house(till)))["leaveHousehold"]["userErrors"] == []
    assert await till.value("select count(*) from pool_share") == 1
    assert parts(await use(till, BOB, GB)) == (0, 0, GB)
    assert parts(await use(till, CID, GB)) == (0, GB, 0)
    # A link that has ended takes nothing either.
    await set_share(ann, till, GRANNY)
    assert parts(await use(till, GRANNY, GB)) == (0, GB, 0)
    await till.rows("update number_link set status = 'REVOKED', primary_slot = null")
    assert parts(await use(till, GRANNY, GB, "e2")) == (0, 0, GB)
