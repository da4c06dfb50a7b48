"""Limits on what a line may use or spend (F048, E35, E36, I14): who sets them, what counts, and who is told."""

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.child_policy import UseKind, Wish
from domain.profile import Profile
from domain.usage import ChargeType, UsageUnit
from domain.usage_limit import Counted, LimitAction, LimitPeriod, Ruling, Use, days_of, reached, ruling
from domain.usage_limit_refusals import LimitExceeded
from models.database import tx
from models.usage import spent
from services import limit_alert, usage_limit
from tests.cabinet import Cabinet
from tests.test_balance_payment import confirm, pay, to
from tests.test_promised_payment import TAKE
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

SET = """
mutation ($line: ID!, $limit: Decimal!, $unit: UsageUnit!, $per: LimitPeriod!, $action: LimitAction!) {
  setUsageLimit(input: {lineId: $line, unit: $unit, per: $per, limit: $limit, onReach: $action,
    clientMutationId: "m"}) {
    clientMutationId userErrors { __typename code field message }
    line { limits { id unit per limit used onReach } }
  }
}
"""
REMOVE = """
mutation ($limit: ID!) {
  removeUsageLimit(input: {limitId: $limit}) { userErrors { code field message } line { limits { id } } }
}
"""
LIMITS = """
query ($line: ID!) { node(id: $line) { ... on Line {
  limits { id unit per limit used onReach setBy { label role isViewer isOperatorStaff } }
} } }
"""
ONE = "query ($id: ID!) { node(id: $id) { ... on UsageLimit { limit used } } }"


async def put(cabinet: Cabinet, line: str, limit: str = "50", **more: str) -> dict[str, Any]:
    told = {"unit": "MONEY", "per": "CALENDAR_MONTH", "action": "BLOCK_PAID", **more}
    payload: dict[str, Any] = (await cabinet.data(SET, line=line, limit=limit, **told))["setUsageLimit"]
    return payload


async def limits(cabinet: Cabinet, line: str) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] | None = (await cabinet.data(LIMITS, line=line))["node"]["limits"]
    return found


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def used(till: Till, index: int, volume: int, unit: str = "MONEY", kind: str = "CALL", days_ago: int = 0) -> None:
    """Billing counts something, `volume` of the unit; of money so much was charged."""
    today = limit_alert.local_day(till.profiles["beeline"])
    await till.rows(
        "insert into usage_day (line_id, day, type, unit, volume, sum) "
        "select id, $2, $3, $4, $5, $6 from line where msisdn = $1",
        f"7903000{1000 + index}", today - timedelta(days=days_ago), kind, unit, Decimal(volume),
        volume if unit == "MONEY" else 0,
    )  # fmt: skip


async def test_f048_owner_limits_a_childs_line_and_both_see_what_is_used(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    await used(till, CID, 1234)
    payload = await put(ann, line, "50.00")
    assert (payload["userErrors"], payload["clientMutationId"]) == ([], "m")
    [limit] = payload["line"]["limits"]
    assert limit | {"id": None} == {
        "id": None, "unit": "MONEY", "per": "CALENDAR_MONTH", "limit": "50.00", "used": "12.34", "onReach": "BLOCK_PAID"
    }  # fmt: skip
    set_by = {"label": "Ann", "role": "OWNER", "isOperatorStaff": False}
    for cabinet, is_hers in ((ann, True), (cid, False)):
        assert await limits(cabinet, line) == [{**limit, "setBy": {**set_by, "isViewer": is_hers}}]
    assert (await cid.data(ONE, id=limit["id"]))["node"] == {"limit": "50.00", "used": "12.34"}
    assert (await (await till.of(EVE)).data(ONE, id=limit["id"]))["node"] is None
    # One for each unit and period: another one takes its place.
    assert len((await put(ann, line, "70", action="BLOCK_ALL"))["line"]["limits"]) == 1
    assert len((await put(ann, line, "60", unit="MINUTE", per="DAY"))["line"]["limits"]) == 2
    told = await till.rows("select action, actor_role, details->>'limit' from audit_event where line_id is not null")
    assert told == [
        ("USAGE_LIMIT_SET", "OWNER", "50.00"), ("USAGE_LIMIT_SET", "OWNER", "70.00"), ("USAGE_LIMIT_SET", "OWNER", "60")
    ]  # fmt: skip


async def test_f134_the_traffic_of_a_line_is_kept_within_its_month(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    gigabyte = 2**30
    assert codes(await put(ann, line, str(gigabyte), unit="BYTE", action="BLOCK_ALL")) == []
    await used(till, CID, gigabyte // 2, "BYTE", "INTERNET")
    found = await limits(ann, line)
    assert found is not None
    assert [(each["unit"], each["limit"], each["used"]) for each in found] == [
        ("BYTE", str(gigabyte), str(gigabyte // 2))
    ]
    # Half of it is left, and no more than that may be used.
    counted = [Counted(UsageUnit.BYTE, gigabyte, LimitAction.BLOCK_ALL, Decimal(gigabyte // 2))]
    for volume, answer in ((gigabyte // 2, Ruling.ALLOWED), (gigabyte // 2 + 1, Ruling.BLOCKED)):
        assert ruling(counted, Use(unit=UsageUnit.BYTE, volume=Decimal(volume))) is answer


@pytest.mark.parametrize(
    ("who", "whose", "answer"),
    [
        (ANN, ANN, []),
        (GRANNY, GRANNY, []),
        (CID, CID, ["FORBIDDEN"]),
        (BOB, CID, ["FORBIDDEN"]),  # the link does not say so
        (ANN, GRANNY, ["FORBIDDEN"]),
        (VERA, CID, ["FORBIDDEN"]),
        (EVE, CID, ["NOT_FOUND"]),
        (CID, ANN, ["NOT_FOUND"]),
    ],
)
async def test_f048_who_may_limit_whom(till: Till, who: int, whose: int, answer: list[str]) -> None:
    assert codes(await put(await till.of(who), await till.line(whose))) == answer
    assert await till.value("select count(*) from usage_limit") == (0 if answer else 1)


async def test_f048_adult_limits_by_a_link_that_says_so_and_not_when_it_is_revoked(till: Till) -> None:
    bob, line = await till.of(BOB), await till.line(CID)
    await till.rows("update number_link set scopes = array['VIEW','LIMITS']")
    payload = await put(bob, line)
    assert codes(payload) == []
    await till.rows("update number_link set status = 'REVOKED', primary_slot = null")
    remove = (await bob.data(REMOVE, limit=payload["line"]["limits"][0]["id"]))["removeUsageLimit"]
    assert (codes(remove), await till.value("select count(*) from usage_limit")) == (["NOT_FOUND"], 1)


async def test_f048_sessions_of_the_network_and_nobody_set_no_limits(till: Till) -> None:
    line = await till.line(ANN)
    assert codes(await put(await till.of(ANN, "PARTIAL"), line)) == ["FORBIDDEN"]
    answer = await till.anybody.of("beeline").ask(SET, line=line, limit="5", unit="SMS", per="DAY", action="NOTIFY")
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_e13_no_limit_changes_after_a_new_sim(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    [limit] = (await put(ann, line))["line"]["limits"]
    await till.rows("update line set sim_changed_at = now() - interval '1 hour'")
    assert codes(await put(ann, line, "1000")) == ["COOLDOWN_ACTIVE"]
    assert codes((await ann.data(REMOVE, limit=limit["id"]))["removeUsageLimit"]) == ["COOLDOWN_ACTIVE"]
    await till.rows("update line set sim_changed_at = now() - interval '30 days'")
    assert codes(await put(ann, line, "1000")) == []


@pytest.mark.parametrize(
    ("limit", "unit"),
    [
        ("0", "MONEY"), ("-1", "MONEY"), ("0.00", "MONEY"), ("0.001", "MONEY"), ("1e3", "MONEY"), ("NaN", "MINUTE"),
        ("Infinity", "MONEY"), ("1.5", "SMS"), ("", "MONEY"), ("9" * 40, "BYTE"), ("1000000000000001", "BYTE"),
        ("٣", "SMS"), ("1 000", "MONEY"),
    ],
)  # fmt: skip
async def test_f048_amounts_that_are_none(till: Till, limit: str, unit: str) -> None:
    payload = await put(await till.of(ANN), await till.line(CID), limit, unit=unit)
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("INVALID_INPUT", ["limit"])]
    assert payload["line"] is None


async def test_f048_units_are_what_the_kind_of_line_has_and_an_adult_has_nobody_to_ask(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await till.rows("update line set kind = 'TV' where msisdn = '79030001000'")
    [error] = (await put(ann, line, unit="MINUTE"))["userErrors"]
    assert (error["code"], error["field"], error["message"]) == (
        "INVALID_INPUT", ["unit"], "On this line can be limited: MONEY",
    )  # fmt: skip
    [error] = (await put(ann, line, action="ASK_OWNER"))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["onReach"])


async def test_f048_removed_once_and_never_a_foreign_one(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    [limit] = (await put(ann, line))["line"]["limits"]
    for other in (CID, BOB, EVE):
        payload = (await (await till.of(other)).data(REMOVE, limit=limit["id"]))["removeUsageLimit"]
        assert codes(payload) == ["NOT_FOUND"], other
    answers = await asyncio.gather(*(ann.data(REMOVE, limit=limit["id"]) for _ in range(5)))
    assert sorted(codes(each["removeUsageLimit"]) for each in answers) == [[], *[["NOT_FOUND"]] * 4]
    assert await limits(ann, line) == []
    for nonsense in ("", "x" * 500, line, "Пример"):
        assert codes((await ann.data(REMOVE, limit=nonsense))["removeUsageLimit"]) == ["NOT_FOUND"]


async def test_e57_only_what_was_used_in_the_running_period_counts(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    today = limit_alert.local_day(till.profiles["beeline"])
    for days_ago in range(40):
        await used(till, CID, 1, "SMS", "SMS", days_ago)
    for per in LimitPeriod:
        await put(ann, line, "1000", unit="SMS", per=per)
    found = {limit["per"]: int(Decimal(limit["used"])) for limit in await limits(ann, line) or ()}
    assert (found["DAY"], found["WEEK"], found["CALENDAR_MONTH"]) == (1, today.isoweekday(), today.day)


async def test_e36_a_voucher_or_a_top_up_buys_no_way_around_the_limit(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await put(ann, line, "150")
    assert codes(await pay(ann, line, to(EVE), "150.01")) == ["LIMIT_EXCEEDED"]
    first = await pay(ann, line, to(EVE), "100", "balance-1")
    await confirm(ann, first, await till.code())
    await used(till, ANN, 100_000, kind="TOP_UP")
    [refused] = (await pay(ann, line, to(EVE), "100", "balance-2"))["userErrors"]
    assert (refused["__typename"], refused["code"]) == ("LimitExceeded", "LIMIT_EXCEEDED")
    assert [limit["used"] for limit in await limits(ann, line) or ()] == ["100.00"]


async def test_i14_limit_that_came_between_quote_and_code_stops_the_payment(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = await pay(ann, line, to(EVE), "100")
    await put(ann, line, "99.99")
    payload = await confirm(ann, begun, await till.code())
    assert (payload["payment"]["status"], payload["payment"]["failure"]["code"]) == ("DECLINED", "LIMIT_EXCEEDED")
    assert (await till.balance(ANN), await till.balance(EVE)) == (10_050, 10_550)


async def test_i14_spending_at_once_stays_within_the_limit(till: Till, profiles: Mapping[str, Profile]) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await put(ann, line, "50")
    key = await till.value("select id from line where msisdn = '79030001000'")

    async def charge(connection: BaseDBAsyncClient) -> LimitExceeded | object:
        wish = Wish(UseKind.SERVICE, Use(price=900))
        refused = await usage_limit.may_spend(connection, profiles["beeline"], key, wish)
        if refused is None:
            today = limit_alert.local_day(profiles["beeline"])
            await spent(connection, key, today, ChargeType.SERVICE_FEE, 900)
        return refused

    answers = await asyncio.gather(*(tx(charge) for _ in range(12)))
    assert [answer is None for answer in answers].count(True) == 5


async def test_f081_promised_payment_costs_money_too(till: Till) -> None:
    await till.spend(CID, 15_000)
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    await put(ann, line, "4.99")
    told = {"key": "promise-1", "line": line, "offer": "5000-500-3"}
    assert codes((await cid.data(TAKE, **told))["takePromisedPayment"]) == ["LIMIT_EXCEEDED"]
    await put(ann, line, "5")
    assert codes((await cid.data(TAKE, **told))["takePromisedPayment"]) == []
    assert [limit["used"] for limit in await limits(cid, line) or ()] == ["5.00"]


async def test_f048_both_are_told_at_80_and_100_percent_once(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    await put(ann, line, "100", unit="SMS", action="NOTIFY")
    await used(till, CID, 79, "SMS", "SMS")
    await limit_alert.sweep(till.profiles)
    assert await till.sent_to(ANN) == []
    await till.rows("update usage_day set volume = 80 where unit = 'SMS'")
    await asyncio.gather(*(limit_alert.sweep(till.profiles) for _ in range(6)))
    await till.rows("update usage_day set volume = 120 where unit = 'SMS'")
    await asyncio.gather(*(limit_alert.sweep(till.profiles) for _ in range(6)))
    for who in (ANN, CID):
        nearly, all_of_it = await till.sent_to(who)
        assert "80 %" in nearly
        assert "100 SMS" in all_of_it
        assert "1002" in all_of_it
    # Of another period people are told anew.
    await till.rows("update limit_alert set period_start = period_start - 40")
    await limit_alert.sweep(till.profiles)
    assert len(await till.sent_to(CID)) == 3


async def test_e35_lowered_below_what_is_used_both_are_told_at_once(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    await used(till, CID, 40_00)
    await put(ann, line, "100")
    assert await till.sent_to(CID) == []
    payload = await put(ann, line, "30")
    assert payload["line"]["limits"][0]["used"] == "40.00"
    for who in (ANN, CID):
        [told] = await till.sent_to(who)
        assert "30.00 RUB" in told
    # The same again is nothing new, and a limit that is raised is told of anew when it is reached.
    await put(ann, line, "30")
    await limit_alert.sweep(till.profiles)
    assert len(await till.sent_to(CID)) == 1
    await put(ann, line, "45")
    assert len(await till.sent_to(CID)) == 1
    await till.rows("update usage_day set volume = 4500, sum = 4500")
    await limit_alert.sweep(till.profiles)
    assert len(await till.sent_to(CID)) == 2


AMOUNTS = st.integers(1, 10**6)
LIMIT = st.builds(
    Counted,
    unit=st.sampled_from(UsageUnit),
    amount=AMOUNTS,
    on_reach=st.sampled_from(LimitAction),
    used=st.integers(0, 10**6).map(Decimal),
)
USE = st.builds(
    Use,
    price=st.integers(0, 10**5),
    unit=st.none() | st.sampled_from(UsageUnit),
    volume=st.integers(0, 10**5).map(Decimal),
)


@given(found=st.lists(LIMIT, max_size=5), use=USE)
def test_i14_more_limits_are_never_milder_and_approval_never_lifts_a_block(found: list[Counted], use: Use) -> None:
    order = list(Ruling)
    said = ruling(found, use)
    assert all(order.index(ruling(found[:n], use)) <= order.index(said) for n in range(len(found)))
    approved = ruling(found, use, approved=True)
    assert approved is (Ruling.ALLOWED if said is Ruling.ASK_OWNER else said)


@given(limit=LIMIT, use=USE)
def test_i14_a_limit_stops_nothing_before_it_is_reached(limit: Counted, use: Use) -> None:
    within = limit.used < limit.amount and limit.after(use) <= limit.amount
    said = ruling([limit], use)
    if within or limit.on_reach is LimitAction.NOTIFY:
        assert said is Ruling.ALLOWED
    elif use.price > 0:
        assert said is (Ruling.ASK_OWNER if limit.on_reach is LimitAction.ASK_OWNER else Ruling.BLOCKED)


@given(amount=AMOUNTS, use=st.integers(0, 10**6))
def test_e35_shares_are_exact(amount: int, use: int) -> None:
    shares = reached(Decimal(use), amount)
    assert (100 in shares) == (use >= amount)
    assert (80 in shares) == (use * 5 >= amount * 4)


@given(today=st.dates(date(2020, 1, 1), date(2040, 1, 1)), per=st.sampled_from(LimitPeriod), day=st.integers(1, 31))
def test_e57_periods_are_half_open_and_follow_one_another(today: date, per: LimitPeriod, day: int) -> None:
    days = days_of(per, today, day)
    assert days.first <= today < days.end
    assert days_of(per, days.first, day) == days
    assert days_of(per, days.last, day) == days
    assert days_of(per, days.end, day).first == days.end
