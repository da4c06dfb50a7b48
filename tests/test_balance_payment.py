"""Paying from the balance of one's own number (F082): whose money, with what proof, and how much of it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.balance_payment import giveable
from domain.ledger import Funds
from models.database import tx
from services import payment_recovery, promised_payment
from services.ledger import set_credit_limit
from tests import family
from tests.cabinet import Cabinet
from tests.ledger import posted, rub, top_up
from tests.test_promised_payment import TAKE
from tests.till import ANN, BOB, CID, EVE, GRANNY, Till

PAY = """
mutation ($key: ID!, $from: ID!, $target: PaymentTargetInput!, $amount: Decimal!) {
  payFromBalance(input: {idempotencyKey: $key, fromLineId: $from, target: $target,
    amount: {amount: $amount, currency: RUB}}) {
    payment { id kind status method targetMasked fee { amount } confirmation { kind challengeId redirectUrl } }
    userErrors { __typename code field ... on BalanceTooLow { available { amount } } }
  }
}
"""
CONFIRM = """
mutation ($challenge: ID!, $code: String!) {
  confirmPayment(input: {challengeId: $challenge, code: $code}) {
    payment { id status failure { code } } userErrors { code }
  }
}
"""
CANCEL = """
mutation ($payment: ID!) {
  cancelPayment(input: {paymentId: $payment}) { payment { status } userErrors { code } }
}
"""
HISTORY = "{ viewer { payments(filter: {kinds: [FROM_BALANCE]}) { edges { node { kind status paidByViewer } } } } }"


def to(index: int) -> dict[str, str]:
    return {"msisdn": family.number("beeline", index)}


async def pay(
    cabinet: Cabinet, line: str, target: dict[str, str], amount: str = "100", key: str = "balance-1"
) -> dict[str, Any]:
    told = {"key": key, "from": line, "target": target, "amount": amount}
    payload: dict[str, Any] = (await cabinet.data(PAY, **told))["payFromBalance"]
    return payload


async def confirm(cabinet: Cabinet, begun: dict[str, Any], code: str) -> dict[str, Any]:
    challenge = begun["payment"]["confirmation"]["challengeId"]
    payload: dict[str, Any] = (await cabinet.data(CONFIRM, challenge=challenge, code=code))["confirmPayment"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_f082_money_moves_when_the_code_comes_back(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = await pay(ann, line, to(EVE))
    assert begun["userErrors"] == []
    assert begun["payment"] | {"id": None} == {
        "id": None, "kind": "FROM_BALANCE", "status": "AWAITING_CONFIRMATION", "method": "MOBILE_BALANCE",
        "targetMasked": "***1005", "fee": {"amount": "0.00"},
        "confirmation": {**begun["payment"]["confirmation"], "kind": "SMS_CODE", "redirectUrl": None},
    }  # fmt: skip
    assert (await till.balance(ANN), await till.balance(EVE)) == (10_050, 10_550)
    # The code goes to the number that pays.
    assert len(await till.sent_to(ANN)) == 1

    paid = await confirm(ann, begun, await till.code())
    assert (paid["payment"]["status"], paid["userErrors"]) == ("COMPLETED", [])
    assert (await till.balance(ANN), await till.balance(EVE)) == (50, 20_550)
    own = {"kind": "FROM_BALANCE", "status": "COMPLETED", "paidByViewer": True}
    assert (await ann.data(HISTORY))["viewer"]["payments"]["edges"] == [{"node": own}]
    theirs = (await (await till.of(EVE)).data(HISTORY))["viewer"]["payments"]["edges"]
    assert theirs == [{"node": {**own, "paidByViewer": False}}]
    kinds = "select kind from ledger_transfer where key like 'payment:%'"
    assert await till.rows(kinds) == [("BETWEEN",)]


async def test_f082_wrong_foreign_and_repeated_codes_move_nothing_more(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = await pay(ann, line, to(EVE))
    code = await till.code()
    wrong = f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"
    assert codes(await confirm(ann, begun, wrong)) == ["CODE_INVALID"]
    assert codes(await confirm(await till.of(EVE), begun, code)) == ["CODE_INVALID"]
    answers = await asyncio.gather(*(confirm(ann, begun, code) for _ in range(10)))
    assert sorted(map(codes, answers)) == [[]] + [["CODE_ALREADY_USED"]] * 9
    assert await till.balance(EVE) == 20_550


async def test_e46_a_repetition_finds_its_payment_whatever_became_of_the_payee(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = await pay(ann, line, to(EVE))
    paid = await confirm(ann, begun, await till.code())
    assert paid["payment"]["status"] == "COMPLETED"
    await till.rows("update line set msisdn = null, service_point = 'gone' where msisdn = $1",
                    family.number("beeline", EVE))  # fmt: skip
    again = await pay(ann, line, to(EVE), amount="100.00")
    assert (again["payment"]["id"], again["payment"]["status"]) == (begun["payment"]["id"], "COMPLETED")
    assert codes(await pay(ann, line, to(EVE), amount="120")) == ["IDEMPOTENCY_CONFLICT"]


@pytest.mark.parametrize(
    ("who", "whose", "answer"),
    [(BOB, GRANNY, "FORBIDDEN"), (ANN, CID, "FORBIDDEN"), (CID, CID, "APPROVAL_REQUIRED"), (EVE, ANN, "NOT_FOUND")],
)
async def test_f082_to_pay_for_a_number_is_not_to_spend_its_money(
    till: Till, who: int, whose: int, answer: str
) -> None:
    payload = await pay(await till.of(who), await till.line(whose), to(EVE))
    assert (codes(payload), payload["payment"]) == ([answer], None)
    assert await till.rows("select 1 from payment") == []


async def test_f082_a_session_that_the_network_opened_spends_nothing(till: Till) -> None:
    payload = await pay(await till.of(ANN, "PARTIAL"), await till.line(ANN), to(EVE))
    assert codes(payload) == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("amount", "answer"),
    [
        ("100.51", "INSUFFICIENT_FUNDS"),
        ("99.99", "AMOUNT_TOO_SMALL"),
        ("15000.01", "AMOUNT_TOO_LARGE"),
        ("-100", "AMOUNT_TOO_SMALL"),
    ],
)
async def test_f082_amounts_have_the_limits_of_top_ups_and_of_the_balance(till: Till, amount: str, answer: str) -> None:
    payload = await pay(await till.of(ANN), await till.line(ANN), to(EVE), amount)
    assert codes(payload) == [answer]
    if answer == "INSUFFICIENT_FUNDS":
        assert payload["userErrors"][0]["available"] == {"amount": "100.50"}
    assert await till.rows("select 1 from payment") == []


async def test_f082_not_to_itself_not_to_nobody_not_elsewhere(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    assert codes(await pay(ann, line, to(ANN))) == ["INVALID_INPUT"]
    assert codes(await pay(ann, line, {"msisdn": "79039999999"})) == ["NOT_FOUND"]
    assert codes(await pay(ann, "no id", to(EVE))) == ["NOT_FOUND"]


async def test_f082_neither_credit_nor_trust_can_be_given_away(till: Till) -> None:
    await till.spend(ANN, 15_000)
    ann, line, account = await till.of(ANN), await till.line(ANN), await till.account(ANN)

    async def credit(connection: BaseDBAsyncClient) -> None:
        await set_credit_limit(connection, "beeline", account, rub(100_000))

    await tx(credit)
    taken = (await ann.data(TAKE, key="promise-1", line=line, offer="5000-500-3"))["takePromisedPayment"]
    assert taken["userErrors"] == []
    payload = await pay(ann, line, to(EVE), "150")
    assert payload["userErrors"][0]["available"] == {"amount": "95.50"}


async def test_f082_what_was_spent_before_the_code_came_back_is_not_there(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = await pay(ann, line, to(EVE))
    await till.rows("update ledger_account set reserved = 5000 where account_id = $1", await till.account(ANN))
    paid = await confirm(ann, begun, await till.code())
    assert paid["payment"]["status"] == "DECLINED"
    assert paid["payment"]["failure"] == {"code": "INSUFFICIENT_FUNDS"}
    assert (await till.balance(ANN), await till.balance(EVE)) == (10_050, 10_550)


async def test_f082_a_number_that_changed_hands_meanwhile_pays_nothing(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = await pay(ann, line, to(EVE))
    await till.rows("update line set user_id = null where msisdn = $1", family.number("beeline", ANN))
    paid = await confirm(ann, begun, await till.code())
    assert paid["payment"]["failure"] == {"code": "PAYMENT_RESTRICTED"}
    assert await till.balance(EVE) == 10_550


async def test_f082_repetitions_at_once_are_one_payment_and_one_message(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    answers = await asyncio.gather(*(pay(ann, line, to(EVE)) for _ in range(20)))
    assert {answer["payment"]["id"] for answer in answers} == {answers[0]["payment"]["id"]}
    assert len(await till.sent_to(ANN)) == 1
    assert codes(await pay(ann, line, to(BOB))) == ["IDEMPOTENCY_CONFLICT"]


async def test_f082_a_code_confirms_the_payment_it_was_sent_for_and_no_other(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    first = await pay(ann, line, to(EVE))
    code = await till.code()
    second = await pay(ann, line, to(BOB), key="balance-2")
    assert codes(second) == []
    assert codes(await confirm(ann, second, code)) == ["CODE_INVALID"]
    await confirm(ann, first, code)
    assert (await till.balance(EVE), await till.balance(BOB)) == (20_550, 10_350)


async def test_f082_balance_is_spent_once_by_payments_that_are_confirmed_at_once(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = []
    for n in range(4):
        await till.rows("update challenge set created_at = now() - interval '2 minutes'")
        await till.rows("truncate counter")
        payload = await pay(ann, line, to((EVE, BOB)[n % 2]), key=f"balance-{n}")
        begun.append((payload, await till.code()))
        # A new code ends the one before it; here all of them are to be right.
        await till.rows("update challenge set expires_at = now() + interval '5 minutes'")
    paid = await asyncio.gather(*(confirm(ann, payload, code) for payload, code in begun))
    assert sorted(each["payment"]["status"] for each in paid) == ["COMPLETED", "DECLINED", "DECLINED", "DECLINED"]
    assert await till.balance(ANN) == 50
    assert await till.balance(EVE) + await till.balance(BOB) == 10_550 + 10_350 + 10_000


async def test_f082_who_does_not_confirm_pays_nothing(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    begun = await pay(ann, line, to(EVE))
    code = await till.code()
    await till.rows("update payment set confirm_by = now(), check_at = now()")
    assert await payment_recovery.recover(till.desk, till.profiles) == 1
    assert await till.value("select status from payment") == "EXPIRED"
    assert codes(await confirm(ann, begun, code)) == ["CONFLICT"]

    again = await pay(ann, line, to(BOB), key="balance-2")
    if again["payment"] is None:
        await till.rows("update challenge set created_at = now() - interval '2 minutes'")
        again = await pay(ann, line, to(BOB), key="balance-2")
    given_up = (await ann.data(CANCEL, payment=again["payment"]["id"]))["cancelPayment"]
    assert given_up == {"payment": {"status": "CANCELLED"}, "userErrors": []}
    assert (await till.balance(ANN), await till.balance(EVE), await till.balance(BOB)) == (10_050, 10_550, 10_350)


async def test_f082_what_comes_pays_the_payees_promise_first(till: Till) -> None:
    await till.spend(EVE, 15_000)
    eve, account = await till.of(EVE), await till.account(EVE)
    await eve.data(TAKE, key="promise-1", line=await till.line(EVE), offer="5000-500-3")
    ann = await till.of(ANN)
    await confirm(ann, await pay(ann, await till.line(ANN), to(EVE)), await till.code())
    assert (await till.balance(EVE), await till.balance(EVE, "PROMISED")) == (10_550 + 5_000 + 10_000 - 5_500, 0)
    assert await promised_payment.collect(till.profiles) == 0
    await posted(top_up(account, 100))


async def test_f082_where_it_is_not_offered(till: Till, profiles: Any) -> None:
    rules = profiles["beeline"].payments.model_copy(update={"pay_from_balance": False})
    till.profiles["beeline"] = profiles["beeline"].model_copy(update={"payments": rules})  # type: ignore[index]
    payload = await pay(await till.of(ANN), await till.line(ANN), to(EVE))
    assert codes(payload) == ["FEATURE_DISABLED"]


@given(
    balance=st.integers(-(10**9), 10**9),
    reserved=st.integers(0, 10**6),
    limit=st.integers(0, 10**6),
    owed=st.integers(0, 10**6),
)
def test_f082_never_more_than_ones_own(balance: int, reserved: int, limit: int, owed: int) -> None:
    funds = Funds(balance, reserved, limit, min(-limit, balance - reserved))
    given_away = giveable(funds, owed)
    assert given_away >= 0
    assert given_away == 0 or balance - reserved - owed - given_away == 0
    assert funds.after(-given_away) is not None
    assert giveable(None, 0) == 0
