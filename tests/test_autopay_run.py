"""F080 as it runs: one occasion is paid for once, whoever is killed, late, or at it at the same time (E31, I12)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from auth import cabinet_end
from domain.payment import DeclineReason
from domain.profile import Profile
from gateways.simulators.bank.records import Behaviour
from models import autopay as rules
from models.audit import TheUser
from models.database import tx
from server.autopay import pay_automatically
from server.settings import Settings
from services import autopay, payment_recovery, payment_settlement
from services.payment_row import PaymentRow
from tests.autopay import DELETE, IRINA, NIKOLAY, PAVEL, Payers, payers, rub
from tests.cabinet import Cabinet

POOR = Behaviour(decline=DeclineReason.INSUFFICIENT_FUNDS)
PAID = ("COMPLETED", 30_000)
REVOKE = "update number_link set status = 'REVOKED', primary_slot = null where line_id = $1"


@pytest.fixture
async def town(demo_database: str, settings: Settings, profiles: Mapping[str, Profile]) -> AsyncIterator[Payers]:
    async with payers(demo_database, settings, profiles) as people:
        yield people


@pytest.fixture
async def pavel(town: Payers) -> Cabinet:
    return await town.cabinet(PAVEL)


async def outcomes(town: Payers) -> list[tuple[str, int]]:
    return [(status, amount) for status, amount, _ in await town.paid()]


async def test_f080_a_balance_is_paid_for_once_each_time_that_it_falls_below(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel)
    assert await town.run() == 1  # 275.50 is enough
    await town.becomes(10_000)  # so is the threshold itself
    assert await town.run() == 0
    await town.becomes(9_999)
    assert await town.run() == 1
    assert await town.balance() == 39_999
    [rule] = await town.rules(pavel)
    assert rule["lastRunAt"] is not None
    for _ in range(3):
        await autopay.wake()
        await town.run()
    assert await outcomes(town) == [PAID]
    await town.becomes(0)
    await town.run()
    assert await outcomes(town) == [PAID, PAID]
    shown = await pavel.data("{ viewer { payments { edges { node { kind status paidByViewer } } } } }")
    kinds = [edge["node"]["kind"] for edge in shown["viewer"]["payments"]["edges"]]
    assert kinds[:2] == ["AUTOPAY", "AUTOPAY"]


async def test_f080_money_that_is_not_enough_is_not_followed_by_more_until_the_balance_rose(
    town: Payers, pavel: Cabinet
) -> None:
    await town.set(pavel, amount=rub("50"))
    await town.becomes(1_000)
    for _ in range(3):
        await autopay.wake()
        await town.run()
    assert (await outcomes(town), await town.balance()) == ([("COMPLETED", 5_000)], 6_000)
    await town.becomes(9_999)
    await town.run()
    assert len(await outcomes(town)) == 1
    await town.becomes(10_000)
    await town.becomes(9_000)
    await town.run()
    assert (await outcomes(town))[1:] == [("COMPLETED", 5_000)]


async def test_f080_who_changes_a_rule_that_has_paid_for_this_dip_does_not_pay_again(
    town: Payers, pavel: Cabinet
) -> None:
    rule = await town.set(pavel, amount=rub("50"))
    await town.becomes(1_000)
    await town.run()
    await town.set(pavel, ruleId=rule["id"], amount=rub("70"))
    await autopay.wake()
    await town.run()
    assert await outcomes(town) == [("COMPLETED", 5_000)]


async def test_f080_workers_at_once_never_pay_twice(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel)
    await town.becomes(5_000)
    await asyncio.gather(*(town.run() for _ in range(8)), autopay.wake(), autopay.wake())
    await town.run()
    assert await outcomes(town) == [PAID]
    assert await town.balance() == 35_000


async def test_f080_two_payers_of_one_account_see_what_the_other_has_on_its_way(town: Payers, pavel: Cabinet) -> None:
    town.bank.control(Behaviour(settle_after=3600))
    await town.set(pavel)
    await town.set(await town.cabinet(IRINA), PAVEL)
    await town.becomes(5_000)
    await asyncio.gather(town.run(), town.run())
    await town.run()
    assert await outcomes(town) == [("PROCESSING", 30_000)]


async def test_f080_killed_before_the_bank_was_asked_or_heard_it_is_paid_once(
    town: Payers, pavel: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.set(pavel)

    async def killed(*_: Any) -> PaymentRow:
        raise RuntimeError("killed")

    await town.becomes(5_000)
    with monkeypatch.context() as patch:
        patch.setattr(payment_settlement, "drive", killed)
        with pytest.raises(RuntimeError):
            await town.run()
    assert await outcomes(town) == [("PROCESSING", 30_000)]
    await autopay.wake()
    await town.run()
    await payment_recovery.recover(town.desk, town.profiles)
    assert await outcomes(town) == [PAID]

    await town.becomes(4_000)
    with monkeypatch.context() as patch:
        patch.setattr(payment_settlement, "conclude", killed)
        with pytest.raises(RuntimeError):
            await town.run()
    await payment_recovery.recover(town.desk, town.profiles)
    await town.run()
    assert await outcomes(town) == [PAID, PAID]
    assert await town.balance() == 34_000


async def test_f080_an_error_while_one_rule_is_looked_at_does_not_hold_up_the_others(
    town: Payers, pavel: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.set(pavel)
    nikolay = await town.cabinet(NIKOLAY)
    await town.set(nikolay, NIKOLAY)
    await town.becomes(5_000)
    await town.becomes(5_000, NIKOLAY)
    broken = await town.account()
    look = autopay._situation

    async def situation(connection: BaseDBAsyncClient, rule: Any) -> Any:
        assert rule.account_id != broken
        return await look(connection, rule)

    with monkeypatch.context() as patch:
        patch.setattr(autopay, "_situation", situation)
        with pytest.raises(AssertionError):
            await town.run()
    assert await outcomes(town) == [PAID]
    assert await town.run() == 0  # the broken one has to wait
    await town.later("61 seconds")
    await town.run()
    assert await outcomes(town) == [PAID, PAID]


async def test_f080_a_bank_that_is_away_is_not_a_failure(town: Payers, pavel: Cabinet) -> None:
    town.bank.control(Behaviour(fail=True))
    await town.set(pavel)
    await town.becomes(5_000)
    for _ in range(3):
        await autopay.wake()
        await town.run()
    assert await outcomes(town) == [("PROCESSING", 30_000)]
    assert (await town.rules(pavel))[0]["lastFailure"] is None
    town.bank.control(Behaviour())
    await payment_recovery.recover(town.desk, town.profiles)
    assert await outcomes(town) == [PAID]


async def test_f080_a_lost_answer_is_asked_for_and_paid_once(town: Payers, pavel: Cabinet) -> None:
    town.bank.control(Behaviour(lose_answer=True))
    await town.set(pavel)
    await town.becomes(5_000)
    await town.run()
    await payment_recovery.recover(town.desk, town.profiles)
    assert (await outcomes(town), await town.balance()) == ([PAID], 35_000)


async def test_f080_a_declined_payment_is_told_tried_again_later_and_given_up_after_three(
    town: Payers,
) -> None:
    town.bank.control(POOR)
    irina = await town.cabinet(IRINA)
    rule = await town.set(irina, PAVEL)
    await town.becomes(5_000)
    for tries in range(1, 4):
        for _ in range(3):
            await autopay.wake()
            await town.run()
        assert await outcomes(town) == [("DECLINED", 30_000)] * tries
        sent = await town.sent()
        assert [to for to, _ in sent] == [IRINA, PAVEL] * tries
        assert "на карте не хватает денег" in sent[-2][1]
        assert "***4602" in sent[-2][1]
        assert PAVEL not in sent[-2][1]
        assert "300" not in sent[-1][1]  # what another pays is for them to tell
        await town.later("5 hours 59 minutes" if tries == 1 else "23 hours 59 minutes")
        assert await town.run() == 0
        await town.later("2 minutes")
    [shown] = await town.rules(irina)
    assert shown["active"] is False
    assert shown["lastFailure"] == {"code": "PAYMENT_DECLINED", "message": "There was not enough money on the card"}
    assert "включите" in (await town.sent())[-2][1]
    assert await town.value("select count(*) from audit_event where action = 'AUTOPAY_PAUSED'") == 1
    town.bank.control(Behaviour())
    assert (await town.set(irina, PAVEL, ruleId=rule["id"]))["lastFailure"] is None
    await town.run()
    assert (await outcomes(town))[3:] == [PAID]


async def test_f080_a_success_forgets_the_failures_before_it(town: Payers, pavel: Cabinet) -> None:
    town.bank.control(POOR)
    await town.set(pavel)
    await town.becomes(5_000)
    await town.run()
    town.bank.control(Behaviour())
    await town.later("6 hours")
    await town.run()
    assert await outcomes(town) == [("DECLINED", 30_000), PAID]
    assert await town.value("select failures from autopay_rule") == 0
    assert (await town.rules(pavel))[0]["lastFailure"] is None


async def test_f080_a_failure_is_forgotten_when_somebody_else_paid(town: Payers, pavel: Cabinet) -> None:
    town.bank.control(POOR)
    await town.set(pavel)
    await town.becomes(5_000)
    await town.run()
    await town.becomes(50_000)
    await town.later("6 hours")
    await town.run()
    assert await outcomes(town) == [("DECLINED", 30_000)]


async def test_f080_a_bank_that_wants_its_payer_there_has_declined(town: Payers, pavel: Cabinet) -> None:
    town.bank.control(Behaviour(confirm=True))
    await town.set(pavel)
    await town.becomes(5_000)
    await town.run()
    [(status, _, _)] = await town.paid()
    assert status in ("DECLINED", "EXPIRED")
    assert (await town.rules(pavel))[0]["lastFailure"]["message"] == "The bank wants its payer to be there"
    # Nobody can pay it on the bank's page any more.
    await payment_recovery.recover(town.desk, town.profiles)
    assert await town.balance() == 5_000


async def test_f080_a_card_that_was_removed_turns_the_rule_off(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel)
    await town.database.execute("update payment_method set removed_at = now()")
    await town.becomes(5_000)
    await town.run()
    [rule] = await town.rules(pavel)
    assert (rule["active"], rule["lastFailure"]["code"]) == (False, "CARD_NOT_ACCEPTED")
    assert rule["method"]["masked"] == "***2204"
    assert await town.paid() == []


@pytest.mark.parametrize(("cap", "payments"), [("599.99", 1), ("600", 2), ("600.01", 2)])
async def test_f080_the_limit_for_a_month_holds_to_the_kopeck(
    town: Payers, pavel: Cabinet, cap: str, payments: int
) -> None:
    await town.set(pavel, monthlyCap=rub(cap))
    for _ in range(3):
        await town.becomes(5_000)
        await town.run()
    assert len(await outcomes(town)) == payments
    [rule] = await town.rules(pavel)
    assert (rule["active"], rule["lastFailure"]["code"]) == (True, "LIMIT_EXCEEDED")
    assert len(await town.sent()) == 1
    zone = ZoneInfo(town.profiles["tele2"].operator.timezone)
    due: datetime = await town.value("select due_at from autopay_rule")
    local = due.astimezone(zone)
    assert (local.day, local.hour, local.minute) == (1, 0, 0)
    # In the next month there is room again.
    await town.database.execute("update autopay_run set at = at - interval '31 days'")
    await town.database.execute("update autopay_rule set due_at = now()")
    await town.run()
    assert len(await outcomes(town)) == payments + 1


async def test_f080_the_limit_does_not_count_what_failed(town: Payers, pavel: Cabinet) -> None:
    town.bank.control(POOR)
    await town.set(pavel, monthlyCap=rub("300"))
    await town.becomes(5_000)
    await town.run()
    town.bank.control(Behaviour())
    await town.later("6 hours")
    await town.run()
    assert await outcomes(town) == [("DECLINED", 30_000), PAID]


async def test_f080_the_calendar_pays_once_a_month_whatever_day_it_is_given(town: Payers, pavel: Cabinet) -> None:
    rule = await town.set(pavel, trigger="SCHEDULE", threshold=None, dayOfMonth=31)
    assert await town.run() == 0
    await town.database.execute("update autopay_rule set planned_at = now(), due_at = now()")
    await asyncio.gather(town.run(), town.run())
    assert await outcomes(town) == [PAID]
    planned = await town.value("select planned_at from autopay_rule")
    assert await town.value("select due_at from autopay_rule") == planned
    # Another day of the month that is paid for is not another month.
    for day in (1, 15, 28, 31):
        await town.set(pavel, ruleId=rule["id"], trigger="SCHEDULE", threshold=None, dayOfMonth=day)
        after = await town.value("select to_char(planned_at at time zone 'Europe/Moscow', 'YYYY-MM') from autopay_rule")
        assert after != await town.value("select to_char(now() at time zone 'Europe/Moscow', 'YYYY-MM')")
    await town.run()
    assert await outcomes(town) == [PAID]


async def test_f080_a_calendar_that_nobody_looked_at_for_months_pays_once(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel, trigger="SCHEDULE", threshold=None, dayOfMonth=1)
    await town.later("150 days")
    for _ in range(5):
        await town.run()
    assert await outcomes(town) == [PAID]
    assert await town.value("select planned_at > now() from autopay_rule")


async def test_f080_before_a_fee_what_is_missing_is_paid_once(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel, trigger="BEFORE_SUBSCRIPTION_FEE", threshold=None, amount=rub("2000"))
    fee = await town.value(
        "select t.fee from tariff t join tariff_subscription s on s.tariff_id = t.id join line l on l.id = s.line_id "
        "where l.msisdn = $1",
        PAVEL,
    )
    await town.database.execute("update tariff_subscription set next_charge_at = now() + interval '25 hours'")
    await town.becomes(100)
    await town.run()
    assert await town.paid() == []
    await town.database.execute("update tariff_subscription set next_charge_at = now() + interval '23 hours'")
    await town.later("1 hour")
    for _ in range(3):
        await town.run()
        await town.later("1 hour")
    assert await outcomes(town) == [("COMPLETED", fee - 100)]
    assert await town.balance() == fee
    await town.becomes(0)  # spent before the fee was taken: it is the same fee
    await town.run()
    assert len(await outcomes(town)) == 1


async def test_e31_who_has_lost_the_right_pays_nothing_more(town: Payers) -> None:
    irina = await town.cabinet(IRINA)
    rule = await town.set(irina, PAVEL)
    line = await town.value("select id from line where msisdn = $1", PAVEL)
    await town.database.execute(REVOKE, line)
    await town.becomes(5_000)
    await town.run()
    assert await town.paid() == []
    [shown] = await town.rules(irina)
    assert (shown["active"], shown["lastFailure"]["code"]) == (False, "FORBIDDEN")
    assert [to for to, _ in await town.sent()] == [IRINA]
    answer = await town.told(irina, await town.wanted(irina, PAVEL, lineId=rule["id"], ruleId=rule["id"]))
    assert answer["userErrors"][0]["code"] == "NOT_FOUND"


async def test_e31_automatic_payments_stop_in_the_moment_the_number_s_user_ends_the_link(town: Payers) -> None:
    irina, pavel = await town.cabinet(IRINA), await town.cabinet(PAVEL)
    await town.set(irina, PAVEL)
    own = await town.set(pavel, PAVEL)
    [link] = (await pavel.data("{ viewer { linksToMyNumbers { id } } }"))["viewer"]["linksToMyNumbers"]
    ended = await pavel.data("mutation ($id: ID!) { revokeLink(input: {linkId: $id}) { userErrors { code } } }", **link)
    assert ended["revokeLink"]["userErrors"] == []
    assert [rule["active"] for rule in await town.rules(irina)] == [False]
    assert [(rule["id"], rule["active"]) for rule in await town.rules(pavel)] == [(own["id"], True)]


@pytest.mark.parametrize("whose", [("user_id",), ("account_id",), ("user_id", "account_id")])
async def test_e31_rules_stop_in_the_callers_transaction_and_payments_on_their_way_go_on(
    town: Payers, whose: tuple[str, ...]
) -> None:
    irina = await town.cabinet(IRINA)
    await town.set(irina, PAVEL)
    nikolay = await town.cabinet(NIKOLAY)
    await town.set(nikolay, NIKOLAY)
    town.bank.control(Behaviour(lose_answer=True))
    await town.becomes(5_000)
    await town.run()
    payer = await town.value("select user_id from login where value = $1", IRINA)
    told = {"user_id": payer, "account_id": await town.account()}

    async def stop(connection: BaseDBAsyncClient) -> list[int]:
        return await rules.stop_for(connection, **{name: told[name] for name in whose}, because="left")

    async def stop_and_fail(connection: BaseDBAsyncClient) -> None:
        await stop(connection)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await tx(stop_and_fail)
    assert (await town.rules(irina))[0]["active"] is True
    assert len(await tx(stop)) == 1
    assert (await town.rules(irina))[0]["active"] is False
    assert (await town.rules(nikolay))[0]["active"] is True
    await payment_recovery.recover(town.desk, town.profiles)
    assert await outcomes(town) == [PAID]
    assert await town.balance() == 35_000
    await town.becomes(0)
    await town.run()
    assert len(await outcomes(town)) == 1
    assert await tx(stop) == []


async def test_e31_stopping_nobodys_rules_is_a_mistake(town: Payers) -> None:
    with pytest.raises(ValueError, match="whose"):
        await tx(lambda connection: rules.stop_for(connection, because="a bug"))


async def test_i12_a_rule_that_was_removed_leaves_its_payment_to_its_target(town: Payers, pavel: Cabinet) -> None:
    rule = await town.set(pavel)
    town.bank.control(Behaviour(lose_answer=True))
    await town.becomes(5_000)
    await town.run()
    await pavel.data(DELETE, id=rule["id"])
    await payment_recovery.recover(town.desk, town.profiles)
    assert await outcomes(town) == [PAID]
    await town.becomes(0)
    assert await town.run() == 0


async def test_i12_a_payment_that_fails_after_its_rule_was_stopped_is_nobodys_news(
    town: Payers, pavel: Cabinet
) -> None:
    rule = await town.set(pavel)
    town.bank.control(Behaviour(decline=DeclineReason.INSUFFICIENT_FUNDS, lose_answer=True))
    await town.becomes(5_000)
    await town.run()
    await pavel.data(DELETE, id=rule["id"])
    await payment_recovery.recover(town.desk, town.profiles)
    assert await outcomes(town) == [("DECLINED", 30_000)]
    assert await town.sent() == []
    await town.later("2 days")
    assert await town.run() == 0


async def test_e22_what_has_ended_is_paid_for_no_more(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel, trigger="SCHEDULE", threshold=None, dayOfMonth=31)
    await town.set(pavel)
    await town.run()
    await town.database.execute(
        "update contract set status = 'TERMINATED' where id = (select contract_id from personal_account where id = $1)",
        await town.account(),
    )
    await autopay.wake()
    await town.run()
    assert [rule["active"] for rule in await town.rules(pavel)] == [False, False]
    assert await town.paid() == []


async def test_f034_a_cabinet_that_is_closed_pays_no_more(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel)
    payer = TheUser("tele2", await town.value("select user_id from autopay_rule"))
    await tx(lambda connection: cabinet_end.end(connection, town.profiles["tele2"], payer, "CABINET_CLOSED"))
    assert await town.value("select active from autopay_rule") is False


async def test_f080_an_operator_that_gave_it_up_makes_no_payments(town: Payers, pavel: Cabinet) -> None:
    await town.set(pavel)
    await town.becomes(5_000)
    tele2 = town.profiles["tele2"]
    off = tele2.payments.model_copy(update={"autopay_enabled": False})
    without = {**town.profiles, "tele2": tele2.model_copy(update={"payments": off})}
    assert await autopay.run(town.desk, without) == 0
    assert await autopay.run(town.desk, {}) == 0
    smaller = tele2.payments.model_copy(update={"max_amount": tele2.payments.min_amount})
    assert await autopay.run(town.desk, {"tele2": tele2.model_copy(update={"payments": smaller})}) == 1
    assert (await town.rules(pavel))[0]["lastFailure"]["code"] == "AMOUNT_TOO_LARGE"
    assert await town.paid() == []


async def test_f080_the_loop_hears_of_a_balance_and_outlives_its_connection(town: Payers, pavel: Cabinet) -> None:
    loop = asyncio.create_task(pay_automatically(town.url, town.desk, town.profiles))
    try:
        await town.set(pavel)
        async with asyncio.timeout(20):
            await heard(town)
            await town.becomes(5_000, heard=False)
            await payments(town, 1)
            await town.database.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' "
                "and datname = current_database()"
            )
            # Nobody listens: it is found at the next start.
            await town.becomes(4_000, heard=False)
            await payments(town, 2)
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    assert await outcomes(town) == [PAID, PAID]


async def heard(town: Payers) -> None:
    """The loop has looked at the new rule, and waits for news of its account."""
    while await town.value("select due_at is not null from autopay_rule"):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def payments(town: Payers, number: int) -> None:
    """So many payments have come to their end."""
    while (await outcomes(town)).count(PAID) < number:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
