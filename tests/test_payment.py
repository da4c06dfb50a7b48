"""Topping up, as payers meet it (F064, F065, F073, F075, F083, E46, E54): whole payments, once, by whoever may."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.paying import CONFIRM, CURRENCY, HISTORY, TOP_UP, Town, quote
from tests.sockets import opened

EXAMPLES = Path(__file__).resolve().parent.parent / "graphiql/examples"
OPERATORS = ["beeline", "letai", "life", "motiv", "tele2"]


# Whole payments


@pytest.mark.parametrize("operator", OPERATORS)
async def test_f064_own_account_is_topped_up_by_card(paying: Town, operator: str) -> None:
    anna = await paying.newcomer(operator)
    if operator == "letai":
        payment = await anna.paid(token=await paying.card())
    else:
        begun = await anna.paying()
        assert begun["status"] == "AWAITING_CONFIRMATION"
        assert begun["confirmation"]["kind"] == "BANK_REDIRECT"
        page = await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
        assert page.status_code == 303
        payment = await anna.ended(begun)
    assert payment["status"] == "COMPLETED"
    assert payment["amount"] == {"amount": "157.00", "currency": CURRENCY.get(operator, "RUB")}
    assert payment["targetMasked"] == f"***{anna.who.msisdn[-4:]}"
    assert payment["completedAt"] is not None
    assert payment["confirmation"] is None
    assert payment["failure"] is None
    assert await anna.balance() == 15700
    row = await paying.row(payment)
    assert row["token"] is None
    assert paying.charged(row["provider_key"]) == 15700


@pytest.mark.parametrize("operator", OPERATORS)
async def test_f065_a_friend_is_topped_up_and_stays_a_stranger(paying: Town, operator: str) -> None:
    anna, ben = await paying.newcomer(operator), await paying.newcomer(operator)
    quoted = await quote(anna, msisdn=ben.who.msisdn)
    assert (quoted["accepted"], quoted["targetMasked"]) == (True, f"***{ben.who.msisdn[-4:]}")
    if operator == "letai":
        payment = await anna.paid(token=await paying.card(), target={"msisdn": ben.who.msisdn})
    else:
        begun = await anna.paying(target={"msisdn": ben.who.msisdn})
        await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
        payment = await anna.ended(begun)
    assert (payment["line"], payment["personalAccount"], payment["paidByViewer"]) == (None, None, True)
    assert await ben.balance() == 15700
    # Whose account it is reads of it too, and nobody else does.
    seen = await ben.look(payment)
    assert (seen["status"], seen["paidByViewer"]) == ("COMPLETED", False)
    assert await (await paying.newcomer(operator)).look(payment) is None


async def test_f083_the_history_is_newest_first_filtered_and_ones_own(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    paid = [await anna.paid(token=await paying.card(), amount=str(amount)) for amount in (10, 20, 30)]
    given_up = await anna.paying(token=await paying.card(), amount="40")
    await anna.cabinet.data(
        "mutation($id: ID!) { cancelPayment(input: {paymentId: $id}) { userErrors { code } } }", id=given_up["id"]
    )

    async def history(**given: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await anna.cabinet.data(HISTORY, **given))["viewer"]["payments"]
        return found

    first = await history(first=3)
    assert [edge["node"]["amount"]["amount"] for edge in first["edges"]] == ["40.00", "30.00", "20.00"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    rest = await history(first=3, after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["id"] for edge in rest["edges"]] == [paid[0]["id"]]
    only = await history(filter={"status": ["CANCELLED"]})
    assert [edge["node"]["id"] for edge in only["edges"]] == [given_up["id"]]
    assert (await history(filter={"period": {"from": "2020-01-01", "to": "2020-01-02"}}))["edges"] == []
    key = (await paying.row(given_up))["key"]
    by_key = await history(filter={"idempotencyKey": key})
    assert [edge["node"]["id"] for edge in by_key["edges"]] == [given_up["id"]]
    stranger = await paying.newcomer("letai")
    of_stranger = await stranger.cabinet.data(HISTORY, filter={"idempotencyKey": key})
    assert of_stranger["viewer"]["payments"]["edges"] == []
    assert (await stranger.cabinet.data(HISTORY))["viewer"]["payments"]["totalCount"] == 0


async def test_f075_the_payer_gets_a_receipt(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    await anna.paid(token=await paying.card(), receiptEmail="kvitanciya@example.org")
    async with asyncio.timeout(10):
        while True:
            inbox = (await paying.http.get(f"{paying.address}/dev/inbox")).json()
            letters = [each for each in inbox if each["to"] == "kvitanciya@example.org"]
            if letters:
                break
            await asyncio.sleep(0.05)
    [letter] = letters
    assert anna.who.account in letter["text"]
    assert "157.00" in letter["text"]


async def test_e47_graphiqls_examples_pay_and_follow_the_payment(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    wanted = json.loads((EXAMPLES / "23-top-up.json").read_text())["input"]
    wanted |= {"target": {"msisdn": anna.who.msisdn}, "token": await paying.card()}
    begun = (await anna.cabinet.data((EXAMPLES / "23-top-up.graphql").read_text(), input=wanted))["topUp"]["payment"]
    async with opened(paying.address) as socket:
        await socket.init(operator="letai", authorization=f"Bearer {anna.cabinet.token}")
        await socket.subscribe("1", (EXAMPLES / "27-payment-updated.graphql").read_text(), paymentId=begun["id"])
        assert (await socket.next("1"))["paymentUpdated"]["status"] == "AWAITING_CONFIRMATION"
        challenge = begun["confirmation"]["challengeId"]
        code = await paying.code(anna.who.msisdn, challenge)
        confirm = (EXAMPLES / "24-confirm-payment.graphql").read_text()
        payload = (await anna.cabinet.data(confirm, challengeId=challenge, code=code))["confirmPayment"]
        assert payload["payment"]["status"] == "COMPLETED"
        while (seen := (await socket.next("1"))["paymentUpdated"])["status"] == "PROCESSING":
            pass
        assert (seen["status"], seen["failure"]) == ("COMPLETED", None)


async def test_a_stranger_follows_nothing(paying: Town) -> None:
    anna, thief = await paying.newcomer("letai"), await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    async with opened(paying.address) as socket:
        await socket.init(operator="letai", authorization=f"Bearer {thief.cabinet.token}")
        await socket.subscribe("1", (EXAMPLES / "27-payment-updated.graphql").read_text(), paymentId=begun["id"])
        assert (await socket.receive())["type"] == "complete"


# The form


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"acceptTerms": False}, "TERMS_NOT_ACCEPTED", ["acceptTerms"]),
        ({"receiptEmail": None}, "INVALID_INPUT", ["receiptEmail"]),
        ({"receiptEmail": "somewhere"}, "INVALID_INPUT", ["receiptEmail"]),
        ({"token": None}, "INVALID_INPUT", ["token"]),
        ({"token": ""}, "INVALID_INPUT", ["token"]),
        ({"token": "t" * 513}, "INVALID_INPUT", ["token"]),
        ({"token": "a\0b"}, "INVALID_INPUT", ["token"]),
        ({"idempotencyKey": "short"}, "INVALID_INPUT", ["idempotencyKey"]),
        ({"idempotencyKey": "k" * 65}, "INVALID_INPUT", ["idempotencyKey"]),
        ({"idempotencyKey": "with space"}, "INVALID_INPUT", ["idempotencyKey"]),
        ({"paymentMethodId": "UGF5bWVudE1ldGhvZDox", "token": None}, "INVALID_INPUT", ["paymentMethodId"]),
        ({"paymentMethodId": "UGF5bWVudE1ldGhvZDox"}, "INVALID_INPUT", ["token"]),
        ({"method": "E_WALLET", "token": None}, "INVALID_INPUT", ["paymentMethodId"]),
    ],
)
async def test_f075_a_form_that_lacks_something(
    paying: Town, changes: dict[str, Any], code: str, field: list[str]
) -> None:
    anna = await paying.newcomer("letai")
    refusal = await anna.refused(**{"token": "tok_mir_2204", **changes})
    assert (refusal["code"], refusal["field"]) == (code, field)


async def test_f073_the_code_confirms_and_only_the_right_one(paying: Town) -> None:
    anna, thief = await paying.newcomer("letai"), await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    assert (begun["status"], begun["confirmation"]["kind"]) == ("AWAITING_CONFIRMATION", "SMS_CODE")
    assert paying.charged((await paying.row(begun))["provider_key"]) is None
    code = await paying.code(anna.who.msisdn, begun["confirmation"]["challengeId"])
    wrong = "000000" if code != "000000" else "111111"
    assert (await anna.confirm(begun, wrong))["userErrors"][0]["code"] == "CODE_INVALID"
    # The right code is nobody's but the payer's.
    stolen = {"challengeId": begun["confirmation"]["challengeId"], "code": code}
    payload = (await thief.cabinet.data(CONFIRM, input=stolen))["confirmPayment"]
    assert payload["userErrors"][0]["code"] == "CODE_INVALID"
    assert (await anna.confirm(begun, code))["payment"]["status"] == "COMPLETED"
    assert (await anna.confirm(begun, code))["userErrors"][0]["code"] == "CODE_ALREADY_USED"
    assert await anna.balance() == 15700


async def test_f073_a_code_confirms_its_own_payment_and_no_other(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    small = await anna.paying(amount="10", token=await paying.card())
    large = await anna.paying(amount="5000", token=await paying.card())
    assert small["confirmation"]["challengeId"] != large["confirmation"]["challengeId"]
    code = await paying.code(anna.who.msisdn, small["confirmation"]["challengeId"])
    assert (await anna.confirm(large, code))["userErrors"][0]["code"] == "CODE_INVALID"
    assert (await anna.confirm(small, code))["payment"]["amount"]["amount"] == "10.00"
    assert (await anna.look(large))["status"] == "AWAITING_CONFIRMATION"


async def test_f073_codes_for_payments_are_limited_and_a_refused_one_leaves_nothing(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    for _ in range(5):
        await anna.paying(token=await paying.card())
    refusal = await anna.refused(token=await paying.card())
    assert (refusal["code"], refusal["retryAt"] is not None) == ("RATE_LIMITED", True)


# Once


async def test_e46_fifty_submits_at_once_are_one_payment(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    form = anna.form(token=await paying.card())
    payloads = await asyncio.gather(*(anna.cabinet.data(TOP_UP, input=form) for _ in range(50)))
    assert len({each["topUp"]["payment"]["id"] for each in payloads}) == 1
    begun = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay")
    done = await anna.ended(begun)
    # After the end it is still the same.
    again = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]
    assert again == {"payment": done, "userErrors": []}
    assert await paying.value("select count(*) from payment where payer_id = $1", anna.who.user_id) == 1
    assert paying.charged((await paying.row(begun))["provider_key"]) == 15700
    assert await anna.balance() == 15700


async def test_e46_fifty_submits_by_code_send_one_code(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    form = anna.form(token=await paying.card())
    payloads = await asyncio.gather(*(anna.cabinet.data(TOP_UP, input=form) for _ in range(50)))
    [challenge] = {each["topUp"]["payment"]["confirmation"]["challengeId"] for each in payloads}
    assert await paying.value("select count(*) from challenge where target = $1", anna.who.msisdn) == 1
    code = await paying.code(anna.who.msisdn, challenge)
    given = {"challengeId": challenge, "code": code}
    confirmed = await asyncio.gather(*(anna.cabinet.data(CONFIRM, input=given) for _ in range(5)))
    done = [each["confirmPayment"]["payment"] for each in confirmed if each["confirmPayment"]["payment"]]
    assert [each["status"] for each in done] == ["COMPLETED"]
    assert await anna.balance() == 15700


async def test_e46_a_key_is_for_one_payment(paying: Town) -> None:
    anna, ben = await paying.newcomer("letai"), await paying.newcomer("letai")
    form = anna.form(token=await paying.card())
    first = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    for change in (
        {"amount": {"amount": "158", "currency": "RUB"}},
        {"target": {"msisdn": ben.who.msisdn}},
        {"token": "tok_visa_4242"},
        {"receiptEmail": "other@example.org"},
        {"saveMethod": True},
    ):
        payload = (await anna.cabinet.data(TOP_UP, input=form | change))["topUp"]
        assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_CONFLICT"], change
    same = form | {"amount": {"amount": "157.00", "currency": "RUB"}}
    assert (await anna.cabinet.data(TOP_UP, input=same))["topUp"]["payment"]["id"] == first["id"]
    # The key is the payer's own: another payer's is another payment.
    theirs = (await ben.cabinet.data(TOP_UP, input=form | {"token": await paying.card()}))["topUp"]["payment"]
    assert theirs["id"] != first["id"]


async def test_e46_a_repetition_finds_its_payment_whatever_became_of_the_payee(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    form = anna.form(token=await paying.card())
    begun = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    done = (await anna.confirm(begun))["payment"]
    await paying.database.execute(
        "update line set msisdn = null, service_point = $1 where msisdn = $1", anna.who.msisdn
    )
    await paying.database.execute(
        "update personal_account set status = 'TERMINATED' where number = $1", anna.who.account
    )
    again = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]
    assert (again["userErrors"], again["payment"]["id"], again["payment"]["status"]) == ([], done["id"], "COMPLETED")


async def test_e54_the_key_outlives_the_session(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    form = anna.form(token=await paying.card())
    begun = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    old = await paying.code(anna.who.msisdn, begun["confirmation"]["challengeId"])
    await paying.database.execute(
        "update session set last_seen_at = now() - interval '1 day' where user_id = $1", anna.who.user_id
    )
    answer = await anna.cabinet.ask(TOP_UP, input=form)
    assert answer["errors"][0]["extensions"]["code"] == "SESSION_EXPIRED"

    back = await anna.again()
    # The old code was asked for in the session that is over.
    assert (await back.confirm(begun, old))["userErrors"][0]["code"] == "CODE_INVALID"
    same = (await back.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    assert same["id"] == begun["id"]
    assert same["confirmation"]["challengeId"] != begun["confirmation"]["challengeId"]
    assert (await back.confirm(same))["payment"]["status"] == "COMPLETED"
    assert await back.balance() == 15700


# Sessions


async def test_nobody_pays_without_a_session(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    answer = await anna.cabinet.of("letai").ask(TOP_UP, input=anna.form())
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_n13_a_widget_does_not_pay(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    await paying.database.execute(
        "update session set line_id = $2 where user_id = $1", anna.who.user_id, anna.who.line_id
    )
    answer = await anna.cabinet.ask(TOP_UP, input=anna.form(token=await paying.card()))
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await paying.value("select count(*) from payment where payer_id = $1", anna.who.user_id) == 0


async def test_e60_an_employee_does_not_pay_for_the_user(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    staff = await anna.again()
    await paying.database.execute(
        "update session set staff = 'ivanova', staff_reason = 'a call', staff_ticket = 'T-1' where id = "
        "(select max(id) from session where user_id = $1)",
        anna.who.user_id,
    )
    assert (await staff.refused(token=await paying.card()))["code"] == "FORBIDDEN"
    assert (await staff.confirm(begun, "000000"))["userErrors"][0]["code"] == "FORBIDDEN"
    assert (await staff.look(begun))["status"] == "AWAITING_CONFIRMATION"


async def test_f029_a_partial_session_pays_and_does_not_look_back(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    before = await anna.paying()
    await paying.set(before, "created_at = now() - interval '1 hour'")
    partial = await anna.again()
    await paying.database.execute(
        "update session set access_level = 'PARTIAL' where id = (select max(id) from session where user_id = $1)",
        anna.who.user_id,
    )
    begun = await partial.paying(token=await paying.card())
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay")
    assert (await partial.ended(begun))["status"] == "COMPLETED"
    assert (await partial.cabinet.data(HISTORY))["viewer"]["payments"]["totalCount"] == 0
    assert await partial.look(before) is None
