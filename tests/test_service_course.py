"""What becomes of services by themselves (F112, F129, E51): trials, ends, pauses, and the worker against people."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.fees import next_day, today
from models.database import tx
from services import fees, service_course
from services.fees import charge_due
from tests.fees import MOSCOW
from tests.ledger import posted, top_up
from tests.selling import (
    TRY_TV,
    charges,
    codes,
    connect,
    connected,
    disconnect,
    history_of,
    quoted,
    sell,
    services_of,
    token,
)
from tests.test_child_policy import put as say
from tests.test_usage_limit import put
from tests.till import ANN, CID, GRANNY, Till

TV = """
query ($line: ID!) { node(id: $line) { ... on Line {
  tv { trialAvailable trialEndsAt ageRatingLimit packages { service { code } } }
} } }
"""


async def actions(till: Till, index: int = ANN) -> list[str]:
    """What the history says, oldest first."""
    found = await history_of(await till.of(index), await till.line(index))
    return [event["action"] for event in reversed(found or [])]


async def due(till: Till, column: str = "next_charge_at", ago: str = "1 minute") -> None:
    """Time passes: a moment of all services has come."""
    await till.rows(
        f"update service_subscription set {column} = now() - $1::text::interval where ended_at is null", ago
    )


def tv_trial(till: Till, days: int) -> None:
    profile = till.profiles["beeline"]
    services = profile.services.model_copy(update={"tv_trial_days": days})
    till.profiles["beeline"] = profile.model_copy(update={"services": services})  # type: ignore[index]


async def test_f129_television_is_free_for_its_days_once_for_a_line(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    tv_trial(till, 30)
    itv, other = [await sell(till, code, 490, category="TV") for code in ("free-tv", "other-tv")]

    async def start(service: str) -> dict[str, Any]:
        found: dict[str, Any] = (await ann.data(TRY_TV, line=line, service=service))["startTvTrial"]
        return found

    assert codes(await start(await sell(till, "one", 100))) == ["INVALID_INPUT"]
    assert (await ann.data(TV, line=line))["node"]["tv"] == {
        "trialAvailable": True, "trialEndsAt": None, "ageRatingLimit": None, "packages": []
    }  # fmt: skip
    quote = (await quoted(ann, line, itv))["quote"]
    assert (quote["dueNow"]["amount"], quote["monthlyTotal"]["amount"]) == ("0.00", "4.90")
    assert [each["freeDays"] for each in quote["lines"]] == [30]
    payloads = await asyncio.gather(*(start(itv) for _ in range(10)))
    [trial] = {payload["subscription"]["id"]: payload["subscription"] for payload in payloads}.values()
    ends = today(datetime.now(UTC), MOSCOW) + timedelta(days=30)
    assert (datetime.fromisoformat(trial["trialEndsAt"]), trial["nextChargeAt"]) == (ends, trial["trialEndsAt"])
    assert (await actions(till), await charges(till)) == (["TRIAL_START"], [])
    assert (await ann.data(TV, line=line))["node"]["tv"] == {
        "trialAvailable": False, "trialEndsAt": trial["trialEndsAt"], "ageRatingLimit": None,
        "packages": [{"service": {"code": "free-tv"}}],
    }  # fmt: skip
    # No other television is free any more, and this one only until its day.
    assert codes(await start(other)) == ["CONFLICT"]
    assert (await quoted(ann, line, other))["quote"]["dueNow"]["amount"] == "4.90"
    await disconnect(ann, trial["id"])
    assert (await start(itv))["subscription"]["trialEndsAt"] == trial["trialEndsAt"]
    assert codes(await start("👍")) == ["NOT_FOUND"]
    tv_trial(till, 0)
    assert codes(await start(itv)) == ["FEATURE_DISABLED"]


async def test_f129_people_are_told_before_and_when_free_days_end_and_then_pay(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await connected(ann, line, await sell(till, "one", 3_000, trial_days=10))
    profiles = till.profiles
    assert await service_course.sweep(profiles) == 0
    await due(till, "trial_step_at")
    assert [await service_course.sweep(profiles), await service_course.sweep(profiles)] == [1, 0]
    [soon] = await till.sent_to(ANN)
    assert "30.00 RUB" in soon
    # Days go by; several workers find out at once.
    await till.rows(
        """update service_subscription set trial_ends_at = now() - interval '1 minute',
             trial_step_at = now() - interval '1 minute', next_charge_at = now() - interval '1 minute'"""
    )
    await asyncio.gather(*(service_course.sweep(profiles) for _ in range(4)))
    await asyncio.gather(*(charge_due(profiles) for _ in range(4)))
    assert len(await till.sent_to(ANN)) == 2
    assert (await actions(till), await charges(till)) == (["TRIAL_START", "TRIAL_END"], [3_000])
    assert await service_course.sweep({}) == 0


async def test_f112_what_is_bought_for_a_time_ends_by_itself(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    week = await sell(till, "week", 500, "ONCE", valid_days=7, included=[{"unit": "SMS", "amount": 5}])
    found = await connected(ann, line, week)
    lasts = datetime.fromisoformat(found["validUntil"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < lasts <= timedelta(days=7)
    assert (found["nextCharge"], found["nextChargeAt"]) == (None, None)
    await due(till, "valid_until")
    # It is over before anybody has written that down.
    assert (await services_of(ann, line), codes(await disconnect(ann, found["id"]))) == ([], ["SERVICE_NOT_ACTIVE"])
    assert sum(await asyncio.gather(*(service_course.sweep(till.profiles) for _ in range(4)))) >= 1
    assert (await actions(till), len(await till.sent_to(ANN))) == (["CONNECT", "DISCONNECT"], 1)
    again = await connected(ann, line, week)
    assert (again["id"], await charges(till)) == (found["id"], [500, 500])
    assert await till.rows("select total::int from package_counter") in ([(5,)], [(10,)])


async def test_e57_days_that_nobody_charged_are_charged_before_a_service_ends(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    daily = await sell(till, "daily", 100, "DAY", valid_days=3)
    quote = (await quoted(ann, line, daily))["quote"]
    assert (quote["firstMonthTotal"]["amount"], quote["monthlyTotal"]["amount"]) == ("3.00", "0.00")
    found = await connected(ann, line, daily)
    begins = today(datetime.now(UTC), MOSCOW) - timedelta(days=4)
    past = "update service_subscription set since = $1, next_charge_at = $2, valid_until = $3"
    await till.rows(past, begins, begins + timedelta(days=1), begins + timedelta(days=3))
    await service_course.sweep(till.profiles)
    assert await charges(till) == [100] * 3
    assert (await actions(till))[-1] == "DISCONNECT"
    # And before somebody switches it off.
    other = await connected(ann, line, await sell(till, "other", 50, "DAY"))
    await till.rows("update service_subscription set next_charge_at = $1 where ended_at is null", begins)
    off = (await disconnect(ann, other["id"]))["subscription"]
    # Today's was charged when it began.
    assert await charges(till) == [100] * 3 + [50] * 5
    assert datetime.fromisoformat(off["paidUntil"]) == next_day(datetime.now(UTC), MOSCOW)
    assert found["id"] != other["id"]


async def test_f112_what_cannot_be_paid_pauses_and_works_again(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    found = await connected(ann, line, await sell(till, "one", 6_000, "DAY"))
    await till.rows("update service_subscription set next_charge_at = $1", today(datetime.now(UTC), MOSCOW)
                    - timedelta(days=1))  # fmt: skip
    await charge_due(till.profiles)
    assert (await actions(till), await charges(till)) == (["CONNECT", "SUSPEND"], [6_000])
    assert await services_of(ann, line) == ["one"]
    await posted(top_up(await till.account(ANN), 50_000))
    await till.rows("update service set fee = 5_000 where code = 'one'")
    await charge_due(till.profiles)
    await charge_due(till.profiles)
    assert (await actions(till))[:3] == ["CONNECT", "SUSPEND", "RESUME"]
    # One that is paused and switched off is not charged, however much there is.
    await till.rows("update service_subscription set next_charge_at = null, unpaid_since = now()")
    off = (await disconnect(ann, found["id"]))["subscription"]
    charged = await charges(till)
    await charge_due(till.profiles)
    account = await till.account(ANN)
    await tx(lambda connection: fees.resume(connection, till.profiles["beeline"], account))
    assert (off["paidUntil"], await charges(till)) == (None, charged)


async def test_e35_a_service_is_paid_until_its_period_ends_and_then_the_limit_holds(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await connected(ann, line, await sell(till, "one", 3_000, "DAY"))
    await put(ann, line, "10")
    assert await services_of(ann, line) == ["one"]
    before = len(await till.sent_to(ANN))
    yesterday = today(datetime.now(UTC), MOSCOW) - timedelta(days=1)
    await till.rows("update service_subscription set next_charge_at = $1", yesterday)
    await asyncio.gather(*(charge_due(till.profiles) for _ in range(3)))
    await charge_due(till.profiles)
    assert (await actions(till), await charges(till)) == (["CONNECT", "SUSPEND"], [3_000])
    [told] = (await till.sent_to(ANN))[before:]
    assert "30.00 RUB" in told
    # It works again when the limit is gone: today was paid for when it began.
    await till.rows("delete from usage_limit")
    await charge_due(till.profiles)
    assert (await actions(till), await charges(till)) == (["CONNECT", "SUSPEND", "RESUME"], [3_000])


@pytest.mark.parametrize("forbidden", [{"blockedCategories": ["ENTERTAINMENT"]}, {"maxAgeRating": 12}])
async def test_e35_what_a_child_may_not_have_any_more_is_not_renewed(till: Till, forbidden: dict[str, Any]) -> None:
    ann, line, before = await till.of(ANN), await till.line(CID), await till.balance(CID)
    await connected(ann, line, await sell(till, "one", 300, "DAY", category="ENTERTAINMENT", age_rating=16))
    await connected(ann, line, await sell(till, "two", 100, "DAY", age_rating=12))
    await connected(ann, line, await sell(till, "nil", 0, "DAY", category="ENTERTAINMENT", age_rating=18))
    assert (await say(ann, line, **forbidden))["userErrors"] == []
    # What is paid for stays until its period ends.
    assert (await charge_due(till.profiles), await services_of(ann, line)) == (0, ["one", "two", "nil"])
    await till.rows("update service_subscription set next_charge_at = $1", today(datetime.now(UTC), MOSCOW)
                    - timedelta(days=1))  # fmt: skip
    await charge_due(till.profiles)
    stopped = "select s.code from service_subscription ss join service s on s.id = ss.service_id {} order by s.code"
    waiting = stopped.format("where unpaid_since is not null")
    assert await till.rows(waiting) == [("nil",), ("one",)]
    await charge_due(till.profiles)
    assert (await till.rows(waiting), await till.balance(CID)) == ([("nil",), ("one",)], before - 300 - 2 * 100)
    # It is had again when it may be: the day was paid for when it was connected.
    await till.rows("delete from child_policy")
    await charge_due(till.profiles)
    assert (await till.rows(waiting), await till.balance(CID)) == ([], before - 300 - 2 * 100)


async def test_f112_connecting_disconnecting_and_the_worker_at_once(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    service = await sell(till, "one", 100, "DAY")
    found = await connected(ann, line, service)
    midnight = today(datetime.now(UTC), MOSCOW)
    await till.rows("update service_subscription set next_charge_at = $1", midnight - timedelta(days=2))

    async def again() -> dict[str, Any]:
        payload = await quoted(ann, line, service)
        return await connect(ann, line, service, quote=payload["quote"]["token"]) if payload["quote"] else payload

    await asyncio.gather(
        *(disconnect(ann, found["id"]) for _ in range(4)), *(charge_due(till.profiles) for _ in range(4)),
        *(again() for _ in range(4)),
    )  # fmt: skip
    # Today was paid for when it began, and each of the two days before once.
    assert await charges(till) == [100] * 3
    rows = await till.rows("select ended_at is null, next_charge_at, paid_until from service_subscription")
    following = next_day(datetime.now(UTC), MOSCOW)
    assert rows in ([(True, following, None)], [(False, None, following)])
    assert len(await actions(till)) % 2 == rows[0][0]


@pytest.mark.parametrize("first", ["connect", "charge"])
async def test_e49_a_price_that_changes_while_somebody_connects(till: Till, first: str) -> None:
    granny, line = await till.of(GRANNY), await till.line(GRANNY)
    service = await sell(till, "one", 100)
    quote = await token(granny, line, service)
    change = till.rows("update service set fee = 200 where code = 'one'")
    wish = connect(granny, line, service, quote=quote)
    payload = await asyncio.gather(*((wish, change) if first == "connect" else (change, wish)))
    [answer] = [each for each in payload if isinstance(each, dict)]
    # Either at the price that was quoted, or not at all.
    expected = [100] if not answer["userErrors"] else []
    assert (await charges(till), codes(answer)) in ((expected, []), (expected, ["PRICE_CHANGED"]))


async def test_f113_what_the_database_keeps_of_trials(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await connected(ann, line, await sell(till, "one", 100))
    checks = "select count(*) from pg_constraint where conname = 'service_subscription_trial_step'"
    indexes = "select count(*) from pg_indexes where indexname = any($1)"
    assert await till.value(checks) == 1
    assert await till.value(indexes, ["service_subscription_trial_step", "service_subscription_ends"]) == 2
    with pytest.raises(Exception, match="service_subscription_trial_step"):
        await till.rows("update service_subscription set trial_step_at = now()")
