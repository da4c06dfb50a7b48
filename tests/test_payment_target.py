"""Whose account a top-up may be for, and what its payer learns of it (F065, F071, F072, F075, E42, E44)."""

import pytest

from tests.paying import TOP_UP, Town, quote


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
        ({"lineId": ""}, "NOT_FOUND"),
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
