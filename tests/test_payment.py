"""Topping up, as payers meet it (F064–F075, E42–E46, E54): what is taken, what is not, and what strangers are told."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.paying import CONFIRM, CURRENCY, HISTORY, QUOTE, TOP_UP, Payer, Town
from tests.sockets import opened

EXAMPLES = Path(__file__).resolve().parent.parent / "graphiql/examples"
OPERATORS = ["beeline", "letai", "life", "motiv", "tele2"]


async def quote(payer: Payer, amount: str = "157", currency: str | None = None, **target: str) -> dict[str, Any]:
    """What a payment would cost."""
    money = {"amount": amount, "currency": currency or CURRENCY.get(payer.operator, "RUB")}
    target = target or {"msisdn": payer.who.msisdn}
    found: dict[str, Any] = (await payer.cabinet.data(QUOTE, target=target, amount=money))["paymentQuote"]
    return found


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


# Amounts


@pytest.mark.parametrize(
    ("operator", "amount", "code"),
    [
        ("letai", "157.50", "AMOUNT_NOT_WHOLE"),
        ("letai", "15001", "AMOUNT_TOO_LARGE"),
        ("letai", "0.99", "AMOUNT_TOO_SMALL"),
        ("beeline", "99", "AMOUNT_TOO_SMALL"),
        ("beeline", "99.99", "AMOUNT_TOO_SMALL"),
        ("beeline", "15000.01", "AMOUNT_TOO_LARGE"),
        ("beeline", "15001", "AMOUNT_TOO_LARGE"),
        ("life", "0.99", "AMOUNT_TOO_SMALL"),
        ("life", "500.01", "AMOUNT_TOO_LARGE"),
        ("motiv", "9.99", "AMOUNT_TOO_SMALL"),
        ("tele2", "49.99", "AMOUNT_TOO_SMALL"),
        ("tele2", "15000.01", "AMOUNT_TOO_LARGE"),
        ("beeline", "0", "AMOUNT_TOO_SMALL"),
        ("beeline", "-157", "AMOUNT_TOO_SMALL"),
        ("beeline", "NaN", "INVALID_INPUT"),
        ("beeline", "1e400", "INVALID_INPUT"),
        ("beeline", "Infinity", "INVALID_INPUT"),
        ("beeline", "1" * 40, "INVALID_INPUT"),
        ("beeline", "157.001", "INVALID_INPUT"),
        ("beeline", "сто", "INVALID_INPUT"),
        ("beeline", "", "INVALID_INPUT"),
    ],
)
async def test_f066_f067_an_amount_that_is_not_taken(paying: Town, operator: str, amount: str, code: str) -> None:
    anna = await paying.newcomer(operator)
    token = await paying.card()
    refusal = await anna.refused(amount=amount, token=token)
    assert (refusal["code"], refusal["field"]) == (code, ["amount", "amount"])
    quoted = await quote(anna, amount)
    assert not quoted["accepted"]
    assert [error["code"] for error in quoted["userErrors"]] == [code]


@pytest.mark.parametrize(
    ("operator", "amount"),
    [
        ("letai", "157"), ("letai", "15000"), ("letai", "1"), ("beeline", "100"), ("beeline", "15000"),
        ("life", "1.00"), ("life", "500"), ("motiv", "10"), ("motiv", "15000"), ("tele2", "50"), ("tele2", "50.01"),
    ],
)  # fmt: skip
async def test_f066_f067_the_edges_are_taken(paying: Town, operator: str, amount: str) -> None:
    anna = await paying.newcomer(operator)
    assert (await quote(anna, amount))["accepted"]
    assert (await anna.paying(amount=amount, token=await paying.card()))["status"] == "AWAITING_CONFIRMATION"


async def test_f066_another_currency_is_not_taken(paying: Town) -> None:
    anna = await paying.newcomer("life")
    refusal = await anna.refused(currency="RUB", amount="100")
    assert (refusal["code"], refusal["field"]) == ("INVALID_INPUT", ["amount", "currency"])
    assert not (await quote(anna, "100", "RUB"))["accepted"]


async def test_f066_operators_tell_their_limits_beforehand(paying: Town) -> None:
    ask = """{ operator { limits {
      topUpMin { amount currency } topUpMax { amount } wholeUnitsOnly cardIntervalSeconds } } }"""
    told = {}
    for operator in OPERATORS:
        visitor = (await paying.newcomer(operator)).cabinet
        told[operator] = (await visitor.data(ask))["operator"]["limits"]
    assert told["letai"] == {
        "topUpMin": {"amount": "1.00", "currency": "RUB"},
        "topUpMax": {"amount": "15000.00"},
        "wholeUnitsOnly": True,
        "cardIntervalSeconds": 1800,
    }
    assert told["beeline"]["topUpMin"]["amount"] == "100.00"
    assert told["life"]["topUpMin"] == {"amount": "1.00", "currency": "BYN"}
    assert told["tele2"]["cardIntervalSeconds"] is None


# Cards


async def test_f068_e45_one_card_pays_once_in_thirty_minutes(paying: Town) -> None:
    anna, ben = await paying.newcomer("letai"), await paying.newcomer("letai")
    print_ = str(uuid4())
    paid = await anna.paid(token=await paying.card(fingerprint=print_))
    again = await paying.card(fingerprint=print_)

    # Another person, for somebody else, 29 minutes later.
    await paying.set(paid, "created_at = now() - interval '29 minutes'")
    refusal = await ben.refused(token=again, target={"accountNumber": ben.who.account})
    assert (refusal["__typename"], refusal["code"]) == ("CardTooFrequent", "CARD_TOO_FREQUENT")
    soon = datetime.fromisoformat(refusal["nextAllowedAt"]) - datetime.now(UTC)
    assert timedelta() < soon <= timedelta(seconds=61)

    await paying.set(paid, "created_at = now() - interval '30 minutes'")
    assert (await ben.paid(token=again))["status"] == "COMPLETED"


async def test_f068_a_declined_payment_does_not_count_and_an_open_one_does(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    print_ = str(uuid4())
    poor = await paying.card(fingerprint=print_, behaviour={"decline": "INSUFFICIENT_FUNDS"})
    declined = await anna.paid(token=poor)
    assert (declined["status"], declined["failure"]["code"]) == ("DECLINED", "PAYMENT_DECLINED")
    card = await paying.card(fingerprint=print_)
    await anna.paying(token=card)
    assert (await anna.refused(token=card))["code"] == "CARD_TOO_FREQUENT"


async def test_f068_two_at_once_from_one_card_are_one(paying: Town) -> None:
    people = [await paying.newcomer("letai") for _ in range(8)]
    card = await paying.card()
    payloads = await asyncio.gather(*(each.pay(token=card) for each in people))
    assert len([each for each in payloads if each["payment"]]) == 1
    codes = {error["code"] for each in payloads for error in each["userErrors"]}
    assert codes == {"CARD_TOO_FREQUENT"}


@pytest.mark.parametrize("operator", ["beeline", "life", "motiv", "tele2"])
async def test_f068_other_operators_know_no_pause(paying: Town, operator: str) -> None:
    anna, card = await paying.newcomer(operator), await paying.card()
    for _ in range(2):
        assert (await anna.paying(token=card))["status"] == "AWAITING_CONFIRMATION"


@pytest.mark.parametrize(
    ("operator", "card", "code"),
    [
        ("letai", {"scheme": "BELKART"}, "PAYMENT_RESTRICTED"),
        ("letai", {"scheme": None}, "PAYMENT_RESTRICTED"),
        ("letai", {"scheme": "VISA", "issuer_country": "DE"}, "PAYMENT_RESTRICTED"),
        ("letai", {"expires_year": 2020}, "CARD_NOT_ACCEPTED"),
        ("beeline", {"scheme": "MAESTRO"}, "CARD_NOT_ACCEPTED"),
        ("motiv", {"scheme": "BELKART"}, "CARD_NOT_ACCEPTED"),
        ("tele2", {"scheme": None}, "CARD_NOT_ACCEPTED"),
        ("life", {"scheme": "MAESTRO"}, "CARD_NOT_ACCEPTED"),
        ("letai", {"kind": "E_WALLET", "scheme": None}, "INVALID_INPUT"),
    ],
)
async def test_f069_f070_a_card_that_is_not_taken(paying: Town, operator: str, card: dict[str, Any], code: str) -> None:
    anna = await paying.newcomer(operator)
    refusal = await anna.refused(token=await paying.card(**card))
    assert refusal["code"] == code
    if code == "PAYMENT_RESTRICTED":
        assert refusal["message"] == "This payment cannot be taken"


@pytest.mark.parametrize(
    ("operator", "card"),
    [
        ("letai", {"scheme": "MAESTRO"}),
        ("life", {"scheme": "BELKART", "issuer_country": "BY"}),
        ("tele2", {"scheme": "VISA", "issuer_country": "DE"}),
    ],
)
async def test_f069_f070_a_card_that_is_taken(paying: Town, operator: str, card: dict[str, Any]) -> None:
    anna = await paying.newcomer(operator)
    await anna.paying(token=await paying.card(**card))


async def test_f074_no_fee_and_a_note_where_the_bank_may_charge(paying: Town) -> None:
    letai, beeline = await paying.newcomer("letai"), await paying.newcomer("beeline")
    quoted = await quote(letai)
    assert (quoted["fee"]["amount"], quoted["total"]["amount"], quoted["bankMayCharge"]) == ("0.00", "157.00", True)
    assert not (await quote(beeline))["bankMayCharge"]


@pytest.mark.parametrize(
    ("operator", "method"),
    [("beeline", "APPLE_PAY"), ("beeline", "MOBILE_BALANCE"), ("letai", "SBP"), ("life", "E_WALLET"),
     ("motiv", "BANK_APP"), ("tele2", "VOUCHER")],
)  # fmt: skip
async def test_f076_f078_a_means_that_the_operator_does_not_take(paying: Town, operator: str, method: str) -> None:
    anna = await paying.newcomer(operator)
    refusal = await anna.refused(method=method)
    assert (refusal["code"], refusal["feature"]) == ("FEATURE_DISABLED", f"payments.{method.lower()}")


async def test_f076_apple_pay_at_tele2(paying: Town) -> None:
    anna = await paying.newcomer("tele2")
    token = await paying.card(kind="APPLE_PAY", scheme=None)
    begun = await anna.paying(method="APPLE_PAY", token=token)
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay")
    assert (await anna.ended(begun))["status"] == "COMPLETED"


# Payees


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("cash_payments_banned = true", "PAYMENTS_BANNED"),
        ("status = 'TERMINATED'", "ACCOUNT_TERMINATED"),
        ("status = 'PORTED_OUT'", "ACCOUNT_TERMINATED"),
    ],
)
async def test_f071_f072_e44_an_account_that_takes_nothing(paying: Town, change: str, code: str) -> None:
    anna, stranger = await paying.newcomer("letai"), await paying.newcomer("letai")
    await paying.database.execute(f"update personal_account set {change} where number = $1", anna.who.account)
    card = await paying.card()
    assert (await anna.refused(token=card))["code"] == code
    # A stranger is not told why, by a quote no more than by a payment.
    refusal = await stranger.refused(token=card, target={"msisdn": anna.who.msisdn})
    assert (refusal["code"], refusal["message"]) == ("PAYMENT_RESTRICTED", "This payment cannot be taken")
    quoted = await quote(stranger, msisdn=anna.who.msisdn)
    assert [error["code"] for error in quoted["userErrors"]] == ["PAYMENT_RESTRICTED"]


async def test_f072_a_suspended_debtor_may_pay_even_when_the_contract_has_ended(paying: Town) -> None:
    anna, ben = await paying.newcomer("letai"), await paying.newcomer("letai")
    suspend = "update personal_account set status = 'SUSPENDED_NONPAYMENT' where number = $1"
    await paying.database.execute(suspend, anna.who.account)
    assert (await anna.paid(token=await paying.card()))["status"] == "COMPLETED"
    end = "update contract set status = 'TERMINATED' where number = $1"
    await paying.database.execute(end, anna.who.contract)
    assert (await ben.paid(token=await paying.card(), target={"msisdn": anna.who.msisdn}))["status"] == "COMPLETED"
    assert await anna.balance() == 31400


async def test_f071_others_than_letai_take_payments_in_spite_of_a_cash_ban(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    ban = "update personal_account set cash_payments_banned = true where number = $1"
    await paying.database.execute(ban, anna.who.account)
    await anna.paying()


async def test_e42_knowing_a_number_lets_pay_and_not_look(paying: Town) -> None:
    anna, thief = await paying.newcomer("letai"), await paying.newcomer("letai")
    payment = await thief.paid(token=await paying.card(), target={"accountNumber": anna.who.account})
    assert payment["personalAccount"] is None
    numbers = await thief.cabinet.data("{ viewer { personalAccounts { edges { node { number } } } } }")
    assert anna.who.account not in str(numbers)


async def test_e42_whoever_searches_for_accounts_is_stopped(paying: Town) -> None:
    thief, victim = await paying.newcomer("letai"), await paying.newcomer("letai")
    for miss in range(20):
        quoted = await quote(thief, accountNumber=f"99{miss:07}")
        assert [error["code"] for error in quoted["userErrors"]] == ["NOT_FOUND"]
    for number in (victim.who.account, "990000001"):
        quoted = await quote(thief, accountNumber=number)
        assert [error["code"] for error in quoted["userErrors"]] == ["RATE_LIMITED"]
        assert quoted["targetMasked"] is None
    # What is one's own is paid for all the same.
    own = await thief.cabinet.data("{ viewer { personalAccounts { edges { node { id } } } } }")
    account = own["viewer"]["personalAccounts"]["edges"][0]["node"]["id"]
    await thief.paying(token=await paying.card(), target={"personalAccountId": account})


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({"lineId": "TGluZTox"}, "NOT_FOUND"),
        ({"lineId": "nonsense"}, "NOT_FOUND"),
        ({"lineId": ""}, "INVALID_INPUT"),
        ({"personalAccountId": "UGVyc29uYWxBY2NvdW50OjE="}, "NOT_FOUND"),
        ({"msisdn": "12"}, "INVALID_INPUT"),
        ({"msisdn": "79990000000"}, "NOT_FOUND"),
        ({"accountNumber": "000"}, "NOT_FOUND"),
        ({"accountNumber": "a\0b"}, "INVALID_INPUT"),
        ({"accountNumber": " "}, "INVALID_INPUT"),
        ({"accountNumber": ""}, "INVALID_INPUT"),
    ],
)
async def test_f065_a_payee_that_is_none(paying: Town, target: dict[str, str], code: str) -> None:
    anna = await paying.newcomer("letai")
    assert (await anna.refused(token=await paying.card(), target=target))["code"] == code


async def test_f065_another_operators_account_is_none(paying: Town) -> None:
    anna, ben = await paying.newcomer("letai"), await paying.newcomer("motiv")
    refusal = await anna.refused(token=await paying.card(), target={"accountNumber": ben.who.account})
    assert refusal["code"] == "NOT_FOUND"


async def test_f075_a_contract_number_gets_a_hint(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    await paying.database.execute(
        "update contract set number = 'dogovor-' || number where number = $1", anna.who.contract
    )
    target = {"accountNumber": f"dogovor-{anna.who.contract}"}
    refusal = await anna.refused(token=await paying.card(), target=target)
    assert refusal["code"] == "INVALID_INPUT"
    assert "contract" in refusal["message"]


async def test_f065_a_number_of_several_accounts_is_not_guessed(paying: Town) -> None:
    anna, stranger = await paying.newcomer("letai"), await paying.newcomer("letai")
    # Her login is no line's number, and she has two accounts.
    await paying.database.execute(
        "update line set msisdn = null, service_point = $1 where msisdn = $1", anna.who.msisdn
    )
    await paying.database.execute(
        "insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned) "
        "select operator, number || '-tv', 'TV', contract_id, 'ACTIVE', false from personal_account where number = $1",
        anna.who.account,
    )
    refusal = await anna.refused(token=await paying.card())
    assert (refusal["__typename"], refusal["code"]) == ("PayeeAmbiguous", "CONFLICT")
    assert {each["number"] for each in refusal["choices"]} == {anna.who.account, f"{anna.who.account}-tv"}
    other = await stranger.refused(token=await paying.card(), target={"msisdn": anna.who.msisdn})
    assert (other["code"], other["choices"]) == ("CONFLICT", [])


async def test_f065_beyond_one_target_is_no_request(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    for target in ({}, {"msisdn": anna.who.msisdn, "accountNumber": anna.who.account}):
        answer = await anna.cabinet.ask(TOP_UP, input=anna.form(target=target))
        assert "errors" in answer
        assert not answer.get("data")


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
