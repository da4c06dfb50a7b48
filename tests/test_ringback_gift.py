"""Tones as presents (F127), and the words that callers read (F128)."""

import asyncio

import pytest

from services import fees
from tests import family
from tests.ringing import Bell, bell, codes
from tests.test_approval import answer
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till


@pytest.fixture
async def ringing(till: Till) -> Bell:
    return await bell(till)


async def test_f127_a_present_is_paid_once_by_the_giver_and_set_by_who_gets_it(ringing: Bell) -> None:
    till, eve, bob = ringing.till, await ringing.till.of(EVE), await ringing.till.of(BOB)
    before = await till.balance(BOB)
    assert codes(await ringing.give(eve, EVE, BOB)) == []
    assert (await till.balance(EVE), await till.balance(BOB)) == (10_550 - 300, before)
    [told] = await till.sent_to(BOB)
    assert "Хор – Катюша" in told
    assert family.number("beeline", EVE)[-4:] in told
    assert await till.sent_to(EVE) == []
    # It has the tone, and its callers hear what they always heard.
    assert await ringing.subscriptions(BOB) == [("tone-1", True, False, True)]
    seen = await ringing.seen(bob, BOB)
    assert (seen["tone"], seen["heardBy"]["tone"], seen["nextChargeAt"]) == (None, None, None)
    assert codes(await ringing.set(bob, BOB)) == []
    assert (await ringing.seen(bob, BOB))["heardBy"]["tone"] == {"title": "Катюша"}
    # Taken away and set again it is still a present.
    [rule] = (await ringing.seen(bob, BOB))["rules"]
    assert await ringing.remove(bob, rule["id"]) == []
    assert codes(await ringing.set(bob, BOB)) == []
    assert await ringing.subscriptions(BOB) == [("tone-1", True, False, True)]
    await till.rows("update service_subscription set valid_until = now() - interval '1 second'")
    await fees.charge_due(till.profiles)
    assert (await ringing.seen(bob, BOB))["heardBy"]["tone"] is None
    assert await till.balance(BOB) == before
    # From then on it is bought like any other.
    assert codes(await ringing.set(bob, BOB)) == []
    assert await till.balance(BOB) == before - 300
    assert (await ringing.seen(bob, BOB))["heardBy"]["tone"] == {"title": "Катюша"}


async def test_f127_how_long_a_present_lasts(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    for code in ("tone-1", "tone-2", "tone-3"):
        assert codes(await ringing.give(eve, EVE, BOB, code)) == []
    days = await till.rows(
        """select s.code, (valid_until at time zone 'Europe/Moscow')::date - (now() at time zone 'Europe/Moscow')::date
           from service_subscription ss join service s on s.id = ss.service_id order by s.code"""
    )
    assert [code for code, _ in days] == ["tone-1", "tone-2", "tone-3"]
    assert days[0][1] == 2
    assert 29 <= days[1][1] <= 32
    assert days[2][1] is None
    assert await till.balance(EVE) == 10_550 - 300 - 2_500 - 6_000


async def test_n7_fifty_presents_with_one_key_are_one(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    answers = await asyncio.gather(*(ringing.give(eve, EVE, BOB, key="one-present-only") for _ in range(50)))
    assert {tuple(codes(each)) for each in answers} == {()}
    assert await till.balance(EVE) == 10_550 - 300
    assert len(await till.sent_to(BOB)) == 1
    assert codes(await ringing.give(eve, EVE, GRANNY, key="one-present-only")) == ["IDEMPOTENCY_CONFLICT"]


async def test_f127_two_who_give_to_each_other_at_once(ringing: Bell) -> None:
    till, eve, bob = ringing.till, await ringing.till.of(EVE), await ringing.till.of(BOB)
    both = await asyncio.gather(ringing.give(eve, EVE, BOB), ringing.give(bob, BOB, EVE))
    assert [codes(each) for each in both] == [[], []]
    assert len(await till.sent_to(EVE) + await till.sent_to(BOB)) == 2


async def test_f127_numbers_that_take_no_present_are_told_alike(ringing: Bell) -> None:
    till, eve, bob, ann = ringing.till, *[await ringing.till.of(each) for each in (EVE, BOB, ANN)]
    assert codes(await ringing.set(bob, BOB)) == []
    policy = """
    mutation ($l: ID!) { setChildPolicy(input: {lineId: $l, blockedCategories: [RINGBACK]}) { userErrors { code } } }
    """
    await ann.data(policy, l=await till.line(CID))
    await till.rows("update line set status = 'BLOCKED_BY_USER' where msisdn = $1", family.number("beeline", VERA))
    refused = [
        (await ringing.give(eve, EVE, to))["userErrors"]
        for to in (BOB, CID, VERA, 999, "+7 902 000-10-01")
    ]  # fmt: skip
    assert refused == [[{"__typename": "ToneNotTaken", "code": "NOT_FOUND", "field": ["toMsisdn"]}]] * 5
    for to in ("👍" * 16, "\0", "", "112", family.number("beeline", EVE)):
        [error] = (await ringing.give(eve, EVE, to))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["toMsisdn"]), to
    assert await till.balance(EVE) == 10_550
    # Each answer tells something of a number, so there are not many a day.
    await till.rows("update counter set count = 20 where key like 'ringback_gift:%'")
    assert codes(await ringing.give(eve, EVE, GRANNY)) == ["RATE_LIMITED"]


async def test_f127_who_may_give_and_with_what(ringing: Bell) -> None:
    till, granny, bob, vera, eve = ringing.till, *[await ringing.till.of(each) for each in (GRANNY, BOB, VERA, EVE)]
    # To manage somebody's services is not to give their money away.
    assert codes(await ringing.give(bob, GRANNY, EVE)) == ["FORBIDDEN"]
    assert codes(await ringing.give(vera, GRANNY, EVE)) == ["FORBIDDEN"]
    assert codes(await ringing.give(eve, GRANNY, BOB)) == ["NOT_FOUND"]
    await till.rows("update service set fee = 1000000 where code = 'tone-1'")
    assert codes(await ringing.give(granny, GRANNY, EVE)) == ["INSUFFICIENT_FUNDS"]
    assert (await ringing.subscriptions(EVE), await till.sent_to(EVE)) == ([], [])


async def test_f053_a_childs_present_is_the_owners_to_agree_to(ringing: Bell) -> None:
    till, ann, cid = ringing.till, await ringing.till.of(ANN), await ringing.till.of(CID)
    [error] = (await ringing.give(cid, CID, EVE))["userErrors"]
    question = error["approval"]
    assert question["title"] == f"Хор – Катюша: 3.00 RUB → ***{family.number('beeline', EVE)[-4:]}"
    assert (question["price"], await till.balance(CID)) == ({"amount": "3.00"}, 10_250)
    assert codes(await answer(ann, question["id"])) == []
    assert (await till.balance(CID), len(await till.sent_to(EVE))) == (10_250 - 300, 1)


async def test_f128_words_are_paid_by_the_day_and_shown_to_callers(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    assert await ringing.status(eve, EVE, " На даче 🌻 ") == {
        "line": {"ringback": {"statusMessage": "На даче 🌻"}}, "userErrors": []
    }  # fmt: skip
    assert await till.balance(EVE) == 10_550 - 100
    assert codes(await ringing.status(eve, EVE, "Дома")) == []
    seen = await ringing.seen(eve, EVE)
    assert (seen["statusMessage"], seen["heardBy"]["statusMessage"], seen["price"]) == (
        "Дома", "Дома", {"amount": "1.00"}
    )  # fmt: skip
    # Tomorrow costs once more, however often the worker looks.
    await till.rows("update service_subscription set next_charge_at = date_trunc('hour', now()) - interval '24 hours'")
    await fees.charge_due(till.profiles)
    await fees.charge_due(till.profiles)
    charged = 10_550 - await till.balance(EVE)
    assert charged in (200, 300)
    await till.rows("update service_subscription set unpaid_since = now(), next_charge_at = null")
    seen = await ringing.seen(eve, EVE)
    assert (seen["statusMessage"], seen["heardBy"]["statusMessage"]) == ("Дома", None)
    for nothing in ("  ", None, ""):
        assert await ringing.status(eve, EVE, nothing) == {
            "line": {"ringback": {"statusMessage": None}}, "userErrors": []
        }  # fmt: skip
    await fees.charge_due(till.profiles)
    assert 10_550 - await till.balance(EVE) == charged
    actions = [action for (action,) in await till.rows("select action from service_event order by id")]
    assert actions == ["CONNECT", "DISCONNECT"]


async def test_f128_the_same_words_at_once_are_paid_once(ringing: Bell) -> None:
    till, eve = ringing.till, await ringing.till.of(EVE)
    answers = await asyncio.gather(*(ringing.status(eve, EVE, "Занят") for _ in range(20)))
    assert {tuple(codes(each)) for each in answers} == {()}
    assert await till.balance(EVE) == 10_550 - 100


async def test_f128_bad_words_and_wrong_people(ringing: Bell) -> None:
    till, eve, vera, cid, ann = ringing.till, *[await ringing.till.of(each) for each in (EVE, VERA, CID, ANN)]
    for words in ("x" * 101, "👍" * 10_000, "a\0b", "два\nряда", "\u202eолег"):
        [error] = (await ringing.status(eve, EVE, words))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["message"])
    assert codes(await ringing.status(vera, GRANNY, "Привет")) == ["FORBIDDEN"]
    assert codes(await ringing.status(eve, GRANNY, "Привет")) == ["NOT_FOUND"]
    assert await till.balance(EVE) == 10_550
    [error] = (await ringing.status(cid, CID, "Гуляю"))["userErrors"]
    assert error["approval"]["title"] == "Статус: 1.00 RUB / DAY – Гуляю"
    assert codes(await answer(ann, error["approval"]["id"])) == []
    assert (await ringing.seen(cid, CID))["statusMessage"] == "Гуляю"
    assert codes(await ringing.status(cid, CID, None)) == []
