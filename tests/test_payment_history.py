"""What was paid, told to those who may know: pages, filters, rights (F083), and bonuses (F061)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest

from domain.profile import Profile
from resolvers.node_id import encode
from tests.cabinet import Cabinet
from tests.paid import paid

HISTORY = """
query History($filter: PaymentFilter, $first: Int, $after: String) {
  viewer { payments(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { id amount { amount } status kind createdAt } }
  } }
}
"""
OF_ACCOUNT = """
query OfAccount($id: ID!, $filter: PaymentFilter, $first: Int, $after: String) {
  node(id: $id) { ... on PersonalAccount { payments(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { id amount { amount } } }
  } } }
}
"""
ACCOUNTS = "{ viewer { personalAccounts { edges { node { id number kind bonus { balance unit } } } } } }"

BONUSES = """
with t as (
  insert into ledger_transfer (operator, kind, key, at)
  values ('beeline', 'BONUS', gen_random_uuid(), now()) returning id),
a as (
  insert into ledger_account
    (operator, kind, account_id, provider, currency, balance, reserved, credit_limit, floor)
  values ('beeline', 'BONUS', $1, '', 'RUB', 0, 0, 0, 0),
    ('beeline', 'LOYALTY', null, '', 'RUB', null, 0, 0, null)
  returning id, kind)
insert into ledger_entry (transfer_id, account_id, amount)
select t.id, a.id, case a.kind when 'BONUS' then 12_050 else -12_050 end from t cross join a
"""


@pytest.fixture
async def rows(database: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database, from which payments are gone afterwards."""
    yield database
    await database.execute("delete from payment")


Rows = asyncpg.Connection


def amounts(connection: dict[str, Any]) -> list[str]:
    return [edge["node"]["amount"]["amount"] for edge in connection["edges"]]


async def account_of(rows: Rows, operator: str, person: Any) -> str:
    account = await rows.fetchval(
        "select account_id from line where operator = $1 and msisdn = $2", operator, person["msisdn"]
    )
    return encode("PersonalAccount", account)


async def history(caller: Cabinet, **filter: Any) -> list[str]:
    return amounts((await caller.data(HISTORY, filter=filter))["viewer"]["payments"])


async def test_f083_pages_stay_in_place_while_payments_come_in(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows
) -> None:
    people = demo_people["beeline"]
    owner = await cabinet.signed_in("beeline", people["owner"])
    for minor in range(100, 800, 100):
        await paid(rows, "beeline", people["owner"], people["owner"], minor)
    seen, after = [], None
    for _ in range(4):
        answer = await owner.data(HISTORY, first=2, after=after)
        page = answer["viewer"]["payments"]
        seen += amounts(page)
        after = page["pageInfo"]["endCursor"]
        # Somebody pays between two pages: nothing is shown twice, and nothing left out.
        await paid(rows, "beeline", people["owner"], people["owner"], 9_900)
    assert seen == [f"{minor}.00" for minor in range(7, 0, -1)]
    assert page["pageInfo"]["hasNextPage"] is False
    assert page["totalCount"] == 10


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        (("2026-03-10", "2026-03-10"), ["2.00", "1.00"]),
        (("2026-03-09", "2026-03-10"), ["2.00", "1.00", "0.50"]),
        (("2026-03-11", "2026-03-31"), ["3.00"]),
        (("2026-03-12", "2026-03-31"), []),
    ],
)
async def test_f083_e57_days_are_those_of_the_operator_and_half_open(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows, days: tuple[str, str], shown: list[str]
) -> None:
    """Moscow's day begins at 21:00 in Greenwich."""
    owner = demo_people["beeline"]["owner"]
    for minor, at in [
        (50, "2026-03-09T20:59:59.999999Z"),
        (100, "2026-03-09T21:00:00Z"),
        (200, "2026-03-10T20:59:59.999999Z"),
        (300, "2026-03-10T21:00:00Z"),
    ]:
        await paid(rows, "beeline", owner, owner, minor, at=at)
    caller = await cabinet.signed_in("beeline", owner)
    assert await history(caller, period={"from": days[0], "to": days[1]}) == shown


async def test_f083_filters_by_status_kind_line_and_account(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows
) -> None:
    people = demo_people["beeline"]
    owner, stranger = people["owner"], people["strangers"][0]
    await paid(rows, "beeline", owner, owner, 100)
    await paid(rows, "beeline", owner, owner, 200, status="DECLINED")
    await paid(rows, "beeline", owner, owner, 300, kind="AUTOPAY")
    await paid(rows, "beeline", owner, stranger, 400)
    caller = await cabinet.signed_in("beeline", owner)
    line = await rows.fetchval("select id from line where operator = 'beeline' and msisdn = $1", owner["msisdn"])

    assert await history(caller) == ["4.00", "3.00", "2.00", "1.00"]
    assert await history(caller, status=["DECLINED"]) == ["2.00"]
    assert await history(caller, status=[]) == []
    assert await history(caller, kinds=["AUTOPAY", "REFUND"]) == ["3.00"]
    assert await history(caller, lineId=encode("Line", line)) == ["3.00", "2.00", "1.00"]
    assert await history(caller, lineId=encode("Line", line), kinds=["TOP_UP"]) == ["2.00", "1.00"]
    mine = await account_of(rows, "beeline", owner)
    assert await history(caller, personalAccountId=mine) == ["3.00", "2.00", "1.00"]
    for nothing in ("nonsense", encode("Line", 10**12), mine):
        assert await history(caller, lineId=nothing) == []


async def test_f083_an_account_tells_its_own_payments_to_its_holder(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows
) -> None:
    people = demo_people["beeline"]
    owner, stranger = people["owner"], people["strangers"][0]
    await paid(rows, "beeline", owner, owner, 100)
    await paid(rows, "beeline", stranger, owner, 200)
    await paid(rows, "beeline", owner, stranger, 300)
    mine = await account_of(rows, "beeline", owner)
    caller = await cabinet.signed_in("beeline", owner)
    page = (await caller.data(OF_ACCOUNT, id=mine, first=1))["node"]["payments"]
    assert (amounts(page), page["totalCount"], page["pageInfo"]["hasNextPage"]) == (["2.00"], 2, True)
    rest = (await caller.data(OF_ACCOUNT, id=mine, after=page["pageInfo"]["endCursor"]))["node"]["payments"]
    assert amounts(rest) == ["1.00"]
    # Another account's filter contradicts the account that is asked.
    other = await caller.ask(OF_ACCOUNT, id=mine, filter={"personalAccountId": encode("PersonalAccount", 10**12)})
    assert other["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    # Who paid sees the payment, but not the account.
    payer = await cabinet.signed_in("beeline", stranger)
    assert (await payer.data(OF_ACCOUNT, id=mine))["node"] is None
    assert await history(payer) == ["3.00", "2.00"]


async def test_f083_a_partial_session_sees_no_history(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows
) -> None:
    owner = demo_people["beeline"]["owner"]
    await paid(rows, "beeline", owner, owner, 100)
    caller = await cabinet.signed_in("beeline", owner)
    await rows.execute("update session set access_level = 'PARTIAL'")
    assert await history(caller) == []
    account = await caller.data(OF_ACCOUNT, id=await account_of(rows, "beeline", owner))
    assert account["node"]["payments"]["totalCount"] == 0


@pytest.mark.parametrize("days", [("2026-03-11", "2026-03-10"), ("2026-03-11", "9999-12-31")])
async def test_f083_days_that_are_no_period_are_refused(
    cabinet: Cabinet, demo_people: dict[str, Any], days: tuple[str, str]
) -> None:
    caller = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    answer = await caller.ask(HISTORY, filter={"period": {"from": days[0], "to": days[1]}})
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_f061_bonuses_come_from_the_ledger_in_one_statement(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows, profiles: Mapping[str, Profile]
) -> None:
    owner = demo_people["beeline"]["owner"]
    account = await rows.fetchval(
        "select account_id from line where operator = 'beeline' and msisdn = $1", owner["msisdn"]
    )
    # Rows of the ledger stay for ever; nobody else in this database looks at bonuses.
    await rows.execute(BONUSES, account)
    caller = await cabinet.signed_in("beeline", owner)
    answer = await caller.ask(ACCOUNTS)
    found = [edge["node"] for edge in answer["data"]["viewer"]["personalAccounts"]["edges"]]
    mine = next(each for each in found if each["id"] == encode("PersonalAccount", account))
    assert mine["bonus"] == {"balance": "120.50", "unit": profiles["beeline"].loyalty.programme}
    assert {each["bonus"]["balance"] for each in found if each is not mine} == {"0.00"}
    assert len(answer["extensions"]["hearth"]["batches"]["bonus_by_account_id"]) == 1
