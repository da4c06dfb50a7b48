"""Gigabytes that one number gives another one (F118): how many, from which packages, to whom, and each once."""

import asyncio
from typing import Any

import pytest

from tests.cabinet import Cabinet
from tests.packages import GB, days, giving, left, put, use
from tests.test_approval import RESOLVE
from tests.till import ANN, BOB, CID, EVE, GRANNY, Till

SHARE = """
mutation ($key: ID!, $from: ID!, $to: MSISDN!, $gb: Int!) {
  shareData(input: {idempotencyKey: $key, fromLineId: $from, toMsisdn: $to, gigabytes: $gb, clientMutationId: "m"}) {
    clientMutationId
    userErrors { __typename code field message ... on GiftLimitExceeded { left }
      ... on ApprovalRequired { approval { id title } } }
    line { sharing { canShare reason leftToShare unit minStep maxPerMonth received { left } } }
  }
}
"""
SHARING = """
query ($line: ID!) { node(id: $line) { ... on Line {
  sharing { canShare reason leftToShare maxPerMonth received { name source left total expiresAt } }
} } }
"""


def number(index: int) -> str:
    return f"7903000{1000 + index}"


async def share(
    cabinet: Cabinet, line: str, gigabytes: int = 2, to: str = number(EVE), key: str = "a-gift-to-eve"
) -> dict[str, Any]:
    answer: dict[str, Any] = (await cabinet.data(SHARE, key=key, to=to, gb=gigabytes, **{"from": line}))["shareData"]
    return answer


async def sharing(cabinet: Cabinet, line: str) -> Any:
    return (await cabinet.data(SHARING, line=line))["node"]["sharing"]


def codes(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_f118_gigabytes_go_to_another_number_and_cannot_be_given_on(till: Till) -> None:
    giving(till)
    await put(till, ANN, "tariff:0", 5 * GB + 7)
    await put(till, ANN, "service:1:0", GB, "SERVICE", until=days(1))
    await put(till, ANN, "carry:0", 9 * GB, "CARRY_OVER")
    ann, line = await till.of(ANN), await till.line(ANN)
    before = await sharing(ann, line)
    assert (before["canShare"], before["reason"], before["leftToShare"]) == (True, None, str(6 * GB))
    assert (before["maxPerMonth"], before["received"]) == (str(30 * GB), [])

    payload = await share(ann, line, 2)
    assert (codes(payload), payload["clientMutationId"]) == ([], "m")
    assert payload["line"]["sharing"]["leftToShare"] == str(4 * GB)
    # What ends first goes first; what was left over of a month, and the bytes beyond whole gigabytes, stay.
    assert await left(till, ANN) == {"service:1:0": 0, "tariff:0": 4 * GB + 7, "carry:0": 9 * GB}
    eve, hers = await till.of(EVE), await till.line(EVE)
    got = await sharing(eve, hers)
    assert [(each["source"], each["left"], each["total"]) for each in got["received"]] == [
        ("GIFT", str(2 * GB), str(2 * GB))
    ]
    week = await till.value("select expires_at - at = interval '7 days' from data_gift")
    assert (week, got["canShare"], got["reason"], got["leftToShare"]) == (True, False, "GIFT_LIMIT_EXCEEDED", "0")
    assert codes(await share(eve, hers, 1, number(BOB), "given-on-to-bob")) == [("GIFT_LIMIT_EXCEEDED", ["gigabytes"])]
    [gave], [received] = await till.sent_to(ANN), await till.sent_to(EVE)
    assert "***1005" in gave
    assert "28" in gave
    assert "***1000" in received
    assert number(ANN) not in received

    # The same key is the same gift, whatever happened since, and not another one.
    assert codes(await share(ann, line, 2)) == []
    assert codes(await share(ann, line, 3)) == [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]
    assert await till.value("select count(*) from data_gift") == 1
    told = "select actor_role, details->>'to', details->>'gigabytes' from audit_event where action = 'DATA_SHARED'"
    assert await till.rows(told) == [(None, "***1005", "2")]
    await use(till, EVE, GB)
    assert await left(till, EVE) == {"gift:1:0": GB}


async def test_f118_a_month_has_a_limit_and_the_refusal_says_what_is_left(till: Till) -> None:
    giving(till, data_sharing_max_gb_month=5)
    await put(till, ANN, "tariff:0", 50 * GB)
    ann, line = await till.of(ANN), await till.line(ANN)
    assert codes(await share(ann, line, 3)) == []
    [refused] = (await share(ann, line, 3, key="too-much-of-it"))["userErrors"]
    assert (refused["__typename"], refused["code"], refused["left"]) == (
        "GiftLimitExceeded", "GIFT_LIMIT_EXCEEDED", str(2 * GB)
    )  # fmt: skip
    # A refusal leaves no trace, so that the key is still good; the month before does not count.
    assert codes(await share(ann, line, 2, key="too-much-of-it")) == []
    assert codes(await share(ann, line, 1, key="another-one")) == [("GIFT_LIMIT_EXCEEDED", ["gigabytes"])]
    await till.rows("update data_gift set at = at - interval '32 days'")
    assert codes(await share(ann, line, 5, key="the-next-month")) == []


async def test_f118_fifty_gifts_at_once_stay_within_the_month_and_the_packages(till: Till) -> None:
    giving(till, data_sharing_max_gb_month=7)
    await put(till, ANN, "tariff:0", 20 * GB)
    await put(till, BOB, "tariff:0", 4 * GB)
    ann, bob = await till.of(ANN), await till.of(BOB)
    hers, his = await till.line(ANN), await till.line(BOB)
    payloads = await asyncio.gather(
        *(share(ann, hers, 1, key=f"at-once-ann-{n}") for n in range(25)),
        *(share(bob, his, 1, number(ANN), key=f"at-once-bob-{n}") for n in range(25)),
    )
    done = [not payload["userErrors"] for payload in payloads]
    assert (sum(done[:25]), sum(done[25:])) == (7, 4)
    assert (await left(till, ANN))["tariff:0"] == 13 * GB
    assert await left(till, BOB) == {"tariff:0": 0}
    assert sum((await left(till, EVE)).values()) == 7 * GB
    assert await till.value("select count(*) from line_change") == 11


async def test_f118_one_key_at_once_is_one_gift(till: Till) -> None:
    giving(till)
    await put(till, ANN, "tariff:0", 20 * GB)
    ann, line = await till.of(ANN), await till.line(ANN)
    payloads = await asyncio.gather(*(share(ann, line, 2) for _ in range(8)))
    assert [codes(payload) for payload in payloads] == [[]] * 8
    assert await left(till, ANN) == {"tariff:0": 18 * GB}
    assert len(await till.sent_to(EVE)) == 1


async def test_f118_to_nobody_to_oneself_and_to_who_cannot_have_it(till: Till) -> None:
    giving(till)
    await put(till, ANN, "tariff:0", 20 * GB)
    ann, line = await till.of(ANN), await till.line(ANN)
    assert codes(await share(ann, line, 1, number(ANN))) == [("INVALID_INPUT", ["toMsisdn"])]
    assert codes(await share(ann, line, 1, "not a number")) == [("INVALID_INPUT", ["toMsisdn"])]
    for gigabytes in (0, -1):
        assert codes(await share(ann, line, gigabytes)) == [("INVALID_INPUT", ["gigabytes"])]
    assert codes(await share(ann, line, 2**31 - 1)) == [("GIFT_LIMIT_EXCEEDED", ["gigabytes"])]
    assert codes(await share(ann, line, 1, key="short")) == [("INVALID_INPUT", ["idempotencyKey"])]
    # Numbers that are nobody's are counted with those of payments.
    assert codes(await share(ann, line, 1, "+79039999999")) == [("NOT_FOUND", ["toMsisdn"])]
    assert await till.value("select count from counter where key like 'payees:%'") == 1
    # Why a number takes nothing is its user's matter.
    for status in ("BLOCKED_BY_USER", "SUSPENDED_NONPAYMENT", "TERMINATED"):
        await till.rows("update line set status = $1 where msisdn = $2", status, number(EVE))
        [refused] = (await share(ann, line))["userErrors"]
        assert (refused["code"], refused["message"]) == ("FORBIDDEN", "This number cannot be given gigabytes now")
    await till.rows("update line set status = 'ACTIVE' where msisdn = $1", number(EVE))
    assert await till.value("select count(*) from data_gift") == 0


async def test_f118_not_from_a_blocked_line_nor_with_a_new_sim(till: Till) -> None:
    giving(till)
    await put(till, ANN, "tariff:0", 20 * GB)
    ann, line = await till.of(ANN), await till.line(ANN)
    await till.rows("update line set sim_changed_at = now() where msisdn = $1", number(ANN))
    assert codes(await share(ann, line)) == [("COOLDOWN_ACTIVE", None)]
    assert (await sharing(ann, line))["reason"] == "COOLDOWN_ACTIVE"
    await till.rows("update line set sim_changed_at = null, status = 'BLOCKED_BY_USER' where msisdn = $1", number(ANN))
    assert codes(await share(ann, line)) == [("LINE_BLOCKED", ["fromLineId"])]
    assert (await sharing(ann, line))["reason"] == "LINE_BLOCKED"
    assert await left(till, ANN) == {"tariff:0": 20 * GB}


@pytest.mark.parametrize(
    ("who", "whose", "answer"),
    [
        (ANN, CID, []),
        (ANN, GRANNY, [("FORBIDDEN", ["fromLineId"])]),  # the link does not say so
        (BOB, CID, [("FORBIDDEN", ["fromLineId"])]),
        (EVE, ANN, [("NOT_FOUND", ["fromLineId"])]),
        (CID, ANN, [("NOT_FOUND", ["fromLineId"])]),
    ],
)
async def test_f118_who_may_give_whose_gigabytes(till: Till, who: int, whose: int, answer: list[Any]) -> None:
    giving(till)
    await put(till, whose, "tariff:0", 20 * GB)
    assert codes(await share(await till.of(who), await till.line(whose), to=number(5))) == answer
    assert await till.value("select count(*) from data_gift") == (0 if answer else 1)


async def test_f118_where_it_is_not_offered_and_in_sessions_that_may_not(till: Till) -> None:
    await put(till, ANN, "tariff:0", 20 * GB)
    ann, line = await till.of(ANN), await till.line(ANN)
    assert codes(await share(ann, line)) == [("FEATURE_DISABLED", None)]
    state = await sharing(ann, line)
    assert (state["canShare"], state["reason"], state["leftToShare"]) == (False, "FEATURE_DISABLED", "0")
    giving(till)
    assert codes(await share(await till.of(ANN, "PARTIAL"), line)) == [("FORBIDDEN", None)]
    assert (await till.anybody.of("beeline").ask(SHARE, key="a-gift-to-eve", to="7", gb=1, **{"from": line}))["errors"]
    assert await till.value("select count(*) from data_gift") == 0


async def test_f053_a_child_asks_and_the_owners_yes_gives_exactly_that_once(till: Till) -> None:
    giving(till, data_sharing_max_gb_month=5)
    await put(till, CID, "tariff:0", 20 * GB)
    cid, line, ann = await till.of(CID), await till.line(CID), await till.of(ANN)
    assert (await sharing(cid, line))["reason"] == "APPROVAL_REQUIRED"
    # What cannot be given is not asked for.
    assert codes(await share(cid, line, 6)) == [("GIFT_LIMIT_EXCEEDED", ["gigabytes"])]
    questions = []
    for gigabytes in (2, 4):
        [error] = (await share(cid, line, gigabytes))["userErrors"]
        assert error["code"] == "APPROVAL_REQUIRED"
        questions.append(error["approval"])
    assert [each["title"] for each in questions] == ["2 GB → ***1005", "4 GB → ***1005"]
    assert await till.value("select count(*) from data_gift") == 0

    for _ in range(2):
        answer = (await ann.data(RESOLVE, id=questions[0]["id"], approve=True))["resolveApproval"]
        assert answer["userErrors"] == []
    assert await left(till, CID) == {"tariff:0": 18 * GB}
    assert await left(till, EVE) == {"gift:1:0": 2 * GB}
    # Meanwhile the month's limit stands against the other one: it stays asked, and nothing is given.
    [refused] = (await ann.data(RESOLVE, id=questions[1]["id"], approve=True))["resolveApproval"]["userErrors"]
    assert refused["code"] == "FORBIDDEN"
    assert await till.value("select count(*) from data_gift") == 1
