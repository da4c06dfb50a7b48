"""A change of tariff that waits for the next period: it begins once, before the fee, or is cancelled (F106)."""

import asyncio
from datetime import UTC, datetime

from domain.fees import today
from domain.profile_offering import ChangeEffective
from services.fees import charge_due
from tests.fees import MOSCOW
from tests.tariffs import CANCEL, bought, change, kinds, offer, quoted, sell
from tests.test_tariff_change import EVENTS, SPENT, charged, rich
from tests.till import ANN, Till

NEXT_CHARGE = "query ($line: ID!) { node(id: $line) { ... on Line { balance { nextCharge { amount } } } } }"


async def test_f106_with_the_next_period_only_the_connection_is_paid_now(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    offer(till, change_effective=ChangeEffective.NEXT_PERIOD)
    price = (await quoted(ann, line, 9002))["quote"]
    assert (price["dueNow"], price["lines"][0]["freeDays"]) == ({"amount": "100.00"}, 30)
    payload = await change(ann, line, 9002, price["token"])
    has = payload["line"]["tariff"]
    assert (has["tariff"]["code"], has["pendingChange"]["tariff"]["code"]) == ("m300", "m500")
    assert (has["pendingChange"]["since"], has["canRevertTo"]) == (has["nextChargeAt"], None)
    assert await charged(till) == [10_000]
    assert kinds(await quoted(ann, line, 9003)) == ["TariffChangeAwaited"]
    # It is what the next charge will be.
    seen = (await ann.data(NEXT_CHARGE, line=line))["node"]
    assert seen["balance"]["nextCharge"] == {"amount": "500.00"}
    await till.rows(
        "update tariff_subscription set next_charge_at = $1, pending_at = $1", today(datetime.now(UTC), MOSCOW)
    )
    await asyncio.gather(*(charge_due(till.profiles) for _ in range(2)))
    assert await charged(till) == [10_000, 50_000]
    assert await till.rows(EVENTS) == [("CHANGE", 9001, 9002, 10_000, None, None)]
    [(tariff_id, pending, changes)] = await till.rows(
        "select tariff_id, pending_tariff_id, changes from tariff_subscription"
    )
    assert (tariff_id, pending, changes) == (9002, None, 1)
    assert await till.rows("select unit, remaining::int from package_counter") == [("MINUTE", 500)]
    assert len([text for text in await till.sent_to(ANN) if "Пятьсот" in text]) == 2


async def test_f106_what_waits_and_cannot_be_paid_suspends_the_line_until_it_is(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    offer(till, change_effective=ChangeEffective.NEXT_PERIOD)
    await till.rows("update tariff set connection_fee = 0 where id = 9002")
    await bought(ann, line, 9002, "wait-for-it")
    await till.rows("update tariff_subscription set next_charge_at = now(), pending_at = now()")
    await charge_due(till.profiles)
    assert await till.rows("select status from line where msisdn = '79030001000'") == [("SUSPENDED_NONPAYMENT",)]
    assert await till.value("select tariff_id from tariff_subscription") == 9002
    assert await till.rows("select remaining::int from package_counter") == [(0,)]
    assert "500.00" in (await till.sent_to(ANN))[-1]
    await rich(till, ANN)
    await charge_due(till.profiles)
    assert await charged(till) == [50_000]
    assert await till.rows("select remaining::int from package_counter") == [(500,)]


async def test_f106_what_waits_is_cancelled_once_and_given_back(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    offer(till, change_effective=ChangeEffective.NEXT_PERIOD)
    before = await till.balance(ANN)
    await bought(ann, line, 9002, "wait-for-it")
    told = {"key": "cancel-it-1", "line": line}
    answers = await asyncio.gather(*(ann.data(CANCEL, **told) for _ in range(5)))
    assert [each["cancelTariffChange"]["userErrors"] for each in answers] == [[]] * 5
    assert (await till.balance(ANN), await till.value(SPENT)) == (before, 0)
    payload = (await ann.data(CANCEL, **told | {"key": "cancel-it-2"}))["cancelTariffChange"]
    assert kinds(payload) == ["NoTariffChangeAwaited"]
    await till.rows("update tariff_subscription set next_charge_at = now()")
    await charge_due(till.profiles)
    assert await till.value("select tariff_id from tariff_subscription") == 9001
