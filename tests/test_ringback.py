"""Tones that callers hear: set, paid for once a period, taken away (F126)."""

import asyncio
from typing import Any

import pytest

from domain.profile import Profile
from resolvers.node_id import encode
from services import fees
from tests import family
from tests.ringing import SET, Bell, bell, codes
from tests.selling import connect, disconnect, history_of, services_of
from tests.test_approval import answer
from tests.test_features import with_values
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

NIGHT = {"from": "22:00", "to": "07:00", "weekdays": [1, 2, 3, 4, 5, 6, 7]}
DUE = "update service_subscription set next_charge_at = next_charge_at - interval '1 day', charge_day = null"


@pytest.fixture
async def ringing(till: Till) -> Bell:
    return await bell(till)


async def fees_of(till: Till) -> int:
    found: int = await till.value("select count(*) from ledger_transfer where kind = 'FEE'")
    return found


async def test_f126_a_tone_is_set_paid_heard_and_taken_away(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    assert await ringing.seen(eve, EVE) == {
        "tone": None, "statusMessage": None, "nextChargeAt": None, "price": None, "rules": [],
        "heardBy": {"tone": None, "statusMessage": None},
    }  # fmt: skip
    payload = await ringing.set(eve, EVE)
    assert payload == {"line": {"id": await till.line(EVE)}, "userErrors": []}
    assert await till.balance(EVE) == 10_550 - 300
    seen = await ringing.seen(eve, EVE)
    assert seen["tone"] == {
        "id": await ringing.tone(), "title": "Катюша", "artist": "Хор", "fee": {"amount": "3.00"}, "feePeriod": "DAY",
        "previewUrl": "https://a.test/1",
    }  # fmt: skip
    [rule] = seen["rules"]
    assert rule | {"id": None} == {
        "id": None, "plays": True, "forNumbers": [], "tone": {"title": "Катюша"}, "hours": None
    }  # fmt: skip
    assert (seen["price"], seen["heardBy"]["tone"]) == ({"amount": "3.00"}, {"title": "Катюша"})
    assert seen["nextChargeAt"] is not None

    assert await ringing.remove(eve, rule["id"]) == []
    assert await ringing.subscriptions(EVE) == [("tone-1", False, False, False)]
    seen = await ringing.seen(eve, EVE)
    assert (seen["rules"], seen["heardBy"]["tone"], seen["nextChargeAt"]) == ([], None, None)
    assert await ringing.remove(eve, rule["id"]) == ["NOT_FOUND"]
    # Until midnight it is paid for.
    assert codes(await ringing.set(eve, EVE)) == []
    assert await till.balance(EVE) == 10_550 - 300
    actions = await till.rows("select action, charge, actor_role from service_event order by id")
    assert actions == [("CONNECT", 300, None), ("DISCONNECT", 0, None), ("CONNECT", 0, None)]
    spent = "select sum(sum)::bigint from usage_day where type = 'SERVICE_FEE'"
    assert await till.value(spent) == 300


async def test_f126_rules_share_one_subscription_and_the_most_exact_is_heard(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    bob = family.number("beeline", BOB)
    await ringing.set(eve, EVE)
    await ringing.set(eve, EVE, numbers=[f"+{bob}"], hours=NIGHT)
    assert await till.balance(EVE) == 10_550 - 300
    await ringing.set(eve, EVE, "tone-2", numbers=[bob])
    assert await till.balance(EVE) == 10_550 - 300 - 2_500

    async def tone(caller: str | None, at: str) -> str:
        title: str = (await ringing.seen(eve, EVE, caller=caller, at=at))["heardBy"]["tone"]["title"]
        return title

    assert await tone(bob, "2026-11-20T12:00:00+03:00") == "Вальс"
    assert await tone(bob, "2026-11-20T22:30:00+03:00") == "Катюша"
    assert await tone(None, "2026-11-20T12:00:00+03:00") == "Катюша"
    seen = await ringing.seen(eve, EVE)
    assert [rule["forNumbers"] for rule in seen["rules"]] == [[], [bob], [bob]]
    # What is charged first is the tone by the day; the other one waits for its month.
    assert seen["price"] == {"amount": "3.00"}

    # The same callers at the same hours have one tone; the old one stays while another rule plays it.
    await ringing.set(eve, EVE, "tone-2")
    assert await ringing.subscriptions(EVE) == [("tone-1", True, True, False), ("tone-2", True, True, False)]
    await ringing.set(eve, EVE, "tone-2", numbers=[bob], hours=NIGHT)
    assert await ringing.subscriptions(EVE) == [("tone-1", False, False, False), ("tone-2", True, True, False)]
    assert await till.balance(EVE) == 10_550 - 300 - 2_500
    assert len((await ringing.seen(eve, EVE))["rules"]) == 3


async def test_f126_the_worker_charges_each_period_once_and_pauses_what_is_not_paid(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    await ringing.set(eve, EVE)
    await till.rows(DUE)
    # The day is today, which is paid for.
    await fees.charge_due(till.profiles)
    assert await till.balance(EVE) == 10_550 - 300
    await till.spend(EVE, 10_200)
    await till.rows("update ledger_account set floor = balance where kind = 'PERSONAL'")
    await till.rows("update service_subscription set next_charge_at = now() - interval '30 hours'")
    await fees.charge_due(till.profiles)
    seen = await ringing.seen(eve, EVE)
    assert ([rule["plays"] for rule in seen["rules"]], seen["heardBy"]["tone"]) == ([False], None)
    # What is paused is switched off for good, and a top-up does not wake it.
    assert await ringing.remove(eve, seen["rules"][0]["id"]) == []
    await till.rows("update ledger_account set floor = balance - 100000 where kind = 'PERSONAL'")
    balance = await till.balance(EVE)
    await fees.charge_due(till.profiles)
    assert await till.balance(EVE) == balance


async def test_n7_fifty_calls_with_one_key_are_one_charge(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    tone, line = await ringing.tone(), await till.line(EVE)
    answers = await asyncio.gather(*(ringing.set(eve, EVE, key="the-same-key", tone=tone) for _ in range(50)))
    assert all(each == {"line": {"id": line}, "userErrors": []} for each in answers)
    assert (await till.balance(EVE), await fees_of(till)) == (10_550 - 300, 1)
    assert await till.value("select count(*) from ringback_rule") == 1
    # The key belongs to this change.
    assert codes(await ringing.set(eve, EVE, "tone-2", key="the-same-key")) == ["IDEMPOTENCY_CONFLICT"]
    # Other keys at once are one tone too, and one rule.
    await asyncio.gather(*(ringing.set(eve, EVE) for _ in range(8)))
    assert (await till.balance(EVE), await till.value("select count(*) from ringback_rule")) == (10_250, 1)


async def test_f126_what_the_account_does_not_hold_changes_nothing(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    # It holds what connecting costs, and not the fee too.
    await till.rows("update service set fee = 10000 where code = 'tone-3'")
    [error] = (await ringing.set(eve, EVE, "tone-3", key="one-and-the-same"))["userErrors"]
    assert (error["__typename"], error["code"], error["price"]) == (
        "RingbackUnpaid", "INSUFFICIENT_FUNDS", {"amount": "110.00"}
    )  # fmt: skip
    assert (await till.balance(EVE), await fees_of(till), await ringing.subscriptions(EVE)) == (10_550, 0, [])
    assert await till.rows("select from service_event") == []
    # With less to pay it is done, under the same key.
    await till.rows("update service set fee = 9550 where code = 'tone-3'")
    assert codes(await ringing.set(eve, EVE, "tone-3", key="one-and-the-same")) == []
    assert await till.balance(EVE) == 0


async def test_f112_a_tone_is_bought_by_setting_it_and_goes_with_its_rules(ringing: Bell) -> None:
    till, eve, line = ringing.till, await ringing.till.of(EVE), await ringing.till.line(EVE)
    tone, words = [
        encode("Service", await till.value("select id from service where operator = 'beeline' and code = $1", code))
        for code in ("tone-1", "status")
    ]
    # It has an exact price like any service, and whoever connects it is told where it is bought.
    for service, place in ((tone, "setRingbackTone"), (words, "setStatusMessage")):
        [error] = (await connect(eve, line, service))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["serviceId"])
        assert place in error["message"]
    assert (await till.balance(EVE), await services_of(eve, line)) == (10_550, [])
    assert codes(await ringing.set(eve, EVE)) == codes(await ringing.status(eve, EVE, "Нет меня")) == []
    assert await till.balance(EVE) == 10_550 - 300 - 100
    # Switched off like any service, nothing is left that would play or show.
    for subscription in await till.rows("select id from service_subscription order by id"):
        assert codes(await disconnect(eve, encode("ServiceSubscription", *subscription))) == []
    seen = await ringing.seen(eve, EVE)
    assert (seen["rules"], seen["statusMessage"], seen["nextChargeAt"]) == ([], None, None)
    history = [(each["action"], each["service"]["code"]) for each in await history_of(eve, line) or []]
    assert history == [
        ("DISCONNECT", "status"), ("DISCONNECT", "tone-1"), ("CONNECT", "status"), ("CONNECT", "tone-1")
    ]  # fmt: skip


async def test_f126_bought_once_is_bought_for_good(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    await ringing.set(eve, EVE, "tone-3")
    assert await till.balance(EVE) == 10_550 - 6_000
    [rule] = (await ringing.seen(eve, EVE))["rules"]
    assert rule["plays"]
    assert await ringing.remove(eve, rule["id"]) == []
    assert codes(await ringing.set(eve, EVE, "tone-3")) == []
    assert await till.balance(EVE) == 10_550 - 6_000


@pytest.mark.parametrize(
    ("who", "code"), [(BOB, None), (VERA, "FORBIDDEN"), (EVE, "NOT_FOUND"), (GRANNY, None), (ANN, None)]
)
async def test_f126_only_who_has_services_sets_and_takes_away(ringing: Bell, who: int, code: str | None) -> None:
    other, granny = await ringing.till.of(who), await ringing.till.of(GRANNY)
    expected = [] if code is None else [code]
    assert codes(await ringing.set(other, GRANNY)) == expected
    assert codes(await ringing.set(granny, GRANNY)) == []
    [rule] = (await ringing.seen(granny, GRANNY))["rules"]
    seen = await ringing.seen(other, GRANNY)
    assert (seen or {}).get("rules") == (None if code else [rule])
    assert await ringing.remove(other, rule["id"]) == expected


async def test_e51_the_user_switches_off_what_a_manager_set(ringing: Bell) -> None:
    till, ann, granny = ringing.till, await ringing.till.of(ANN), await ringing.till.of(GRANNY)
    assert codes(await ringing.set(ann, GRANNY)) == []
    [rule] = (await ringing.seen(granny, GRANNY))["rules"]
    # Not even a block, or a new SIM, is in the way of it.
    await till.rows("update line set status = 'BLOCKED_BY_USER', sim_changed_at = now()")
    assert codes(await ringing.set(granny, GRANNY, "tone-2")) == ["COOLDOWN_ACTIVE"]
    assert await ringing.remove(granny, rule["id"]) == []
    roles = await till.rows("select e.action, u.display_name, e.actor_role from service_event e "
                            "join app_user u on u.id = e.actor_id order by e.id")  # fmt: skip
    assert roles == [("CONNECT", "Ann", "OWNER"), ("DISCONNECT", "Granny", None)]


async def test_f126_a_line_that_does_not_work_takes_no_tone(ringing: Bell) -> None:
    eve = await ringing.till.of(EVE)
    for status in ("BLOCKED_BY_USER", "SUSPENDED_NONPAYMENT", "SUSPENDED_FRAUD"):
        await ringing.till.rows("update line set status = $1", status)
        assert codes(await ringing.set(eve, EVE)) == ["LINE_BLOCKED"]
        assert codes(await ringing.status(eve, EVE, "Нет меня")) == ["LINE_BLOCKED"]
        assert codes(await ringing.give(eve, EVE, BOB)) == ["LINE_BLOCKED"]
    assert await ringing.subscriptions(EVE) == []


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"numbers": ["79030001001"] * 51}, "INVALID_INPUT", "forNumbers"),
        ({"numbers": ["👍" * 20]}, "INVALID_INPUT", "forNumbers"),
        ({"numbers": ["7903\x000001001"]}, "INVALID_INPUT", "forNumbers"),
        ({"numbers": ["+1 202 555 01 00"]}, "INVALID_INPUT", "forNumbers"),
        ({"hours": {**NIGHT, "weekdays": [8]}}, "INVALID_INPUT", "hours"),
        ({"hours": {**NIGHT, "from": "🌙" * 10_000}}, "INVALID_INPUT", "hours"),
        ({"key": "\0"}, "INVALID_INPUT", "idempotencyKey"),
        ({"key": "x" * 1_000}, "INVALID_INPUT", "idempotencyKey"),
        ({"tone": "\0"}, "NOT_FOUND", "toneId"),
        ({"tone": encode("RingbackTone", 10**17)}, "NOT_FOUND", "toneId"),
        ({"line": "💥" * 10_000}, "NOT_FOUND", "lineId"),
        ({"line": encode("Line", 10**17)}, "NOT_FOUND", "lineId"),
    ],
)
async def test_f126_bad_input_changes_nothing(ringing: Bell, more: dict[str, Any], code: str, field: str) -> None:
    payload = await ringing.set(await ringing.till.of(EVE), EVE, **more)
    [error] = payload["userErrors"]
    assert (payload["line"], error["code"], error["field"]) == (None, code, [field])
    assert await ringing.subscriptions(EVE) == []


async def test_f126_what_is_no_tone_for_sale_is_not_there(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    for code in ("tone-old", "no-tone", "status"):
        assert codes(await ringing.set(eve, EVE, code)) == ["NOT_FOUND"], code
    foreign = "select id from service where operator = 'tele2' and category = 'RINGBACK' limit 1"
    await till.rows("update service set artist = 'Чужой' where operator = 'tele2' and category = 'RINGBACK'")
    tone = encode("RingbackTone", await till.value(foreign))
    assert codes(await ringing.set(eve, EVE, tone=tone)) == ["NOT_FOUND"]
    seen = await eve.data("query ($id: ID!) { node(id: $id) { id } }", id=tone)
    assert seen == {"node": None}
    # A tone is a service too: either id names it.
    tone = encode("Service", await till.value("select id from service where code = 'tone-1'"))
    assert codes(await ringing.set(eve, EVE, tone=tone)) == []
    # One that is sold no more stays with whoever has it.
    await till.rows("update service set archived = true where code = 'tone-1'")
    assert codes(await ringing.set(eve, EVE, numbers=[family.number("beeline", BOB)])) == []
    assert codes(await ringing.set(await till.of(GRANNY), GRANNY)) == ["NOT_FOUND"]


async def test_f126_a_line_has_a_bounded_number_of_rules(ringing: Bell) -> None:
    eve = await ringing.till.of(EVE)
    for index in range(20):
        assert codes(await ringing.set(eve, EVE, numbers=[family.number("beeline", 100 + index)])) == []
    [error] = (await ringing.set(eve, EVE))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["forNumbers"])


async def test_f126_sessions_that_the_network_opened_and_strangers(ringing: Bell) -> None:
    till = ringing.till
    partial = await till.of(EVE, "PARTIAL")
    assert codes(await ringing.set(partial, EVE)) == ["FORBIDDEN"]
    assert codes(await ringing.status(partial, EVE, "Привет")) == ["FORBIDDEN"]
    assert codes(await ringing.give(partial, EVE, BOB)) == ["FORBIDDEN"]
    assert await ringing.remove(partial, encode("RingbackRule", 1)) == ["FORBIDDEN"]
    seen = await ringing.seen(partial, EVE)
    assert (seen["rules"], seen["heardBy"]) == (None, None)
    nobody = till.anybody.of("beeline")
    line, tone = await till.line(EVE), await ringing.tone()
    answered = await nobody.ask(SET, key="key-key-key", line=line, tone=tone)
    assert answered["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_f126_what_is_not_offered_is_refused_with_its_reason(ringing: Bell) -> None:
    eve, till = await ringing.till.of(EVE), ringing.till
    assert isinstance(till.profiles, dict)
    profile: Profile = till.profiles["beeline"]
    off = {"ringback": False, "ringback_gift": False, "status_message": False}
    till.profiles["beeline"] = with_values(profile, "services", **off)
    assert codes(await ringing.set(eve, EVE)) == ["FEATURE_DISABLED"]
    assert codes(await ringing.give(eve, EVE, BOB)) == ["FEATURE_DISABLED"]
    assert codes(await ringing.status(eve, EVE, "Привет")) == ["FEATURE_DISABLED"]
    assert await ringing.seen(eve, EVE) is None


async def test_f053_a_child_asks_for_a_tone_and_gets_exactly_that(ringing: Bell) -> None:
    till, ann, cid = ringing.till, await ringing.till.of(ANN), await ringing.till.of(CID)
    [error] = (await ringing.set(cid, CID, hours=NIGHT))["userErrors"]
    assert (error["__typename"], error["code"]) == ("ApprovalRequired", "APPROVAL_REQUIRED")
    question = error["approval"]
    assert (question["title"], question["price"]) == ("Хор – Катюша: 3.00 RUB / DAY", {"amount": "3.00"})
    assert (await till.balance(CID), await ringing.subscriptions(CID)) == (10_250, [])
    # Asked again it is the same question.
    [again] = (await ringing.set(cid, CID, hours=NIGHT))["userErrors"]
    assert again["approval"]["id"] == question["id"]
    # At another price nothing is done.
    await till.rows("update service set fee = 400 where code = 'tone-1'")
    assert codes(await answer(ann, question["id"])) == ["PRICE_CHANGED"]
    assert await till.balance(CID) == 10_250
    await till.rows("update service set fee = 300 where code = 'tone-1'")
    assert codes(await answer(ann, question["id"])) == []
    assert await till.balance(CID) == 10_250 - 300
    [rule] = (await ringing.seen(cid, CID))["rules"]
    assert (rule["hours"], rule["plays"]) == (NIGHT, True)
    # What it has it arranges as it likes, and takes away; to have it again is to ask again.
    assert codes(await ringing.set(cid, CID)) == []
    for each in (await ringing.seen(cid, CID))["rules"]:
        assert await ringing.remove(cid, each["id"]) == []
    assert codes(await ringing.set(cid, CID)) == ["APPROVAL_REQUIRED"]
    # The owner does it without being asked.
    assert codes(await ringing.set(ann, CID)) == []


async def test_i14_limits_and_policies_stand_above_tones(ringing: Bell) -> None:
    till, ann, cid, eve = ringing.till, *[await ringing.till.of(each) for each in (ANN, CID, EVE)]
    policy = """
    mutation ($l: ID!) { setChildPolicy(input: {lineId: $l, blockedCategories: [RINGBACK]}) { userErrors { code } } }
    """
    await ann.data(policy, l=await till.line(CID))
    [error] = (await ringing.set(cid, CID))["userErrors"]
    assert (error["code"], error["answer"]) == ("LIMIT_EXCEEDED", "CATEGORY_BLOCKED")
    limit = """
    mutation ($l: ID!) {
      setUsageLimit(input: {lineId: $l, unit: MONEY, per: DAY, limit: "5", onReach: BLOCK_PAID}) { userErrors { code } }
    }
    """
    assert (await eve.data(limit, l=await till.line(EVE)))["setUsageLimit"] == {"userErrors": []}
    assert codes(await ringing.set(eve, EVE)) == []
    [error] = (await ringing.set(eve, EVE, "tone-2"))["userErrors"]
    assert (error["code"], error["answer"]) == ("LIMIT_EXCEEDED", "LIMIT_REACHED")
    assert await till.balance(EVE) == 10_550 - 300
