"""Changing a line's tariff at the exact price of its quote (F104, F106, N7, E49)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.fees import charge_due
from tests.ledger import posted, top_up
from tests.tariffs import (
    CONFIGURE,
    bought,
    change,
    codes,
    kinds,
    offer,
    quoted,
    sell,
    tariff,
    token,
)
from tests.test_approval import answer
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

CHARGES = """
select t.key, e.amount from ledger_transfer t join ledger_entry e on e.transfer_id = t.id
join ledger_account a on a.id = e.account_id
where t.kind = 'FEE' and a.kind = 'PERSONAL' order by t.id
"""
SPENT = "select sum(sum)::int from usage_day where unit = 'MONEY' and type = 'SUBSCRIPTION_FEE'"
EVENTS = "select action, before_id, tariff_id, charge, actor_role, staff from tariff_event order by id"


async def rich(till: Till, index: int, minor: int = 500_000) -> None:
    await posted(top_up(await till.account(index), minor))


async def charged(till: Till) -> list[int]:
    return [-amount for _, amount in await till.rows(CHARGES)]


async def test_f106_a_change_at_once_costs_what_the_quote_says_and_begins_today(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    before = await till.balance(ANN)
    price = (await quoted(ann, line, 9002))["quote"]
    assert price["dueNow"] == {"amount": "600.00"}
    assert price["monthlyTotal"] == {"amount": "500.00"}
    assert [(each["amount"]["amount"], each["period"], each["freeDays"]) for each in price["lines"]] == [
        ("500.00", "MONTH", 0), ("100.00", "ONCE", 0),
    ]  # fmt: skip
    assert len(price["warnings"]) == 2

    payload = await change(ann, line, 9002, price["token"])
    assert payload["userErrors"] == []
    has = payload["line"]["tariff"]
    assert (has["tariff"]["code"], has["canRevertTo"], has["pendingChange"]) == ("m500", {"code": "m300"}, None)
    assert payload["line"]["remains"] == [{"unit": "MINUTE", "total": "500", "left": "500", "source": "TARIFF"}]
    assert before - await till.balance(ANN) == 60_000
    assert (await charged(till), await till.value(SPENT)) == ([10_000, 50_000], 60_000)
    assert await till.rows(EVENTS) == [("CHANGE", 9001, 9002, 60_000, None, None)]
    assert await till.rows("select action from audit_event where line_id is not null") == [("TARIFF_CHANGED",)]
    assert "Пятьсот" in (await till.sent_to(ANN))[-1]
    # The month that begins today is paid for: the worker has nothing to do.
    assert await charge_due(till.profiles) == 0
    # The same key again is the same change, with a token that is used; another key is not.
    assert (await change(ann, line, 9002, price["token"]))["userErrors"] == []
    assert kinds(await change(ann, line, 9002, price["token"], "another-key")) == ["QuoteRejected"]
    assert kinds(await change(ann, line, 9001, price["token"])) == ["IdempotencyConflict"]
    assert len(await charged(till)) == 2


async def test_f106_fifty_at_once_with_one_key_are_one_change(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    quote = await token(ann, line, 9002)
    answers = await asyncio.gather(*(change(ann, line, 9002, quote) for _ in range(50)))
    assert [each["userErrors"] for each in answers] == [[]] * 50
    assert await charged(till) == [10_000, 50_000]
    assert await till.value("select count(*) from tariff_event") == 1


async def test_n7_one_quote_at_once_under_several_keys_is_one_change(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    quote = await token(ann, line, 9002)
    answers = await asyncio.gather(*(change(ann, line, 9002, quote, f"change-it-{n}") for n in range(8)))
    assert sorted(kinds(each) for each in answers) == [[]] + [["QuoteRejected"]] * 7
    assert await charged(till) == [10_000, 50_000]


async def test_f106_two_changes_at_once_are_made_one_after_the_other(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    first, second = await token(ann, line, 9002), await token(ann, line, 9003)
    answers = await asyncio.gather(
        change(ann, line, 9002, first, "first-key"), change(ann, line, 9003, second, "second-key")
    )
    assert [each["userErrors"] for each in answers] == [[], []]
    assert sorted(await charged(till)) == [10_000, 20_000, 50_000]
    rows = await till.rows("select before_id, tariff_id from tariff_event order by id")
    assert rows in ([(9001, 9002), (9002, 9003)], [(9001, 9003), (9003, 9002)])


async def test_f106_a_change_and_the_fee_worker_at_once_charge_every_period_once(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001, paid=0)
    await rich(till, ANN)
    quote = await token(ann, line, 9002)
    await asyncio.gather(change(ann, line, 9002, quote), *(charge_due(till.profiles) for _ in range(3)))
    # The month that had begun is the old tariff's, whoever charged it, and the change begins one of its own.
    assert sorted(await charged(till)) == [10_000, 30_000, 50_000]
    assert await charge_due(till.profiles) == 0


async def test_e49_another_price_or_version_is_refused_with_the_new_quote(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    quote = await token(ann, line, 9002)
    await till.rows("update tariff set fee = 55000 where id = 9002")
    [error] = (await change(ann, line, 9002, quote))["userErrors"]
    assert (error["code"], error["quote"]["dueNow"]) == ("PRICE_CHANGED", {"amount": "650.00"})
    # Another version of the same tariff: who asks for the old one is told of the new one.
    await till.rows("update tariff set archived = true where id = 9002")
    await till.rows(
        """insert into tariff (id, operator, code, name, kind, fee, fee_period, connection_fee, included, options,
             terms, family_shareable, archived, version)
           select 9102, operator, code, name, kind, 60000, fee_period, 0, included, options, terms, false, false, 2
           from tariff where id = 9002"""
    )
    [error] = (await change(ann, line, 9002, error["quote"]["token"]))["userErrors"]
    assert (error["code"], error["quote"]["dueNow"]) == ("PRICE_CHANGED", {"amount": "600.00"})
    assert await charged(till) == []
    payload = await change(ann, line, 9002, error["quote"]["token"])
    assert (payload["userErrors"], await charged(till)) == ([], [60_000])
    assert await till.value("select tariff_id from tariff_subscription") == 9102


async def test_n7_a_token_is_of_one_viewer_one_line_one_tariff_and_of_our_making(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    eve, of_eve = await till.of(EVE), await till.line(EVE)
    for index in (ANN, EVE):
        await sell(till, index, 9001)
        await rich(till, index)
    quote = await token(ann, line, 9002)
    forged = quote[:-2] + ("AA" if not quote.endswith("AA") else "BB")
    for wrong in ("", "x" * 3000, "é", forged, quote.split(".")[0], await token(eve, of_eve, 9002)):
        assert kinds(await change(ann, line, 9002, wrong)) == ["QuoteRejected"]
    assert kinds(await change(ann, line, 9003, quote)) == ["QuoteRejected"]
    assert kinds(await change(eve, of_eve, 9002, quote)) == ["QuoteRejected"]
    assert await charged(till) == []


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [(9001, "TariffUnchanged"), (9006, "TariffNotAvailable"), (9007, "TariffNotAvailable"), (5, "TariffNotAvailable"),
     (10**9, "NotFound")],
)  # fmt: skip
async def test_f106_what_is_not_sold_for_this_line_is_refused(till: Till, wanted: int, kind: str) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    if wanted == 5:
        await till.rows("update tariff set archived = true where id = 9003")
        wanted = 9003
    assert kinds(await quoted(ann, line, wanted)) == [kind]


@pytest.mark.parametrize(
    ("status", "code"),
    [("BLOCKED_BY_USER", "LINE_BLOCKED"), ("SUSPENDED_NONPAYMENT", "LINE_BLOCKED"),
     ("SUSPENDED_FRAUD", "LINE_BLOCKED"), ("TERMINATED", "FORBIDDEN")],
)  # fmt: skip
async def test_f106_a_line_that_does_not_work_keeps_its_tariff(till: Till, status: str, code: str) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    quote = await token(ann, line, 9003)
    await till.rows("update line set status = $2 where msisdn = $1", "79030001000", status)
    assert codes(await change(ann, line, 9003, quote)) == [code]
    assert await charged(till) == []


async def test_f106_without_the_money_nothing_changes(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    tables = "select * from tariff_subscription", "select * from package_counter", "select * from tariff_event"
    before = [await till.rows(each) for each in tables]
    [error] = (await change(ann, line, 9002, await token(ann, line, 9002)))["userErrors"]
    assert error["code"] == "INSUFFICIENT_FUNDS"
    assert (error["price"], error["available"]) == ({"amount": "600.00"}, {"amount": "100.50"})
    assert ([await till.rows(each) for each in tables], await charged(till)) == (before, [])


async def test_f106_limits_of_the_line_stand_against_it(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    await till.rows(
        """insert into usage_limit (line_id, unit, per, amount, on_reach, set_at)
           select id, 'MONEY', 'CALENDAR_MONTH', 25000, 'BLOCK_PAID', now() from line where msisdn = '79030001000'"""
    )
    assert codes(await change(ann, line, 9002, await token(ann, line, 9002))) == ["LIMIT_EXCEEDED"]
    assert await charged(till) == []
    await bought(ann, line, 9003, "within-it-1")
    assert await charged(till) == [20_000]


@pytest.mark.parametrize(("who", "code"), [(VERA, "FORBIDDEN"), (EVE, "NOT_FOUND"), (BOB, "FORBIDDEN")])
async def test_f106_who_has_no_right_is_refused(till: Till, who: int, code: str) -> None:
    other, line = await till.of(who), await till.line(CID)
    await sell(till, CID, 9001)
    assert codes(await quoted(other, line, 9002)) == [code]
    assert codes(await change(other, line, 9002, "x")) == [code]


async def test_f106_over_an_adults_line_by_link_a_fresh_proof_is_needed(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(GRANNY)
    await sell(till, GRANNY, 9001)
    await rich(till, GRANNY)
    assert codes(await quoted(ann, line, 9003)) == ["FORBIDDEN"]
    await till.rows("update number_link set scopes = scopes || '{TARIFF}' where 'SERVICES' = any(scopes)")
    quote = await token(ann, line, 9003)
    assert codes(await change(ann, line, 9003, quote)) == ["STEP_UP_REQUIRED"]
    await till.rows("update session set stepped_up_at = now()")
    assert codes(await change(ann, line, 9003, quote)) == []
    # Both hear of it, and her history says who it was.
    assert "Свой" in (await till.sent_to(GRANNY))[-1]
    assert "Свой" in (await till.sent_to(ANN))[-1]
    assert await till.rows("select actor_role from tariff_event") == [("OWNER",)]
    # Her own line needs none of a parent over a child's, nor of herself.
    await sell(till, CID, 9001)
    await rich(till, CID)
    await till.rows("update session set stepped_up_at = null")
    await bought(ann, await till.line(CID), 9003, "for-the-child")


async def test_f106_a_session_of_the_network_changes_nothing(till: Till) -> None:
    ann, line = await till.of(ANN, "PARTIAL"), await till.line(ANN)
    await sell(till, ANN, 9001)
    assert codes(await quoted(ann, line, 9002)) == ["FORBIDDEN"]
    assert codes(await change(ann, line, 9002, "x")) == ["FORBIDDEN"]


async def test_f053_a_child_asks_and_gets_exactly_what_was_asked(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    await sell(till, CID, 9001)
    await rich(till, CID)
    quote = await token(cid, line, 9002)
    [error] = (await change(cid, line, 9002, quote))["userErrors"]
    assert (error["code"], error["approval"]["price"]) == ("APPROVAL_REQUIRED", {"amount": "600.00"})
    assert await charged(till) == []
    agreed = await answer(ann, error["approval"]["id"])
    assert agreed["userErrors"] == []
    assert (await charged(till), await till.value("select tariff_id from tariff_subscription")) == (
        [10_000, 50_000], 9002,
    )  # fmt: skip
    assert await till.rows("select u.display_name from tariff_event e join app_user u on u.id = e.actor_id") == [
        ("Cid",)
    ]


async def test_i14_what_costs_the_owner_something_else_by_now_is_not_done(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    await sell(till, CID, 9001)
    await rich(till, CID)
    [error] = (await change(cid, line, 9002, await token(cid, line, 9002)))["userErrors"]
    await till.rows("update tariff set fee = 40000 where id = 9002")
    assert kinds(await answer(ann, error["approval"]["id"])) == ["ApprovedPriceChanged"]
    assert await charged(till) == []


async def configured(till: Till, key: str, quote: str, index: int = ANN, **options: int) -> dict[str, Any]:
    chosen = [{"unit": unit, "value": str(value)} for unit, value in options.items()]
    told = {"key": key, "line": await till.line(index), "options": chosen, "token": quote}
    payload: dict[str, Any] = (await (await till.of(index)).data(CONFIGURE, **told))["configureTariff"]
    return payload


async def test_f104_a_tariff_is_put_together_and_charged_so_from_then_on(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9003)
    await rich(till, ANN)
    offer(till, configure=True)
    for wrong in ({"MINUTE": 300}, {"SMS": 50}, {"MINUTE": 100}):
        assert kinds(await quoted(ann, line, 9003, **wrong)) in (["InputRejected"], ["TariffUnchanged"])
    price = (await quoted(ann, line, 9003, MINUTE=400, BYTE=2000))["quote"]
    assert (price["dueNow"], price["monthlyTotal"]) == ({"amount": "370.00"}, {"amount": "370.00"})
    # A token of one choice is not good for another.
    assert kinds(await configured(till, "configure-1", price["token"], MINUTE=200)) == ["QuoteRejected"]
    payload = await configured(till, "configure-1", price["token"], BYTE=2000, MINUTE=400)
    assert payload["userErrors"] == []
    assert payload["line"]["tariff"]["configuration"] == [
        {"unit": "MINUTE", "amount": "400"}, {"unit": "BYTE", "amount": "2000"},
    ]  # fmt: skip
    assert {(each["unit"], each["left"]) for each in payload["line"]["remains"]} == {
        ("MINUTE", "400"), ("BYTE", "2000"), ("SMS", "50"),
    }  # fmt: skip
    assert await charged(till) == [37_000]
    assert (await till.rows(EVENTS))[0][:4] == ("CONFIGURE", 9003, 9003, 37_000)
    # The same day once more, at another price, is paid for once more: what is better is not had for nothing.
    await configured(till, "configure-2", await token(ann, line, 9003, MINUTE=200), MINUTE=200)
    assert await charged(till) == [37_000, 25_000]
    await till.rows("update tariff_subscription set next_charge_at = now() - interval '1 second'")
    await charge_due(till.profiles)
    assert (await charged(till))[-1] == 25_000


async def test_f056_a_days_fee_does_not_buy_a_months_packages_again(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    await bought(ann, line, 9004, "by-the-day-1")
    await till.rows("update package_counter set remaining = 500")
    resets = await till.value("select resets_at from package_counter")
    assert resets - datetime.now(UTC) > timedelta(days=26)
    await bought(ann, line, 9005, "by-the-day-2")
    # 2,500 of the old month are gone, and are gone from the new tariff's 4,000.
    assert await till.rows("select total::int, remaining::int, resets_at from package_counter") == [
        (4000, 1500, resets)
    ]
    assert await charged(till) == [1_000, 2_000]


async def test_f106_a_tariff_that_the_operator_does_not_change_here(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    assert codes(await quoted(ann, line, 9003, MINUTE=400)) == ["FEATURE_DISABLED"]
    offer(till, change=False)
    assert codes(await quoted(ann, line, 9002)) == ["FEATURE_DISABLED"]
    for bad in ("short", "x" * 200):
        assert codes(await change(ann, line, 9002, "x", bad)) == ["INVALID_INPUT"]
    assert codes(await change(ann, "nonsense", 9002, "x")) == ["NOT_FOUND"]
    assert tariff(1) != line


async def test_e13_a_new_sim_waits(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await till.rows("update line set sim_changed_at = now() where msisdn = '79030001000'")
    assert codes(await quoted(ann, line, 9002)) == ["COOLDOWN_ACTIVE"]


async def test_f102_what_is_sold_in_a_place_is_sold_to_the_lines_there(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await till.rows("update line set locality = 'Пермь' where msisdn = $1", "79030001000")
    assert kinds(await quoted(ann, line, 9007)) == ["TariffNotAvailable"]
    await till.rows("update line set locality = 'казань' where msisdn = $1", "79030001000")
    assert kinds(await quoted(ann, line, 9007)) == []
