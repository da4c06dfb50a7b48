"""F080 as its payers meet it: who may make a rule, with what, for whom; changing and removing it (SPEC 4.4)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from domain.profile import Profile
from server.settings import Settings
from tests.autopay import DELETE, IRINA, NIKOLAY, OPERATOR, PAVEL, TIMOFEY, Payers, payers, rub
from tests.cabinet import Cabinet
from tests.session import open_session

REMOVE_CARD = "mutation ($id: ID!) { removePaymentMethod(input: {paymentMethodId: $id}) { userErrors { code } } }"
STATEMENTS = "{ viewer { autopayRules { id method { masked } line { id } personalAccount { id } } } }"
NODE = "query ($id: ID!) { node(id: $id) { id ... on AutopayRule { trigger } } }"


@pytest.fixture
async def town(demo_database: str, settings: Settings, profiles: Mapping[str, Profile]) -> AsyncIterator[Payers]:
    async with payers(demo_database, settings, profiles) as people:
        yield people


@pytest.fixture
async def pavel(town: Payers) -> Cabinet:
    return await town.cabinet(PAVEL)


async def refused(town: Payers, cabinet: Cabinet, form: dict[str, Any]) -> tuple[str, list[str] | None]:
    """The code and the field of the one refusal, which changed nothing."""
    before = await town.value("select count(*) from autopay_rule")
    answer = await town.told(cabinet, form)
    assert answer["rule"] is None
    assert await town.value("select count(*) from autopay_rule") == before
    [error] = answer["userErrors"]
    return error["code"], error["field"]


async def test_f080_a_rule_for_ones_own_line_shows_what_was_agreed(town: Payers, pavel: Cabinet) -> None:
    form = await town.wanted(pavel, monthlyCap=rub("900"))
    rule = (await town.told(pavel, form))["rule"]
    assert rule["line"]["id"] == form["lineId"]
    assert rule["personalAccount"] is not None
    assert (rule["trigger"], rule["active"], rule["dayOfMonth"]) == ("BALANCE_BELOW", True, None)
    told = [rule[name]["amount"] for name in ("amount", "threshold", "monthlyCap")]
    assert told == ["300.00", "100.00", "900.00"]
    assert rule["method"] == {"id": form["paymentMethodId"], "masked": "***2204"}
    assert (rule["lastRunAt"], rule["lastFailure"]) == (None, None)
    assert [each["id"] for each in await town.rules(pavel)] == [rule["id"]]
    assert (await pavel.data(NODE, id=rule["id"]))["node"] == {"id": rule["id"], "trigger": "BALANCE_BELOW"}
    assert await town.value("select action from audit_event order by id desc limit 1") == "AUTOPAY_SET"
    assert PAVEL not in await town.value("select details::text from audit_event order by id desc limit 1")


async def test_f080_it_needs_a_fresh_proof(town: Payers, pavel: Cabinet) -> None:
    form = await town.wanted(pavel)
    for proven in ("null", "now() - interval '601 seconds'"):
        await town.database.execute(f"update session set stepped_up_at = {proven}")
        assert await refused(town, pavel, form) == ("STEP_UP_REQUIRED", None)
    await town.database.execute("update session set stepped_up_at = now() - interval '590 seconds'")
    assert (await town.told(pavel, form))["userErrors"] == []


async def test_f080_a_partial_session_an_employee_and_nobody_are_refused(town: Payers, pavel: Cabinet) -> None:
    form = await town.wanted(pavel)
    rule = (await town.told(pavel, form))["rule"]
    partial = await town.cabinet(PAVEL, level="PARTIAL")
    assert await refused(town, partial, form) == ("FORBIDDEN", None)
    assert await town.rules(partial) == []
    assert (await partial.data(NODE, id=rule["id"]))["node"] is None
    assert (await partial.data(DELETE, id=rule["id"]))["deleteAutopay"]["userErrors"][0]["code"] == "FORBIDDEN"
    staff = await town.cabinet(PAVEL)
    await town.database.execute(
        "update session set staff = 'Olga', staff_reason = 'a call', staff_ticket = 'T1' "
        "where id = (select max(id) from session)"
    )
    assert await refused(town, staff, form) == ("FORBIDDEN", None)
    assert await town.rules(staff) == []
    answer = await Cabinet(town.http, OPERATOR).ask("query { viewer { autopayRules { id } } }")
    assert answer["data"]["viewer"] is None


@pytest.mark.parametrize("operator", ["life", "letai", "motiv"])
async def test_f080_an_operator_without_it_says_so(town: Payers, operator: str, demo_people: dict[str, Any]) -> None:
    owner = demo_people[operator]["owner"]
    visitor = Cabinet(town.http, operator, await open_session(town.url, operator, owner["msisdn"]))
    currency = "BYN" if operator == "life" else "RUB"
    amount = {"amount": "300", "currency": currency}
    form = {"trigger": "SCHEDULE", "dayOfMonth": 1, "amount": amount, "lineId": "x", "paymentMethodId": "x"}
    [error] = (await town.told(visitor, form))["userErrors"]
    assert (error["__typename"], error["code"]) == ("FeatureDisabled", "FEATURE_DISABLED")
    assert len(error["message"]) > 10


async def test_f080_a_household_link_gives_it_only_with_the_scope(town: Payers) -> None:
    irina = await town.cabinet(IRINA)
    for line in (PAVEL, TIMOFEY):
        assert (await town.set(irina, line))["active"]
    assert await refused(town, irina, await town.wanted(irina, NIKOLAY)) == ("FORBIDDEN", ["lineId"])
    timofey = await town.cabinet(TIMOFEY)
    assert await refused(town, timofey, await town.wanted(timofey, TIMOFEY)) == ("FORBIDDEN", ["lineId"])


async def test_f080_foreign_things_are_answered_like_unknown_ones(town: Payers, pavel: Cabinet) -> None:
    nikolay = await town.cabinet(NIKOLAY)
    theirs = await town.set(nikolay, NIKOLAY)
    line, card = theirs["line"]["id"], theirs["method"]["id"]
    account = theirs["personalAccount"]["id"]
    kristina = await town.cabinet("79081234607")
    form = await town.wanted(kristina, "79081234607")
    for wrong in (line, "TGluZTo5OTk5OTk5", "nonsense", card):
        assert await refused(town, kristina, {**form, "lineId": wrong}) == ("NOT_FOUND", ["lineId"])
    without = {name: value for name, value in form.items() if name != "lineId"}
    for wrong in (account, "nonsense", line):
        told = {**without, "personalAccountId": wrong}
        assert await refused(town, kristina, told) == ("NOT_FOUND", ["personalAccountId"])
    for wrong in (card, "nonsense", line):
        told = {**form, "paymentMethodId": wrong}
        assert await refused(town, kristina, told) == ("INVALID_INPUT", ["paymentMethodId"])
    for wrong in (theirs["id"], "nonsense", line):
        assert await refused(town, kristina, {**form, "ruleId": wrong}) == ("NOT_FOUND", ["ruleId"])
        errors = (await kristina.data(DELETE, id=wrong))["deleteAutopay"]["userErrors"]
        assert errors == [{"__typename": "NotFound", "code": "NOT_FOUND", "field": ["ruleId"]}]
        assert (await kristina.data(NODE, id=wrong))["node"] is None
    assert await refused(town, kristina, without) == ("INVALID_INPUT", ["lineId"])
    assert len(await town.rules(nikolay)) == 1


async def test_f080_a_card_that_somebody_shares_does_not_pay_unasked(town: Payers, pavel: Cabinet) -> None:
    shared = await town.card(await town.cabinet(IRINA), shared=True)
    form = await town.wanted(pavel, paymentMethodId=shared)
    assert await refused(town, pavel, form) == ("INVALID_INPUT", ["paymentMethodId"])
    removed = await town.card(pavel)
    await pavel.data(REMOVE_CARD, id=removed)
    assert await refused(town, pavel, {**form, "paymentMethodId": removed}) == ("INVALID_INPUT", ["paymentMethodId"])


async def test_f080_an_expired_card_and_a_closed_account_are_told_at_once(town: Payers, pavel: Cabinet) -> None:
    form = await town.wanted(pavel)
    await town.database.execute("update payment_method set expires_year = 2020, expires_month = 1")
    assert await refused(town, pavel, form) == ("CARD_NOT_ACCEPTED", ["paymentMethodId"])
    await town.database.execute("update payment_method set expires_year = null, expires_month = null")
    await town.database.execute(
        "update contract set status = 'TERMINATED' where id = (select contract_id from personal_account where id = $1)",
        await town.account(),
    )
    assert (await refused(town, pavel, form))[0] == "FORBIDDEN"


async def test_f080_a_rule_is_changed_by_its_id_and_stays_one_however_often_it_is_told(
    town: Payers, pavel: Cabinet
) -> None:
    form = await town.wanted(pavel)
    rule = (await town.told(pavel, form))["rule"]
    # Without a rule's id the same account and trigger mean the same rule.
    assert (await town.told(pavel, {**form, "amount": rub("400")}))["rule"]["id"] == rule["id"]
    change = {name: value for name, value in form.items() if name != "lineId"}
    change |= {"ruleId": rule["id"], "amount": rub("500"), "active": False}
    for _ in range(2):
        changed = (await town.told(pavel, change))["rule"]
        assert (changed["id"], changed["amount"]["amount"], changed["active"]) == (rule["id"], "500.00", False)
        assert changed["line"]["id"] == form["lineId"]
    other = {**change, "trigger": "SCHEDULE", "dayOfMonth": 3}
    del other["threshold"]
    assert await refused(town, pavel, other) == ("INVALID_INPUT", ["trigger"])
    assert len(await town.rules(pavel)) == 1


async def test_f080_a_form_sent_ten_times_at_once_is_one_rule(town: Payers, pavel: Cabinet) -> None:
    form = await town.wanted(pavel)
    answers = await asyncio.gather(*(town.told(pavel, form) for _ in range(10)))
    assert len({answer["rule"]["id"] for answer in answers}) == 1
    assert await town.value("select count(*) from autopay_rule") == 1


async def test_f080_removing_needs_no_proof_and_makes_room_for_another(town: Payers, pavel: Cabinet) -> None:
    rule = await town.set(pavel)
    await town.database.execute("update session set stepped_up_at = null")
    assert (await pavel.data(DELETE, id=rule["id"]))["deleteAutopay"]["userErrors"] == []
    assert await town.rules(pavel) == []
    assert (await pavel.data(NODE, id=rule["id"]))["node"] is None
    [error] = (await pavel.data(DELETE, id=rule["id"]))["deleteAutopay"]["userErrors"]
    assert error["code"] == "NOT_FOUND"
    await town.database.execute("update session set stepped_up_at = now()")
    assert (await town.set(pavel))["id"] != rule["id"]


async def test_f080_rules_are_listed_with_a_fixed_number_of_statements(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel)
    counted = []
    for trigger in ({"trigger": "SCHEDULE", "dayOfMonth": 5}, {"trigger": "BEFORE_SUBSCRIPTION_FEE"}):
        answer = (await pavel.ask(STATEMENTS))["extensions"]["hearth"]["statements"]
        counted.append((len(await town.rules(pavel)), answer))
        await town.set(pavel, threshold=None, **trigger)
    assert [rules for rules, _ in counted] == [1, 2]
    assert counted[0][1] == counted[1][1]
