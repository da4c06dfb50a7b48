"""What somebody tries who is after another's money, card or secrets, and what must not go wrong by itself (E43–E49)."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import asyncpg
import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import personal
from domain.payment import CardScheme, ConfirmationKind, DeclineReason, PaymentMethodKind
from domain.refund import RefundRejected
from gateways.payments import (
    Charged,
    Declined,
    Held,
    MethodDetails,
    PaymentOutcome,
    ProviderUnavailable,
    RefundDeclined,
)
from models.database import tx
from services import payment_settlement, refund_settlement
from services.payment_row import COLUMNS, Desk, PaymentRow, row_of
from tests import family
from tests.cabinet import Cabinet
from tests.ledger import REVENUE, move, posted, rub
from tests.paying import ADD, KEPT, REMOVE
from tests.test_balance_payment import confirm, pay, to
from tests.test_promised_payment import TAKE
from tests.test_refund import Losing, Saying, approve, ask, codes, paid
from tests.test_voucher import made, redeem
from tests.till import ANN, BOB, EVE, Till

TOP_UP = """
mutation ($input: TopUpInput!) { topUp(input: $input) {
  payment { id status confirmation { challengeId } } userErrors { code field }
} }
"""
CANCEL = """
mutation ($id: ID!) { cancelPayment(input: {paymentId: $id}) { payment { id } userErrors { code } } }
"""
SEEN = "query ($id: ID!) { node(id: $id) { ... on Payment { status failure { code } } } }"


async def top_up(cabinet: Cabinet, index: int, key: str = "attack-1", **more: Any) -> dict[str, Any]:
    form = {
        "idempotencyKey": key,
        "target": to(index),
        "amount": {"amount": "150", "currency": "RUB"},
        "method": "CARD",
        **more,
    }
    payload: dict[str, Any] = (await cabinet.data(TOP_UP, input=form))["topUp"]
    return payload


async def shared_card(till: Till) -> tuple[Cabinet, str]:
    """A card that Ann shares with her household."""
    ann = await till.of(ANN)
    given = {"kind": "CARD", "token": "tok_mir_2204", "shareInHousehold": True}
    added = (await ann.data(ADD, input=given))["addPaymentMethod"]
    assert added["userErrors"] == []
    return ann, added["method"]["id"]


async def test_f079_who_pays_with_a_shared_card_does_not_come_to_keep_it(till: Till) -> None:
    ann, card = await shared_card(till)
    bob = await till.of(BOB)
    payload = await top_up(bob, BOB, paymentMethodId=card, saveMethod=True)
    assert payload["payment"]["status"] == "COMPLETED"
    assert [method["isOwn"] for method in (await bob.data(KEPT))["viewer"]["paymentMethods"]] == [False]
    # When Ann takes her card back, nobody pays with it any more.
    await ann.data(REMOVE, id=card)
    assert (await bob.data(KEPT))["viewer"]["paymentMethods"] == []


async def test_f079_a_card_that_is_being_removed_pays_no_more(till: Till) -> None:
    ann, card = await shared_card(till)
    remover = await asyncpg.connect(till.url)
    try:
        removal = remover.transaction()
        await removal.start()
        await remover.execute("update payment_method set removed_at = now()")
        paying = asyncio.create_task(top_up(ann, ANN, paymentMethodId=card))
        waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        while not paying.done() and not await till.value(waits):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await removal.commit()
    finally:
        await remover.close()
    payload = await paying
    assert (payload["payment"], payload["userErrors"][0]["field"]) == (None, ["paymentMethodId"])
    assert await till.value("select count(*) from payment") == 0


async def test_f029_a_session_of_the_network_touches_nothing_of_before(till: Till) -> None:
    ann, payment = await paid(till)
    assert codes(await ask(ann, payment, reason="a secret reason")) == []
    begun = await pay(ann, await till.line(ANN), to(EVE))
    network = await till.of(ANN, "PARTIAL")
    answer = await ask(network, payment)
    assert (answer["refund"], codes(answer)) == (None, ["FORBIDDEN"])
    given_up = (await network.data(CANCEL, id=begun["payment"]["id"]))["cancelPayment"]
    assert (given_up["payment"], codes(given_up)) == (None, ["CONFLICT"])
    assert await till.value("select status from payment where kind = 'FROM_BALANCE'") == "AWAITING_CONFIRMATION"
    # The other one, which was given up before, is no more to be seen.
    await ann.data(CANCEL, id=begun["payment"]["id"])
    assert (await network.data(CANCEL, id=begun["payment"]["id"]))["cancelPayment"]["payment"] is None


async def test_f029_a_session_of_the_network_keeps_no_card(till: Till) -> None:
    network = await till.of(ANN, "PARTIAL")
    payload = await top_up(network, ANN, token="tok_mir_2204", saveMethod=True)
    assert (payload["payment"], codes(payload)) == (None, ["FORBIDDEN"])
    assert (await top_up(network, ANN, token="tok_mir_2204"))["payment"]["status"] == "COMPLETED"


async def test_e60_an_employee_neither_spends_a_voucher_nor_a_balance(till: Till) -> None:
    [code] = await made(till)
    ann, line = await till.of(ANN), await till.line(ANN)
    await till.rows("update session set staff = 'Olga', staff_reason = 'a call', staff_ticket = 'T1'")
    assert codes(await redeem(ann, EVE, code)) == ["FORBIDDEN"]
    assert codes(await pay(ann, line, to(EVE))) == ["FORBIDDEN"]
    assert await till.value("select count(*) from payment") == 0


async def test_e43_a_refund_is_asked_for_where_the_payment_was_made(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment)
    # The bank gave it back, and its answer got lost.
    await approve(till, desk=Desk(cast(Any, Losing(till, 1)), 1.0))
    elsewhere = Saying(till, RefundDeclined(DeclineReason.OTHER, "none of theirs"))
    elsewhere.name = "elsewhere"
    await till.rows("update refund set check_at = now()")
    await refund_settlement.recover(Desk(cast(Any, elsewhere), 1.0), till.profiles)
    assert elsewhere.asked == []
    assert await till.value("select status from refund") == "PROCESSING"
    assert await till.balance(EVE) == 10_550, "the money went back to its payer, and is not on the account as well"


async def test_e43_money_on_trust_is_not_given_back_to_a_card(till: Till) -> None:
    await till.spend(ANN, 15_000)
    ann, payment = await paid(till, ANN)
    account = await till.account(ANN)
    await posted(move(personal(account), REVENUE, 24_500))
    taken = await ann.data(TAKE, key="promise-1", line=await till.line(ANN), offer="5000-500-3")
    assert taken["takePromisedPayment"]["userErrors"] == []
    assert await till.balance(ANN) == 5_550
    await ask(ann, payment)
    refused = await approve(till, "55")
    assert isinstance(refused, RefundRejected)
    assert "0.50 RUB" in refused.message
    assert await till.balance(ANN) == 5_550


async def test_e43_a_number_that_has_ended_hears_nothing_of_an_account(till: Till) -> None:
    ann, payment = await paid(till)
    await ask(ann, payment)
    await till.rows("update line set status = 'PORTED_OUT' where msisdn = $1", family.number("beeline", EVE))
    await approve(till)
    assert await till.sent_to(EVE) == []
    assert len(await till.sent_to(ANN)) == 1


async def test_f083_why_a_payment_failed_is_for_its_payer(till: Till) -> None:
    ann = await till.of(ANN)
    begun = await pay(ann, await till.line(ANN), to(EVE))
    await posted(move(personal(await till.account(ANN)), REVENUE, 10_000))
    declined = await confirm(ann, begun, await till.code())
    assert declined["payment"]["failure"] == {"code": "INSUFFICIENT_FUNDS"}
    # Whose account it was for learns that it did not come, and nothing of the payer's balance.
    seen = await (await till.of(EVE)).data(SEEN, id=begun["payment"]["id"])
    assert seen["node"] == {"status": "DECLINED", "failure": None}


async def test_e42_many_questions_at_once_are_many_guesses(till: Till) -> None:
    ask_for = """q{n}: paymentQuote(target: {{msisdn: "790309{n:05}"}}, amount: {{amount: "100", currency: RUB}}) {{
      userErrors {{ code }} }}"""
    query = "{" + "\n".join(ask_for.format(n=n) for n in range(28)) + "}"
    answer = await (await till.of(ANN)).data(query)
    told = [quote["userErrors"][0]["code"] for quote in answer.values()]
    assert (told.count("NOT_FOUND"), told.count("RATE_LIMITED")) == (20, 8)


async def test_e42_numbers_of_somebody_are_no_guesses(till: Till) -> None:
    ann = await till.of(ANN)
    for _ in range(3):
        assert codes(await top_up(ann, EVE, token="tok_mir_2204")) == []
    assert await till.rows("select key from counter where key like 'payees:%'") == []


async def test_e44_an_account_that_was_closed_meanwhile_is_not_paid_into(till: Till) -> None:
    ann = await till.of(ANN)
    begun = await pay(ann, await till.line(ANN), to(EVE))
    await till.rows("update personal_account set status = 'TERMINATED' where id = $1", await till.account(EVE))
    payload = await confirm(ann, begun, await till.code())
    assert (payload["payment"]["status"], payload["payment"]["failure"]) == (
        "DECLINED",
        {"code": "PAYMENT_RESTRICTED"},
    )
    assert await till.balance(EVE) == 10_550


async def test_e44_a_code_does_not_pay_into_an_account_that_was_closed_meanwhile(till: Till) -> None:
    profile = till.profiles["beeline"]
    rules = profile.payments.model_copy(update={"confirmation": ConfirmationKind.SMS_CODE})
    cast(dict[str, Any], till.profiles)["beeline"] = profile.model_copy(update={"payments": rules})
    ann = await till.of(ANN)
    begun = await top_up(ann, EVE, token="tok_mir_2204")
    await till.rows("update personal_account set status = 'TERMINATED' where id = $1", await till.account(EVE))
    payload = await confirm(ann, begun, await till.code())
    assert codes(payload) == ["CONFLICT"]
    assert await till.rows("select status, check_at, token from payment") == [("CANCELLED", None, None)]


CARD = MethodDetails(PaymentMethodKind.CARD, CardScheme.MIR, "2204", 2039, 12, "RU", "one card")
HELD_PAYMENT = f"""
insert into payment (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee, refunded,
  method_kind, save_method, hold, provider, provider_key, confirmation, created_at, check_at, checks)
select l.operator, l.user_id, gen_random_uuid(), '', 'TOP_UP', 'PROCESSING', l.account_id, '***', 'RUB', 15000, 0, 0,
  'CARD', false, true, 'bank', gen_random_uuid(), 'BANK_REDIRECT', now(), now() + interval '1 day', 0
from line l where l.msisdn = $1 returning {COLUMNS}
"""


class Deaf:
    """A bank that holds money, and hears nobody until it `hears`."""

    name = "bank"
    hears = False

    async def capture(self, *_: object) -> PaymentOutcome:
        return Charged("bank-1", rub(15_000), CARD) if self.hears else self._silent()

    async def cancel(self, *_: object) -> PaymentOutcome:
        return Declined(DeclineReason.CANCELLED, "bank-2") if self.hears else self._silent()

    def _silent(self) -> PaymentOutcome:
        raise ProviderUnavailable("nobody answers")


async def test_e45_a_payment_that_is_let_go_does_not_take_the_first_one_with_it(till: Till) -> None:
    profile = till.profiles["beeline"]
    rules = profile.payments.model_copy(update={"card_interval_seconds": 1800})
    profile = profile.model_copy(update={"payments": rules})
    bank = Deaf()
    desk = Desk(cast(Any, bank), 1.0)

    async def begin(connection: BaseDBAsyncClient) -> PaymentRow:
        return row_of((await connection.execute_query_dict(HELD_PAYMENT, [family.number("beeline", ANN)]))[0])

    first, second = await tx(begin), await tx(begin)
    for payment, name in ((first, "bank-1"), (second, "bank-2")):
        with pytest.raises(ProviderUnavailable):
            await payment_settlement.conclude(desk, profile, payment, Held(name, rub(15_000), CARD))
    bank.hears = True
    for payment, name, status in ((first, "bank-1", "COMPLETED"), (second, "bank-2", "DECLINED")):
        told = replace(payment, provider_id=name)
        done = await payment_settlement.conclude(desk, profile, told, Held(name, rub(15_000), CARD))
        assert done.status == status
