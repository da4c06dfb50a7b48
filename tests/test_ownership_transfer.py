"""Handing a household over: two sides, one at a time, one owner at every moment (F052; I1, I2, E29, E30)."""

import asyncio
import os
import random
from typing import Any

import asyncpg
import pytest

from services import ownership_transfer
from tests import family
from tests.cabinet import Cabinet
from tests.household import OWNERS, do, done, households, member, proven, refused, smiths
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

CHILD_OF_EVES = """
with h as (insert into household (operator, name, created_at) values ('beeline', 'Eves', now()) returning id)
insert into membership (household_id, user_id, role, status, joined_at, birth_date)
select h.id, l.user_id, case l.msisdn when $1 then 'OWNER' else 'CHILD' end, 'ACTIVE', now(),
  case l.msisdn when $2 then current_date - 3650 end
from h, line l where l.msisdn in ($1, $2) returning id
"""
ROLES = "select role, status from membership m join app_user u on u.id = m.user_id where u.display_name = $1"


async def asked(till: Till) -> tuple[str, str]:
    """Ann asks Bob: the transfer's id, and the code that Bob reads."""
    ann = await proven(till, ANN)
    payload = await done(
        ann, "requestOwnershipTransfer", householdId=await smiths(till), toMemberId=await member(till, "bob")
    )
    return payload["transfer"]["id"], await till.code()


async def challenge(bob: Cabinet) -> str:
    """The challenge that the new owner finds in the household."""
    [found] = await households(bob)
    key: str = found["pendingTransfer"]["challengeId"]
    return key


async def accepted(till: Till) -> str:
    transfer, code = await asked(till)
    bob = await till.of(BOB)
    await done(bob, "acceptOwnershipTransfer", transferId=transfer, challengeId=await challenge(bob), code=code)
    return transfer


async def due(till: Till) -> int:
    await till.rows("update ownership_transfer set effective_at = now() where accepted_at is not null")
    return await ownership_transfer.complete_due(till.profiles)


async def test_f052_both_sides_and_a_day_later_the_household_changes_hands(till: Till) -> None:
    number = family.number("beeline", GRANNY)
    await till.rows("update number_link set requester_id = (select user_id from login where value = $1)",
                    family.number("beeline", ANN))  # fmt: skip
    transfer = await accepted(till)
    assert await ownership_transfer.complete_due(till.profiles) == 0
    assert await till.rows(ROLES, "Ann") == [("OWNER", "ACTIVE")]
    [seen] = await households(await till.of(ANN))
    assert seen["pendingTransfer"]["id"] == transfer
    assert seen["pendingTransfer"]["challengeId"] is None
    assert seen["pendingTransfer"]["to"]["displayName"] == "Bob"
    assert [found["pendingTransfer"] for found in await households(await till.of(VERA))] == [None]
    assert await due(till) == 1
    assert await till.rows(ROLES, "Ann") == [("ADULT", "ACTIVE")]
    assert await till.rows(ROLES, "Bob") == [("OWNER", "ACTIVE")]
    assert await due(till) == 0
    # Links stay, and who agreed with Ann by name is told.
    assert await till.value("select count(*) from number_link where status = 'ACTIVE'") == 2
    assert family.number("beeline", GRANNY) == number
    assert "Bob теперь владелец" in (await till.sent_to(GRANNY))[-1]
    events = [
        action
        for (action,) in await till.rows("select action from audit_event where household_id is not null order by id")
    ]
    assert events == ["OWNERSHIP_TRANSFER_REQUESTED", "OWNERSHIP_TRANSFER_ACCEPTED", "OWNERSHIP_TRANSFERRED"]


async def test_f052_it_needs_a_fresh_proof_an_adult_and_a_number(till: Till) -> None:
    household, bob = await smiths(till), await member(till, "bob")
    given = {"householdId": household, "toMemberId": bob}
    assert await refused(await till.of(ANN), "requestOwnershipTransfer", **given) == "STEP_UP_REQUIRED"
    ann = await proven(till, ANN)
    for name, code in (("cid", "MINOR_NOT_ALLOWED"), ("vera", "FORBIDDEN"), ("ann", "FORBIDDEN")):
        given["toMemberId"] = await member(till, name)
        assert await refused(ann, "requestOwnershipTransfer", **given) == code
    for nobody in ("nonsense", household):
        given["toMemberId"] = nobody
        assert await refused(ann, "requestOwnershipTransfer", **given) == "NOT_FOUND"
    await till.rows("update login set kind = 'CUSTOM_LOGIN' where value = $1", family.number("beeline", BOB))
    assert await refused(ann, "requestOwnershipTransfer", householdId=household, toMemberId=bob) == "FORBIDDEN"


async def test_e29_one_transfer_at_a_time(till: Till) -> None:
    transfer, _ = await asked(till)
    ann = await proven(till, ANN)
    given = {"householdId": await smiths(till), "toMemberId": await member(till, "bob")}
    assert await refused(ann, "requestOwnershipTransfer", **given) == "CONFLICT"
    await done(ann, "cancelOwnershipTransfer", transferId=transfer)
    both = await asyncio.gather(*(do(ann, "requestOwnershipTransfer", **given) for _ in range(2)))
    assert sorted(len(payload["userErrors"]) for payload in both) == [0, 1]
    assert await till.value("select count(*) from ownership_transfer where cancelled_at is null") == 1


async def test_f052_the_code_is_the_new_owners_alone(till: Till) -> None:
    transfer, code = await asked(till)
    ann, bob = await till.of(ANN), await till.of(BOB)
    key = await challenge(bob)
    wrong = str((int(code) + 1) % 10 ** len(code)).zfill(len(code))
    given = {"transferId": transfer, "challengeId": key, "code": code}
    for index in (ANN, VERA, EVE):
        assert await refused(await till.of(index), "acceptOwnershipTransfer", **given) == "NOT_FOUND"
    assert await refused(bob, "acceptOwnershipTransfer", **{**given, "code": wrong}) == "CODE_INVALID"
    assert await refused(bob, "acceptOwnershipTransfer", **{**given, "challengeId": "nonsense"}) == "CODE_INVALID"
    assert await refused(bob, "acceptOwnershipTransfer", **{**given, "transferId": "nonsense"}) == "NOT_FOUND"
    assert await refused(ann, "requestOwnershipTransferCode", transferId=transfer) == "NOT_FOUND"
    await done(bob, "acceptOwnershipTransfer", **given)
    assert await refused(bob, "acceptOwnershipTransfer", **given) == "NOT_FOUND"
    # Another code for a transfer that waits, once the pause is over.
    await done(ann, "cancelOwnershipTransfer", transferId=transfer)
    await till.rows("update challenge set created_at = now() - interval '10 minutes', expires_at = now()")
    transfer, old = await asked(till)
    await till.rows("update challenge set created_at = now() - interval '10 minutes', expires_at = now()")
    assert (await done(bob, "requestOwnershipTransferCode", transferId=transfer))["challenge"] is not None
    key = await challenge(bob)
    await done(bob, "acceptOwnershipTransfer", transferId=transfer, challengeId=key, code=await till.code())
    assert old


@pytest.mark.parametrize("side", [ANN, BOB])
async def test_f161_either_side_takes_it_back_until_it_is_in_effect(till: Till, side: int) -> None:
    transfer = await accepted(till)
    assert await refused(await till.of(VERA), "cancelOwnershipTransfer", transferId=transfer) == "NOT_FOUND"
    await till.rows("update ownership_transfer set effective_at = now()")
    assert await refused(await till.of(side), "cancelOwnershipTransfer", transferId=transfer) == "CONFLICT"
    await till.rows("update ownership_transfer set effective_at = now() + interval '1 minute'")
    await done(await till.of(side), "cancelOwnershipTransfer", transferId=transfer)
    assert await refused(await till.of(side), "cancelOwnershipTransfer", transferId=transfer) == "NOT_FOUND"
    assert await due(till) == 0
    assert await till.rows(ROLES, "Ann") == [("OWNER", "ACTIVE")]


@pytest.mark.parametrize("index", [ANN, BOB])
async def test_e30_a_new_sim_on_either_side_voids_it(till: Till, index: int) -> None:
    swap = "update line set sim_changed_at = now() where msisdn = $1"
    transfer, code = await asked(till)
    bob = await till.of(BOB)
    key = await challenge(bob)
    await till.rows(swap, family.number("beeline", index))
    given = {"transferId": transfer, "challengeId": key, "code": code}
    assert await refused(bob, "acceptOwnershipTransfer", **given) == "COOLDOWN_ACTIVE"
    assert await refused(bob, "acceptOwnershipTransfer", **given) == "NOT_FOUND"
    ann = await proven(till, ANN)
    asking = {"householdId": await smiths(till), "toMemberId": await member(till, "bob")}
    assert await refused(ann, "requestOwnershipTransfer", **asking) == "COOLDOWN_ACTIVE"
    # And after it was accepted, in the time until it is in effect.
    await till.rows("update line set sim_changed_at = null")
    await till.rows("update challenge set created_at = now() - interval '10 minutes', expires_at = now()")
    await accepted(till)
    await till.rows(swap, family.number("beeline", index))
    assert await due(till) == 1
    assert await till.rows(ROLES, "Ann") == [("OWNER", "ACTIVE")]
    assert await till.value("select count(*) from ownership_transfer where cancelled_at is null") == 0


@pytest.mark.parametrize("what", ["leaves", "is removed", "is a viewer", "does not answer"])
async def test_i2_it_falls_when_the_new_owner_is_an_adult_of_it_no_longer(till: Till, what: str) -> None:
    if what == "does not answer":
        await asked(till)
        await till.rows("update ownership_transfer set expires_at = now()")
    else:
        await accepted(till)
    bob = await member(till, "bob")
    if what == "leaves":
        await done(await till.of(BOB), "leaveHousehold", householdId=await smiths(till))
    elif what == "is removed":
        await done(await till.of(ANN), "removeMember", memberId=bob)
    elif what == "is a viewer":
        await done(await till.of(ANN), "changeMemberRole", memberId=bob, role="VIEWER")
    await due(till)
    assert await till.rows(ROLES, "Ann") == [("OWNER", "ACTIVE")]
    assert await till.value("select count(*) from ownership_transfer where cancelled_at is null") == 0


async def test_i2_a_child_of_another_household_owns_none(till: Till) -> None:
    await till.rows(CHILD_OF_EVES, family.number("beeline", EVE), family.number("beeline", BOB))
    ann, bob = await proven(till, ANN), await member(till, "bob")
    for name, to in (("requestOwnershipTransfer", "toMemberId"), ("nominateSuccessor", "memberId")):
        told = await refused(ann, name, householdId=await smiths(till), **{to: bob})
        assert told == "MINOR_NOT_ALLOWED"


async def test_i1_the_database_lets_no_household_lose_its_owner(till: Till) -> None:
    for change in ("role = 'ADULT'", "status = 'LEFT'"):
        with pytest.raises(asyncpg.CheckViolationError, match="has no owner"):
            await till.rows(f"update membership set {change} where role = 'OWNER'")
    with pytest.raises(asyncpg.CheckViolationError, match="has no owner"):
        await till.rows("delete from membership where role = 'OWNER'")
    with pytest.raises(asyncpg.UniqueViolationError):
        await till.rows("update membership set role = 'OWNER' where role = 'ADULT'")


async def race(till: Till, rounds: int) -> None:
    """Everything that touches owners at once, while somebody else counts them without a pause."""
    household = await till.value("select id from household where ref = 'smiths'")
    watcher = await asyncpg.connect(till.url)
    seen: set[int] = set()
    over = asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            seen.add(await watcher.fetchval(OWNERS, household))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    people = {index: await proven(till, index) for index in (ANN, BOB)}
    ids = {index: await member(till, name) for index, name in ((ANN, "ann"), (BOB, "bob"))}
    house, changed = await smiths(till), 0
    try:
        for turn in range(rounds):
            owner = await till.value("select case when u.display_name = 'Ann' then 0 else 3 end from membership m "
                                     "join app_user u on u.id = m.user_id where m.role = 'OWNER'")  # fmt: skip
            other = BOB if owner == ANN else ANN
            await till.rows("update membership set status = 'ACTIVE', role = 'ADULT' where role <> 'OWNER' "
                            "and user_id = (select user_id from login where value = $1)",
                            family.number("beeline", other))  # fmt: skip
            await till.rows("update ownership_transfer set cancelled_at = now() where cancelled_at is null "
                            "and done_at is null")  # fmt: skip
            await till.rows("truncate counter, challenge")
            asking = {"householdId": house, "toMemberId": ids[other]}
            made = (await done(people[owner], "requestOwnershipTransfer", **asking))["transfer"]["id"]
            given = {"transferId": made, "challengeId": await challenge(people[other]), "code": await till.code()}
            await done(people[other], "acceptOwnershipTransfer", **given)
            await till.rows("update ownership_transfer set effective_at = now() where done_at is null "
                            "and cancelled_at is null")  # fmt: skip
            moves: list[Any] = [
                ownership_transfer.complete_due(till.profiles),
                ownership_transfer.complete_due(till.profiles),
                do(people[owner], "leaveHousehold", householdId=house),
                do(people[other], "removeMember", memberId=ids[owner]),
            ]
            if turn % 2:
                moves += [
                    do(people[other], "leaveHousehold", householdId=house),
                    do(people[owner], "removeMember", memberId=ids[other]),
                    do(people[owner], "cancelOwnershipTransfer", transferId=made),
                ]
            random.Random(turn).shuffle(moves)
            for answer in await asyncio.gather(*moves):
                assert isinstance(answer, int) or len(answer["userErrors"]) <= 1
            assert await till.value(OWNERS, household) == 1
            changed += await till.value("select count(*) from ownership_transfer where id = $1 and done_at is not null",
                                        await till.value("select max(id) from ownership_transfer"))  # fmt: skip
    finally:
        over.set()
        await watching
        await watcher.close()
    assert seen == {1}, "never none and never two, not even between two statements"
    assert changed, "some handover won"


async def test_i1_e29_one_owner_whatever_happens_at_once(till: Till) -> None:
    await race(till, 200 if os.environ.get("HEARTH_PROVE") else 10)


async def test_f052_children_stay_children_through_a_handover(till: Till) -> None:
    await accepted(till)
    await due(till)
    for index, role in ((CID, "CHILD"), (VERA, "VIEWER")):
        assert [found["myRole"] for found in await households(await till.of(index))] == [role]
