"""What an operator takes as a top-up, and from which cards (F066–F070, F074, F076–F078, E45)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.paying import Town, quote

OPERATORS = ["beeline", "letai", "life", "motiv", "tele2"]


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
