"""Blocking a number and letting it work again (F121–F125, E63, E64)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.lost_sim import is_lost
from domain.money import Money
from models.database import tx
from services import line_block
from tests.cabinet import Cabinet
from tests.test_features import with_values
from tests.test_sign_in import REQUEST_CODE
from tests.test_sim_epochs import NUMBER, sign_in_by_code
from tests.till import ANN, BOB, CID, EVE, GRANNY, Till

BLOCK = """
mutation ($line: ID!, $reason: BlockReason!, $until: DateTime) {
  blockLine(input: {lineId: $line, reason: $reason, until: $until}) {
    line { status block { reason since until by } } userErrors { __typename code field } } }
"""
UNBLOCK = """
mutation ($line: ID!) {
  unblockLine(input: {lineId: $line}) { line { status block { reason } } userErrors { code } } }
"""
STEP_UP = "mutation { requestStepUp(input: {}) { challenge { channel } userErrors { code } } }"
RULES = "update number_link set scopes = scopes || '{BLOCK}' where 'VIEW' = any(scopes)"


async def block(till: Till, who: Cabinet, index: int, reason: str = "LOST", **more: Any) -> dict[str, Any]:
    answer = await who.data(BLOCK, line=await till.line(index), reason=reason, **more)
    payload: dict[str, Any] = answer["blockLine"]
    return payload


async def unblock(till: Till, who: Cabinet, index: int, *, proven: bool = True) -> list[str]:
    """The codes of what it was refused with."""
    if proven:
        await till.rows("update session set stepped_up_at = now()")
    payload = (await who.data(UNBLOCK, line=await till.line(index)))["unblockLine"]
    return [error["code"] for error in payload["userErrors"]]


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


def served_with(till: Till, **values: Any) -> None:
    """The operator blocks by other rules from now on; the profiles of a till are its own."""
    assert isinstance(till.profiles, dict)
    till.profiles["beeline"] = with_values(till.profiles["beeline"], "blocking", **values)


async def test_f121_f122_block_and_unblock_leave_money_and_links(till: Till) -> None:
    granny, ann = await till.of(GRANNY), await till.of(ANN)
    money = await till.balance(GRANNY)
    payload = await block(till, granny, GRANNY)
    assert payload["userErrors"] == []
    told = payload["line"]
    assert (told["status"], told["block"]["reason"], told["block"]["by"]) == ("BLOCKED_BY_USER", "LOST", "Granny")
    seen = (await ann.data("query ($id: ID!) { node(id: $id) { ... on Line { block { by reason } } } }",
                           id=await till.line(GRANNY)))["node"]  # fmt: skip
    assert seen == {"block": {"by": "Granny", "reason": "LOST"}}
    assert codes(await block(till, granny, GRANNY)) == ["LINE_BLOCKED"]

    assert await unblock(till, granny, GRANNY, proven=False) == ["STEP_UP_REQUIRED"]
    assert await unblock(till, granny, GRANNY) == []
    assert await unblock(till, granny, GRANNY) == ["LINE_NOT_BLOCKED"]
    assert await till.balance(GRANNY) == money
    assert await till.rows("select status from number_link where status <> 'ACTIVE'") == []
    actions = await till.rows("select action from audit_event where line_id is not null order by id")
    assert actions == [("LINE_BLOCKED",), ("LINE_UNBLOCKED",)]
    assert len(await till.sent_to(GRANNY)) == 2


async def test_f122_what_the_operator_suspended_is_not_unblocked(till: Till) -> None:
    eve = await till.of(EVE)
    for status in ("SUSPENDED_NONPAYMENT", "SUSPENDED_FRAUD", "PORTING_OUT"):
        await till.rows("update line set status = $1 where msisdn = $2", status, NUMBER(EVE))
        assert await unblock(till, eve, EVE) == ["LINE_NOT_BLOCKED"]
    assert codes(await block(till, eve, EVE)) == ["LINE_BLOCKED"]


async def test_f123_who_may(till: Till) -> None:
    """By the table of SPEC 4.4: foreign and unknown lines are alike, and a link without BLOCK is not enough."""
    ann, bob, cid, vera_less = await till.of(ANN), await till.of(BOB), await till.of(CID), await till.of(EVE)
    assert codes(await block(till, vera_less, GRANNY)) == ["NOT_FOUND"]
    unknown = (await vera_less.data(BLOCK, line="TGluZTo5OTk5OTk=", reason="LOST"))["blockLine"]
    assert codes(unknown) == ["NOT_FOUND"]
    assert codes(await block(till, ann, GRANNY)) == ["FORBIDDEN"]
    partial = await till.of(GRANNY, "PARTIAL")
    assert codes(await block(till, partial, GRANNY)) == ["FORBIDDEN"]
    await till.rows(RULES)
    assert codes(await block(till, bob, GRANNY)) == []
    # Another adult blocks and does not unblock; the owner does both; a child blocks its own.
    assert await unblock(till, bob, GRANNY) == ["FORBIDDEN"]
    assert await unblock(till, ann, GRANNY) == []
    assert codes(await block(till, cid, CID)) == []
    assert await unblock(till, cid, CID) == ["FORBIDDEN"]
    assert await unblock(till, ann, CID) == []


async def test_f123_only_the_holder_of_the_contract_where_the_profile_says_so(till: Till) -> None:
    served_with(till, contract_holder_only=True)
    assert codes(await block(till, await till.of(CID), CID)) == ["ONLY_CONTRACT_HOLDER"]
    assert codes(await block(till, await till.of(ANN), CID)) == []


async def test_f122_a_lost_sim_is_the_offices_where_the_profile_says_so(till: Till) -> None:
    served_with(till, office_and_id_for_lost_sim=True, self_unblock=False)
    eve = await till.of(EVE)
    await block(till, eve, EVE, "STOLEN")
    assert await unblock(till, eve, EVE) == ["OFFICE_REQUIRED"]
    ann = await till.of(ANN)
    await block(till, ann, ANN, "VACATION")
    assert await unblock(till, ann, ANN) == ["FEATURE_DISABLED"]
    served_with(till, self_block=False)
    assert codes(await block(till, await till.of(BOB), BOB)) == ["FEATURE_DISABLED"]


async def test_f121_a_vacation_ends_by_itself(till: Till) -> None:
    eve, later = await till.of(EVE), (datetime.now(UTC) + timedelta(days=7)).isoformat()
    assert codes(await block(till, eve, EVE, until=later)) == ["INVALID_INPUT"]
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert codes(await block(till, eve, EVE, "VACATION", until=past)) == ["INVALID_INPUT"]
    assert codes(await block(till, eve, EVE, "VACATION", until=later)) == []
    await line_block.end_due(till.profiles)
    assert await till.value("select status from line where msisdn = $1", NUMBER(EVE)) == "BLOCKED_BY_USER"
    await till.rows("update line set blocked_until = now() where blocked_until is not null")
    await line_block.end_due(till.profiles)
    status = "select status, block_reason, blocked_until from line where msisdn = $1"
    assert await till.rows(status, NUMBER(EVE)) == [("ACTIVE", None, None)]


async def test_f125_what_a_block_costs_is_posted_once_and_never_holds_up_a_lost_sim(till: Till) -> None:
    served_with(till, fee=Money(3000, till.profiles["beeline"].operator.currency).amount)
    eve, before = await till.of(EVE), await till.balance(EVE)
    assert codes(await block(till, eve, EVE, "VACATION")) == []
    assert await till.balance(EVE) == before - 3000
    assert codes(await block(till, eve, EVE, "VACATION")) == ["LINE_BLOCKED"]
    assert await till.balance(EVE) == before - 3000
    assert await unblock(till, eve, EVE) == []
    served_with(till, fee=Money(10**9, till.profiles["beeline"].operator.currency).amount)
    assert codes(await block(till, eve, EVE, "VACATION")) == ["INSUFFICIENT_FUNDS"]
    assert await till.value("select status from line where msisdn = $1", NUMBER(EVE)) == "ACTIVE"
    assert codes(await block(till, eve, EVE, "LOST")) == []


async def test_e63_a_household_whose_blocks_are_undone_twice_blocks_no_more(till: Till) -> None:
    await till.rows(RULES)
    bob, granny = await till.of(BOB), await till.of(GRANNY)
    for _ in range(2):
        assert codes(await block(till, bob, GRANNY)) == []
        assert await unblock(till, granny, GRANNY) == []
    assert codes(await block(till, bob, GRANNY)) == ["FORBIDDEN"]
    assert await till.value("select count(*) from audit_event where action = 'BLOCK_RIGHT_LOST'") == 1
    # Their own block is nobody's malice.
    assert codes(await block(till, granny, GRANNY)) == []


async def test_e63_the_proof_comes_by_another_channel(till: Till) -> None:
    granny = await till.of(GRANNY)
    await block(till, granny, GRANNY)
    assert codes((await granny.data(STEP_UP))["requestStepUp"]) == ["LOGIN_METHOD_DISABLED"]
    await till.rows(
        "insert into contact (operator, user_id, kind, value, verified_at) select 'beeline', user_id, 'EMAIL', $2, "
        "now() - interval '2 days' from login where value = $1", NUMBER(GRANNY), "granny@example.org",
    )  # fmt: skip
    assert (await granny.data(STEP_UP))["requestStepUp"]["challenge"] == {"channel": "EMAIL"}
    [(to,)] = await till.rows("select body->>'to' from outbox where body->>'code' is not null")
    assert to == "granny@example.org"


async def test_e64_a_lost_sim_gets_no_code_and_the_answer_does_not_say_so(till: Till) -> None:
    visitor, granny = till.anybody.of("beeline"), await till.of(GRANNY)
    await visitor.data(REQUEST_CODE, identifier=NUMBER(GRANNY))
    await block(till, granny, GRANNY, "STOLEN")
    running = "select count(*) from challenge where target = $1 and expires_at > now()"
    assert await till.value(running, NUMBER(GRANNY)) == 0
    await till.rows("update challenge set created_at = created_at - interval '10 minutes'")
    answer = (await visitor.data(REQUEST_CODE, identifier=NUMBER(GRANNY)))["requestSignInCode"]
    assert (answer["userErrors"], answer["challenge"]["attemptsLeft"]) == ([], 5)
    kinds = "select kind from outbox where body->>'code' is not null order by id"
    assert await till.rows(kinds) == [("sms",), ("void",)]
    assert await unblock(till, granny, GRANNY) == []
    await till.rows("update challenge set created_at = created_at - interval '10 minutes'")
    signed_in, _ = await sign_in_by_code(till, GRANNY)
    assert signed_in["userErrors"] == []
    assert not await tx(lambda connection: is_lost(connection, "beeline", NUMBER(GRANNY)))


@pytest.mark.parametrize("locks", [True, False])
async def test_f124_the_cabinet_goes_with_the_number_where_the_profile_says_so(till: Till, locks: bool) -> None:
    served_with(till, also_locks_cabinet=locks)
    here, elsewhere = await till.of(EVE), await till.of(EVE)
    await block(till, here, EVE)
    # Whoever said so can take it back; a thief's session is over.
    assert (await here.data("{ viewer { id } }"))["viewer"] is not None
    assert ((await elsewhere.data("{ viewer { id } }"))["viewer"] is None) == locks
    sign_in = (
        'mutation { signInWithPassword(input: {identifier: "%s", password: "Hearth2026"}) { userErrors { code } } }'
    )
    answer = (await till.anybody.of("beeline").data(sign_in % NUMBER(EVE)))["signInWithPassword"]
    assert codes(answer) == (["LINE_BLOCKED"] if locks else [])


async def test_f124_a_manager_does_not_shut_the_user_out(till: Till) -> None:
    served_with(till, also_locks_cabinet=True)
    await till.rows(RULES)
    granny = await till.of(GRANNY)
    assert codes(await block(till, await till.of(BOB), GRANNY)) == []
    assert await unblock(till, granny, GRANNY) == []
