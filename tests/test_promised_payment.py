"""Promised payments (F081, E48): who may take one, how often, and how it comes back."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import Funds
from domain.profile import Profile
from domain.promised_payment import MONTHS, offers, repayment
from models.database import tx
from services import promised_payment
from tests.cabinet import Cabinet
from tests.ledger import posted, top_up
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

STATE = """
query ($id: ID!) {
  node(id: $id) { ... on Line { promisedPayment {
    available reason offers { id amount { amount } fee { amount } days } active { amount { amount } dueAt }
  } } }
}
"""
TAKE = """
mutation ($key: ID!, $line: ID!, $offer: ID!) {
  takePromisedPayment(input: {idempotencyKey: $key, lineId: $line, offerId: $offer}) {
    line { balance { available { amount } } promisedPayment { available reason active { amount { amount } } } }
    userErrors { __typename code field message }
  }
}
"""
TOP_UP = """
mutation ($key: ID!, $line: ID!, $amount: Decimal!) {
  topUp(input: {idempotencyKey: $key, target: {lineId: $line}, amount: {amount: $amount, currency: RUB},
    method: CARD, token: "tok_mir_2204"}) { payment { status } userErrors { code message } }
}
"""
FIFTY = "5000-500-3"


async def state(cabinet: Cabinet, line: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (await cabinet.data(STATE, id=line))["node"]["promisedPayment"]
    return found


async def take(cabinet: Cabinet, line: str, key: str = "promise-1", offer: str = FIFTY) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(TAKE, key=key, line=line, offer=offer))["takePromisedPayment"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def due(till: Till) -> None:
    """The day has come, and somebody looks."""
    await till.rows("update promised_payment set look_at = now(), taken_at = now() - interval '4 days', due_at = now()")
    assert await promised_payment.collect(till.profiles) == 1


async def test_f081_number_user_takes_what_is_offered_and_a_top_up_gives_it_back(till: Till) -> None:
    await till.spend(ANN, 30_000)
    ann, line = await till.of(ANN), await till.line(ANN)
    before = await state(ann, line)
    assert before is not None
    assert (before["available"], before["reason"], before["active"]) == (True, None, None)
    assert [(each["amount"]["amount"], each["fee"]["amount"], each["days"]) for each in before["offers"]] == [
        ("50.00", "5.00", 3),
        ("100.00", "10.00", 3),
    ]

    payload = await take(ann, line, offer=before["offers"][1]["id"])
    assert payload["userErrors"] == []
    assert payload["line"]["balance"]["available"]["amount"] == "200.50"
    owed = {"available": False, "reason": "PROMISED_PAYMENT_UNAVAILABLE", "active": {"amount": {"amount": "100.00"}}}
    assert payload["line"]["promisedPayment"] == owed
    assert await till.balance(ANN, "PROMISED") == -11_000
    [told] = await till.sent_to(ANN)
    assert "100.00 RUB" in told
    assert "110.00 RUB" in told

    paid = (await ann.data(TOP_UP, key="top-up-1", line=line, amount="150"))["topUp"]
    assert (paid["payment"], paid["userErrors"]) == ({"status": "COMPLETED"}, [])
    assert (await till.balance(ANN), await till.balance(ANN, "PROMISED")) == (20_050 + 15_000 - 11_000, 0)
    after = await state(ann, line)
    assert after is not None
    assert (after["available"], after["active"]) == (True, None)
    actions = "select action from audit_event where action like 'PROMISED%' order by id"
    assert await till.rows(actions) == [("PROMISED_PAYMENT_TAKEN",), ("PROMISED_PAYMENT_REPAID",)]


@pytest.mark.parametrize(
    ("who", "whose", "answer"),
    [
        (ANN, CID, []),  # the owner of a child's household
        (CID, CID, []),
        (BOB, CID, ["FORBIDDEN"]),  # manages it
        (BOB, GRANNY, ["FORBIDDEN"]),
        (ANN, GRANNY, ["FORBIDDEN"]),
        (VERA, GRANNY, ["FORBIDDEN"]),
        (EVE, GRANNY, ["NOT_FOUND"]),
        (CID, ANN, ["NOT_FOUND"]),
    ],
)
async def test_e48_only_the_user_of_a_number_and_the_owner_of_a_childs_household(
    till: Till, who: int, whose: int, answer: list[str]
) -> None:
    await till.spend(whose, 15_000)
    payload = await take(await till.of(who), await till.line(whose))
    assert codes(payload) == answer
    assert await till.balance(whose, "PROMISED") == (0 if answer else -5_500)


async def test_e48_a_session_that_the_network_opened_takes_none(till: Till) -> None:
    await till.spend(ANN, 15_000)
    assert codes(await take(await till.of(ANN, "PARTIAL"), await till.line(ANN))) == ["FORBIDDEN"]


async def test_f081_manager_is_told_that_it_is_not_theirs_and_a_stranger_nothing(till: Till) -> None:
    await till.spend(GRANNY, 15_000)
    seen = await state(await till.of(BOB), await till.line(GRANNY))
    assert seen == {"available": False, "reason": "FORBIDDEN", "offers": [], "active": None}
    assert (await (await till.of(EVE)).data(STATE, id=await till.line(GRANNY)))["node"] is None


async def test_f081_fifty_at_once_give_one(till: Till) -> None:
    await till.spend(CID, 15_000)
    line, owner, child = await till.line(CID), await till.of(ANN), await till.of(CID)
    answers = await asyncio.gather(*(take((owner, child)[n % 2], line, f"promise-{n}") for n in range(50)))
    assert sorted(map(codes, answers)) == [[]] + [["PROMISED_PAYMENT_UNAVAILABLE"]] * 49
    assert (await till.balance(CID), await till.balance(CID, "PROMISED")) == (10_250 + 5_000, -5_500)


async def test_f081_repetitions_at_once_are_one_and_all_answered_alike(till: Till) -> None:
    await till.spend(ANN, 15_000)
    line, ann = await till.line(ANN), await till.of(ANN)
    answers = await asyncio.gather(*(take(ann, line) for _ in range(20)))
    assert [codes(answer) for answer in answers] == [[]] * 20
    assert await till.balance(ANN, "PROMISED") == -5_500
    assert codes(await take(ann, line, offer="10000-1000-3")) == ["IDEMPOTENCY_CONFLICT"]


@pytest.mark.parametrize("offer", ["", "5000-0-3", "10000-1000-3", "5000-500-99", "x" * 5000, "\0"])
async def test_f081_only_what_is_offered_now_can_be_taken(till: Till, offer: str) -> None:
    await till.spend(ANN, 15_000)
    payload = await take(await till.of(ANN), await till.line(ANN), offer=offer)
    assert codes(payload) == ["PROMISED_PAYMENT_UNAVAILABLE"]
    assert await till.rows("select 1 from promised_payment") == []


@pytest.mark.parametrize("key", ["", "short", "k" * 65, "ключ-платежа"])
async def test_f081_key_is_the_clients_name_of_one_promise(till: Till, key: str) -> None:
    assert codes(await take(await till.of(ANN), await till.line(ANN), key)) == ["INVALID_INPUT"]


async def test_f081_who_never_spent_is_not_trusted_and_who_has_left_neither(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    assert codes(await take(ann, line)) == ["PROMISED_PAYMENT_UNAVAILABLE"]
    await till.spend(ANN, 15_000)
    await till.rows("update contract set status = 'TERMINATED' where number = $1", f"C{ANN}")
    assert codes(await take(ann, line)) == ["ACCOUNT_TERMINATED"]


async def test_f081_small_credits_pay_it_back_bit_by_bit(till: Till) -> None:
    await till.spend(ANN, 15_000)
    account = await till.account(ANN)
    await take(await till.of(ANN), await till.line(ANN))
    await till.rows("update ledger_account set reserved = balance where account_id = $1 and kind = 'PERSONAL'", account)

    async def credit(minor: int, key: str) -> None:
        await posted(top_up(account, minor, key))

        async def back(connection: BaseDBAsyncClient) -> None:
            await promised_payment.repay(connection, account)

        await tx(back)

    await credit(2_000, "a")
    assert await till.balance(ANN, "PROMISED") == -3_500
    await credit(3_499, "b")
    assert await till.value("select repaid_at is null from promised_payment") is True
    await credit(100, "c")
    assert await till.balance(ANN, "PROMISED") == 0
    assert await till.rows("select repayments, repaid_at is null, look_at from promised_payment") == [(3, False, None)]


async def test_f081_what_is_due_is_taken_down_to_the_floor_and_the_rest_from_later_credits(till: Till) -> None:
    await till.spend(ANN, 15_000)
    await take(await till.of(ANN), await till.line(ANN))
    # All but 30 roubles was spent meanwhile.
    account = await till.account(ANN)
    await till.rows(
        "update ledger_account set reserved = balance - 3000 where account_id = $1 and kind = 'PERSONAL'", account
    )
    await due(till)
    assert await till.balance(ANN, "PROMISED") == -2_500
    await due(till)
    assert await till.balance(ANN, "PROMISED") == -2_500
    await posted(top_up(account, 9_900))
    await due(till)
    assert await till.balance(ANN, "PROMISED") == 0
    assert await promised_payment.collect(till.profiles) == 0


async def test_f081_collectors_and_credits_at_once_take_it_once(till: Till) -> None:
    await till.spend(ANN, 15_000)
    ann, line, account = await till.of(ANN), await till.line(ANN), await till.account(ANN)
    await take(ann, line)

    async def back(connection: BaseDBAsyncClient) -> None:
        await promised_payment.repay(connection, account)

    paid = (ann.data(TOP_UP, key=f"top-up-{n}", line=line, amount="100") for n in range(4))
    await asyncio.gather(*paid, *(tx(back) for _ in range(12)))
    assert (await till.balance(ANN), await till.balance(ANN, "PROMISED")) == (10_050 + 5_000 + 40_000 - 5_500, 0)


async def test_f081_where_it_is_not_offered(till: Till, profiles: Mapping[str, Profile]) -> None:
    for name, profile in profiles.items():
        offered = bool(offers(profile, 10**9))
        assert offered == profile.payments.promised_payment, name


@given(charged=st.integers(-(10**9), 10**9))
def test_f081_offers_follow_what_an_ordinary_month_costs(profiles: Mapping[str, Profile], charged: int) -> None:
    for profile in profiles.values():
        for offer in offers(profile, charged):
            assert 0 < offer.amount.minor * MONTHS <= charged
            assert 0 <= offer.fee.minor <= offer.amount.minor
        # Who spends more is never trusted with less.
        assert set(offers(profile, charged)) <= set(offers(profile, charged + 1))


@given(
    owed=st.integers(0, 10**9),
    balance=st.integers(-(10**9), 10**9),
    reserved=st.integers(0, 10**6),
    limit=st.integers(0, 10**6),
)
def test_f081_repayment_is_never_more_than_is_owed_nor_below_the_floor(
    owed: int, balance: int, reserved: int, limit: int
) -> None:
    funds = Funds(balance, reserved, limit, min(-limit, balance - reserved))
    paid = repayment(owed, funds)
    assert 0 <= paid <= owed
    assert funds.after(-paid) is not None
    # All of it, or all that can be spent.
    assert paid == owed or funds.after(-paid - 1) is None
