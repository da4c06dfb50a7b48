"""Refunds (E43): asked for by who paid, decided by the operator, given back once, and never in silence."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payment import DeclineReason
from domain.refund import RefundRejected, share
from gateways.payments import Notification, ProviderUnavailable, Refund, RefundDeclined, RefundOutcome, RefundPending
from gateways.simulators.bank.records import Behaviour
from services import payment_recovery, refund, refund_settlement
from services.payment_row import Desk
from services.refund_settlement import RefundRow
from tests import family
from tests.cabinet import Cabinet
from tests.ledger import rub
from tests.test_balance_payment import CONFIRM, PAY
from tests.till import ANN, BOB, EVE, Till

TOP_UP = """
mutation ($target: PaymentTargetInput!, $key: ID!) {
  topUp(input: {idempotencyKey: $key, target: $target, amount: {amount: "150", currency: RUB}, method: CARD,
    token: "tok_mir_2204"}) { payment { id status } userErrors { code } }
}
"""
REQUEST = """
mutation ($payment: ID!, $reason: String!, $amount: MoneyInput) {
  requestRefund(input: {paymentId: $payment, reason: $reason, amount: $amount}) {
    refund { status reason payment { id refunded { amount } } } userErrors { __typename code field message }
  }
}
"""
PAYMENT = "query ($id: ID!) { node(id: $id) { ... on Payment { status refunded { amount } } } }"
REASON = "Ошиблась номером"


async def paid(till: Till, index: int = EVE, key: str = "top-up-1") -> tuple[Cabinet, str]:
    """Ann paid 150 roubles for the index-th number."""
    ann = await till.of(ANN)
    target = {"msisdn": family.number("beeline", index)}
    payload = (await ann.data(TOP_UP, target=target, key=key))["topUp"]
    assert payload["payment"]["status"] == "COMPLETED", payload
    return ann, payload["payment"]["id"]


async def ask(
    cabinet: Cabinet, payment: str, reason: str = REASON, amount: str | None = None, currency: str = "RUB"
) -> dict[str, Any]:
    money = None if amount is None else {"amount": amount, "currency": currency}
    answer = await cabinet.data(REQUEST, payment=payment, reason=reason, amount=money)
    payload: dict[str, Any] = answer["requestRefund"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def waiting(till: Till) -> int:
    [request] = await refund.waiting(["beeline"])
    return request.refund.id


async def approve(till: Till, amount: str | None = None, desk: Desk | None = None) -> RefundRow | RefundRejected:
    wanted = None if amount is None else Decimal(amount)
    return await refund.approve(desk or till.desk, till.profiles, await waiting(till), "Ирина", wanted)


async def state(cabinet: Cabinet, payment: str) -> tuple[str, str]:
    node = (await cabinet.data(PAYMENT, id=payment))["node"]
    return node["status"], node["refunded"]["amount"]


class Losing:
    """The bank, whose answer to a refund gets lost so many times after it was done."""

    def __init__(self, till: Till, losses: int) -> None:
        self.name = till.desk.provider.name
        self.asked: list[Refund] = []
        self._provider = till.desk.provider
        self._losses = losses

    async def refund(self, wanted: Refund) -> RefundOutcome:
        self.asked.append(wanted)
        outcome = await self._provider.refund(wanted)
        if len(self.asked) <= self._losses:
            raise ProviderUnavailable("the answer got lost")
        return outcome


class Saying(Losing):
    """A bank that answers every refund so."""

    def __init__(self, till: Till, outcome: RefundOutcome) -> None:
        super().__init__(till, 0)
        self._outcome = outcome

    async def refund(self, wanted: Refund) -> RefundOutcome:
        self.asked.append(wanted)
        return self._outcome


async def test_e43_payer_asks_operator_approves_and_both_are_told(till: Till) -> None:
    ann, payment = await paid(till)
    asked = await ask(ann, payment)
    assert asked["userErrors"] == []
    assert asked["refund"] == {
        "status": "REQUESTED", "reason": REASON, "payment": {"id": payment, "refunded": {"amount": "0.00"}},
    }  # fmt: skip
    assert await till.balance(EVE) == 10_550 + 15_000
    [request] = await refund.waiting(["beeline"])
    assert (request.named, request.paid, request.refunded) == ("***1005", rub(15_000), rub(0))

    done = await approve(till)
    assert isinstance(done, RefundRow)
    assert (done.status, done.amount, done.fee) == ("COMPLETED", 15_000, 0)
    assert await state(ann, payment) == ("REFUNDED", "150.00")
    assert await till.balance(EVE) == 10_550
    assert len(await till.sent_to(ANN)) == len(await till.sent_to(EVE)) == 1
    cleared = (
        "select sum(e.amount) from ledger_entry e join ledger_account a on a.id = e.account_id where provider = 'bank'"
    )
    assert await till.value(cleared) == 0
    actions = "select action from audit_event where action like 'REFUND%' order by id"
    assert await till.rows(actions) == [("REFUND_REQUESTED",), ("REFUND_APPROVED",), ("REFUNDED",)]
    assert codes(await ask(ann, payment)) == ["CONFLICT"]


async def test_e43_parts_are_given_back_until_nothing_is_left(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment, amount="40")
    await approve(till)
    assert await state(ann, payment) == ("COMPLETED", "40.00")
    assert codes(await ask(ann, payment, amount="110.01")) == ["CONFLICT"]
    await ask(ann, payment)
    await approve(till, "60")
    assert await state(ann, payment) == ("COMPLETED", "100.00")
    await ask(ann, payment)
    await approve(till)
    assert await state(ann, payment) == ("REFUNDED", "150.00")
    assert await till.balance(EVE) == 10_550


async def test_e43_never_below_the_floor_and_the_operator_is_told_how_much_there_is(till: Till) -> None:
    ann, payment = await paid(till)
    await till.rows(
        "update ledger_account set reserved = balance - 7000 where account_id = $1 and kind = 'PERSONAL'",
        await till.account(EVE),
    )
    await ask(ann, payment)
    refused = await approve(till)
    assert isinstance(refused, RefundRejected)
    assert "70.00 RUB" in refused.message
    # Nothing of the attempt stays, and the request still waits.
    assert await till.rows("select status, amount from refund") == [("REQUESTED", 0)]
    done = await approve(till, "70")
    assert isinstance(done, RefundRow)
    assert await state(ann, payment) == ("COMPLETED", "70.00")


async def test_e43_foreign_unknown_and_unmade_payments_are_told_alike(till: Till) -> None:
    _, payment = await paid(till)
    answers = [
        await ask(await till.of(EVE), payment),
        await ask(await till.of(BOB), payment),
        await ask(await till.of(BOB), "no id"),
        await ask(await till.of(BOB), "UGF5bWVudDo5OTk5"),
    ]
    assert answers == [answers[0]] * 4
    assert codes(answers[0]) == ["CONFLICT"]
    assert await till.rows("select 1 from refund") == []


@pytest.mark.parametrize("reason", ["", "  ", "a", "x" * 501, "a\0b"])
async def test_e43_a_reason_is_given(till: Till, reason: str) -> None:
    ann, payment = await paid(till)
    assert codes(await ask(ann, payment, reason)) == ["INVALID_INPUT"]


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("0", "RUB", "CONFLICT"),
        ("-1", "RUB", "CONFLICT"),
        ("150.01", "RUB", "CONFLICT"),
        ("1.001", "RUB", "INVALID_INPUT"),
        ("10", "BYN", "INVALID_INPUT"),
        ("1000000000000000000", "RUB", "INVALID_INPUT"),
    ],
)
async def test_e43_no_more_than_was_paid(till: Till, amount: str, currency: str, code: str) -> None:
    ann, payment = await paid(till)
    assert codes(await ask(ann, payment, amount=amount, currency=currency)) == [code]


async def test_e43_asking_at_once_opens_one_and_deciding_at_once_gives_back_once(till: Till) -> None:
    ann, payment = await paid(till)
    await asyncio.gather(*(ask(ann, payment) for _ in range(12)))
    number = await waiting(till)
    decided = await asyncio.gather(
        *(refund.approve(till.desk, till.profiles, number, "Ирина", None) for _ in range(8)),
        *(refund.decline(till.profiles, number, "Олег", "Поздно") for _ in range(4)),
    )
    assert len([each for each in decided if isinstance(each, RefundRow)]) == 1
    refunds = "select count(*) from ledger_transfer where kind = 'REFUND'"
    gone = await till.value("select status = 'COMPLETED' from refund")
    assert await till.value(refunds) == int(gone)
    assert await till.balance(EVE) == 10_550 + (0 if gone else 15_000)


async def test_e43_declined_request_moves_nothing_and_its_payer_reads_why(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment)
    declined = await refund.decline(till.profiles, await waiting(till), "Олег", "Деньги уже потрачены")
    assert isinstance(declined, RefundRow)
    assert await till.balance(EVE) == 10_550 + 15_000
    assert "Деньги уже потрачены" in (await till.sent_to(ANN))[-1]
    assert await till.sent_to(EVE) == []
    assert await refund.waiting(["beeline"]) == []
    # It may be asked again.
    assert (await ask(ann, payment))["userErrors"] == []


async def test_e43_lost_answers_and_restarts_give_back_once(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment)
    losing = Losing(till, 3)
    desk = Desk(losing, 1.0)  # type: ignore[arg-type]
    left = await approve(till, desk=desk)
    assert isinstance(left, RefundRow)
    assert left.status == "PROCESSING"
    # The account has paid already: nobody spends what is on its way back.
    assert await till.balance(EVE) == 10_550
    for _ in range(3):
        await till.rows("update refund set check_at = now()")
        await asyncio.gather(*(refund_settlement.recover(desk, till.profiles) for _ in range(4)))
    assert await state(ann, payment) == ("REFUNDED", "150.00")
    assert len({each.key for each in losing.asked}) == 1
    assert len({each.created_at for each in losing.asked}) == 1
    assert await refund_settlement.recover(desk, till.profiles) == 0
    assert len(await till.sent_to(EVE)) == 1


async def test_e43_what_the_bank_tells_settles_too_and_once(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment)
    desk = Desk(Losing(till, 1), 1.0)  # type: ignore[arg-type]
    await approve(till, desk=desk)
    key = str(await till.value("select key from refund"))
    [told] = await till.street.shop.told_of(key)
    heard = await asyncio.gather(*(payment_recovery.hear(till.desk, till.profiles, told) for _ in range(6)))
    assert heard == [True] * 6
    assert await state(ann, payment) == ("REFUNDED", "150.00")
    assert await till.value("select count(*) from payment_notification where id = $1", told.id) == 1
    for foreign in ("no key", "00000000-0000-0000-0000-000000000000"):
        strange = Notification("n", foreign, told.outcome)
        assert await payment_recovery.hear(till.desk, till.profiles, strange) is False


async def test_e43_pending_refund_waits_for_the_banks_word(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment)
    till.street.bank.control(Behaviour(settle_after=0.3))
    left = await approve(till)
    assert isinstance(left, RefundRow)
    assert (left.status, left.provider_id is not None) == ("PROCESSING", True)
    [*_, told] = await till.street.shop.told_of(str(left.key), 2)
    assert not isinstance(told.outcome, RefundPending)
    await payment_recovery.hear(till.desk, till.profiles, told)
    assert await state(ann, payment) == ("REFUNDED", "150.00")


async def test_e43_a_bank_that_declines_gives_the_account_its_money_back(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment)
    desk = Desk(Saying(till, RefundDeclined(DeclineReason.OTHER, "bank-1")), 1.0)  # type: ignore[arg-type]
    failed = await approve(till, desk=desk)
    assert isinstance(failed, RefundRow)
    assert failed.status == "FAILED"
    assert await till.balance(EVE) == 10_550 + 15_000
    assert await state(ann, payment) == ("COMPLETED", "0.00")
    assert len(await till.sent_to(ANN)) == 1
    # The same word again does nothing, and a new request is a new refund.
    told = Notification("again", str(failed.key), RefundDeclined(DeclineReason.OTHER, "bank-1"))
    assert await payment_recovery.hear(till.desk, till.profiles, told) is True
    assert await till.balance(EVE) == 10_550 + 15_000
    await ask(ann, payment)
    done = await approve(till)
    assert isinstance(done, RefundRow)
    assert done.status == "COMPLETED"
    assert await till.balance(EVE) == 10_550


async def test_e43_what_no_bank_had_no_bank_gives_back(till: Till) -> None:
    ann = await till.of(ANN)
    told = {"key": "balance-1", "from": await till.line(ANN), "target": {"msisdn": family.number("beeline", EVE)}}
    begun = (await ann.data(PAY, amount="100", **told))["payFromBalance"]["payment"]
    challenge = begun["confirmation"]["challengeId"]
    await ann.data(CONFIRM, challenge=challenge, code=await till.code())
    assert codes(await ask(ann, begun["id"])) == ["CONFLICT"]


async def test_e43_unknown_refund_is_not_decided(till: Till) -> None:
    for outcome in (
        await refund.approve(till.desk, till.profiles, 999, "Ирина", None),
        await refund.decline(till.profiles, 999, "Ирина", "нет"),
    ):
        assert isinstance(outcome, RefundRejected)


@given(amount=st.integers(1, 10**9), fee=st.integers(0, 10**6), parts=st.lists(st.integers(-5, 10**9), max_size=6))
def test_e43_parts_never_exceed_the_payment_and_the_fee_goes_back_once(amount: int, fee: int, parts: list[int]) -> None:
    refunded, fees = rub(0), 0
    for part in [*parts, None]:
        given_back = share(None if part is None else rub(part), rub(amount), rub(fee), refunded)
        if given_back is not None:
            assert given_back.amount.minor > 0
            refunded += given_back.total
            fees += given_back.fee.minor
    assert (refunded, fees) == (rub(amount + fee), fee)


PAID_BY = """
query ($id: ID!) { node(id: $id) { ... on Payment {
  payer { label role isViewer isOperatorStaff } refunds { status reason answer payment { id } }
} } }
"""


async def test_e43_who_paid_reads_what_was_asked_and_others_only_who_of_their_own_paid(till: Till) -> None:
    ann, payment = await paid(till, BOB)
    await ask(ann, payment)
    mine = (await ann.data(PAID_BY, id=payment))["node"]
    assert mine["payer"] == {"label": "Ann", "role": "OWNER", "isViewer": True, "isOperatorStaff": False}
    assert mine["refunds"] == [
        {"status": "REQUESTED", "reason": REASON, "answer": None, "payment": {"id": payment}},
    ]
    seen = (await (await till.of(BOB)).data(PAID_BY, id=payment))["node"]
    assert seen == {"payer": {**mine["payer"], "isViewer": False}, "refunds": []}


async def test_e43_a_stranger_who_paid_is_not_named(till: Till) -> None:
    _, payment = await paid(till, EVE)
    assert (await (await till.of(EVE)).data(PAID_BY, id=payment))["node"] == {"payer": None, "refunds": []}
