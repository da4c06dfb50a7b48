"""What a child's line may do (F048, E37, I13): who says it, what is taken, and the floor that nothing takes away."""

from datetime import datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import Scope
from domain.catalogue import ServiceCategory
from domain.child_policy import (
    ALWAYS_ASKED,
    EMERGENCY,
    LimitAnswer,
    Policy,
    QuietHours,
    TypedHours,
    UseKind,
    Wish,
    may_happen,
    read_quiet_hours,
)
from domain.usage import UsageUnit
from domain.usage_limit import Counted, LimitAction, Use
from tests.cabinet import Cabinet
from tests.test_promised_payment import TOP_UP
from tests.till import ANN, BOB, CID, EVE, Till

SET = """
mutation ($input: SetChildPolicyInput!) {
  setChildPolicy(input: $input) {
    userErrors { code field message }
    line { childPolicy {
      blockedCategories maxAgeRating quietHours { from to weekdays } approvalNeededFor canTopUpSelf alwaysAllowedNumbers
    } }
  }
}
"""
SEEN = "query ($line: ID!) { node(id: $line) { ... on Line { childPolicy { maxAgeRating canTopUpSelf } } } }"
NIGHT = {"from": "22:00", "to": "07:00", "weekdays": [1, 2, 3, 4, 7]}


async def put(cabinet: Cabinet, line: str, **said: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(SET, input={"lineId": line, **said}))["setChildPolicy"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_f048_owner_says_what_a_childs_line_may_do_part_by_part(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    said = {
        "blockedCategories": ["ENTERTAINMENT", "ROAMING"],
        "maxAgeRating": 12,
        "quietHours": [NIGHT],
        "approvalNeededFor": ["PAY"],
        "alwaysAllowedNumbers": ["+7 903 000-10-00", "79030001000"],
    }
    told = {
        **said,
        "approvalNeededFor": ["PAY", "SERVICES", "TARIFF", "TRANSFER"],
        "canTopUpSelf": True,
        "alwaysAllowedNumbers": ["79030001000"],
    }
    assert await put(ann, line, **said) == {"userErrors": [], "line": {"childPolicy": told | {
        "quietHours": [{**NIGHT}]}}}  # fmt: skip
    told |= {"maxAgeRating": None, "canTopUpSelf": False}
    assert (await put(ann, line, maxAgeRating=None, canTopUpSelf=False))["line"]["childPolicy"] == told
    assert (await cid.data(SEEN, line=line))["node"]["childPolicy"] == {"maxAgeRating": None, "canTopUpSelf": False}
    assert (await (await till.of(BOB)).data(SEEN, line=line))["node"]["childPolicy"] is None
    assert await till.value("select count(*) from audit_event where action = 'CHILD_POLICY_SET'") == 2


async def test_f048_who_may_say_it_and_of_whom(till: Till) -> None:
    line = await till.line(CID)
    for who, code in ((CID, "FORBIDDEN"), (BOB, "FORBIDDEN"), (EVE, "NOT_FOUND")):
        assert codes(await put(await till.of(who), line, maxAgeRating=18)) == [code], who
    ann = await till.of(ANN)
    assert codes(await put(ann, await till.line(ANN), maxAgeRating=18)) == ["INVALID_INPUT"]
    await till.rows("update line set sim_changed_at = now() where msisdn = '79030001002'")
    assert codes(await put(ann, line, maxAgeRating=18)) == ["COOLDOWN_ACTIVE"]
    # From the day of majority on there is no policy, whatever the role still says.
    await till.rows("update line set sim_changed_at = null")
    await till.rows("update membership set birth_date = '2000-01-01' where role = 'CHILD'")
    assert codes(await put(ann, line, maxAgeRating=18)) != []
    assert await till.rows("select 1 from child_policy") == []


async def test_f048_what_is_malformed(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(CID)
    for said in (
        {"maxAgeRating": -1},
        {"maxAgeRating": 22},
        {"approvalNeededFor": ["BLOCK"]},
        {"quietHours": [{**NIGHT, "from": "24:00"}]},
        {"quietHours": [{**NIGHT, "to": "22:00"}]},
        {"quietHours": [{**NIGHT, "from": "🌙" * 10_000}]},
        {"quietHours": [{**NIGHT, "weekdays": []}]},
        {"quietHours": [{**NIGHT, "weekdays": [0]}]},
        {"quietHours": [{**NIGHT, "weekdays": [1, 1]}]},
        {"quietHours": [NIGHT, {"from": "06:59", "to": "08:00", "weekdays": [5]}]},
        {"quietHours": [NIGHT] * 15},
        {"alwaysAllowedNumbers": ["not a number"]},
        {"alwaysAllowedNumbers": ["79030001000"] * 21},
    ):
        [error] = (await put(ann, line, **said))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", list(said))
    assert await till.rows("select 1 from child_policy") == []


async def test_i13_a_child_may_be_kept_from_topping_up_and_others_never(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    await put(ann, line, canTopUpSelf=False)
    refused = (await cid.data(TOP_UP, key="by-child-1", line=line, amount="100"))["topUp"]
    assert codes(refused) == ["FORBIDDEN"]
    for who, key in ((ANN, "by-owner-1"), (BOB, "by-adult-1")):
        assert codes((await (await till.of(who)).data(TOP_UP, key=key, line=line, amount="100"))["topUp"]) == []
    assert await till.balance(CID) == 10_250 + 20_000
    await put(ann, line, canTopUpSelf=True)
    assert codes((await cid.data(TOP_UP, key="by-child-2", line=line, amount="100"))["topUp"]) == []


TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
HOURS = st.builds(
    QuietHours,
    start=TIMES,
    end=TIMES,
    weekdays=st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))),
).filter(lambda hours: hours.start != hours.end)
NUMBERS = st.from_regex(r"7903[0-9]{7}", fullmatch=True)
POLICIES = st.builds(
    Policy,
    blocked_categories=st.lists(st.sampled_from(ServiceCategory), unique=True).map(tuple),
    max_age_rating=st.none() | st.integers(0, 21),
    quiet_hours=st.lists(HOURS, max_size=4).map(tuple),
    approval_needed_for=st.sampled_from([ALWAYS_ASKED, (Scope.PAY, *ALWAYS_ASKED)]),
    can_top_up_self=st.booleans(),
    always_allowed_numbers=st.lists(NUMBERS, max_size=3).map(tuple),
)
LIMITS = st.lists(
    st.builds(
        Counted,
        unit=st.sampled_from(UsageUnit),
        amount=st.integers(1, 1000),
        on_reach=st.sampled_from(LimitAction),
        used=st.integers(0, 2000).map(Decimal),
    ),
    max_size=4,
)
USES = st.builds(Use, price=st.integers(0, 1000), unit=st.none() | st.sampled_from(UsageUnit))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1))
HOTLINE = "+78007000611"


@given(policy=POLICIES, limits=LIMITS, use=USES, at=MOMENTS, pick=st.randoms(use_true_random=False))
def test_i13_e37_no_policy_and_no_limit_breaks_the_floor(
    policy: Policy, limits: list[Counted], use: Use, at: datetime, pick: Any
) -> None:
    safe = [*sorted(EMERGENCY), "0611", "78007000611", HOTLINE, *policy.always_allowed_numbers]
    for kind in (UseKind.CALL, UseKind.SMS):
        wish = Wish(kind, use, number=pick.choice(safe))
        assert may_happen(wish, policy, limits, at, ("0611", HOTLINE)) is LimitAnswer.ALLOWED
    for kind in (UseKind.TOP_UP, UseKind.BLOCK_AS_LOST, UseKind.LINK_NOTICE):
        assert may_happen(Wish(kind, use), policy, limits, at) is LimitAnswer.ALLOWED


@given(policy=POLICIES, limits=LIMITS, use=USES, at=MOMENTS, scope=st.none() | st.sampled_from(Scope))
def test_f048_the_owners_word_lifts_questions_and_nothing_else(
    policy: Policy, limits: list[Counted], use: Use, at: datetime, scope: Scope | None
) -> None:
    before = may_happen(Wish(UseKind.SERVICE, use, scope=scope), policy, limits, at)
    after = may_happen(Wish(UseKind.SERVICE, use, scope=scope, approved=True), policy, limits, at)
    assert after is (LimitAnswer.ALLOWED if before is LimitAnswer.ASK_OWNER else before)
    if scope in policy.approval_needed_for:
        assert before is not LimitAnswer.ALLOWED


@given(hours=HOURS, at=MOMENTS)
def test_f048_quiet_hours_begin_on_their_days_and_end_before_the_end(hours: QuietHours, at: datetime) -> None:
    clock, today, yesterday = at.time().replace(second=0, microsecond=0), at.isoweekday(), (at.isoweekday() + 5) % 7 + 1
    if hours.start < hours.end:
        expected = today in hours.weekdays and hours.start <= clock < hours.end
    else:
        expected = (today in hours.weekdays and clock >= hours.start) or (
            yesterday in hours.weekdays and clock < hours.end
        )
    assert (at in hours) == expected


@given(one=HOURS, other=HOURS, at=MOMENTS)
def test_f048_quiet_hours_that_share_a_minute_overlap(one: QuietHours, other: QuietHours, at: datetime) -> None:
    assert one.overlaps(other) == other.overlaps(one)
    assert one.overlaps(one)
    if at in one and at in other:
        assert one.overlaps(other)


def test_f048_hours_that_touch_do_not_overlap() -> None:
    read = read_quiet_hours([TypedHours("22:00", "07:00", [7, 1]), TypedHours("07:00", "22:00", [1])])
    assert read == (QuietHours(time(22), time(7), (1, 7)), QuietHours(time(7), time(22), (1,)))


@pytest.mark.parametrize("kind", [UseKind.CALL, UseKind.DATA])
def test_f048_what_stands_against_a_use_is_told(kind: UseKind) -> None:
    at = datetime(2026, 11, 23, 23)
    policy = Policy((ServiceCategory.ROAMING,), 12, (QuietHours(time(22), time(7), (1,)),))
    assert may_happen(Wish(kind, number="79030001005"), policy, [], at) is LimitAnswer.QUIET_HOURS
    day = at.replace(hour=12)
    assert may_happen(Wish(kind, category=ServiceCategory.ROAMING), policy, [], day) is LimitAnswer.CATEGORY_BLOCKED
    assert may_happen(Wish(UseKind.SERVICE, age_rating=16), policy, [], day) is LimitAnswer.AGE_RATING
    full = Counted(UsageUnit.MONEY, 100, LimitAction.BLOCK_ALL, Decimal(100))
    assert may_happen(Wish(kind), policy, [full], day) is LimitAnswer.LIMIT_REACHED
    # An adult's own limit knows neither hours nor categories.
    assert may_happen(Wish(kind, category=ServiceCategory.ROAMING), None, [], at) is LimitAnswer.ALLOWED
