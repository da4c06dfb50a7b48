"""What becomes of a payment between us and the bank (I17, E43, E47): each comes to its end once, by whichever door."""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from gateways.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from gateways.simulators.bank.journal import charges
from server.bank_process import local_bank
from server.settings import Settings
from tests.paying import CANCEL, TOP_UP, Payer, Town, key_of

DOOR = "/gateway/payments/bank"


async def cancel(payer: Payer, payment: dict[str, Any]) -> dict[str, Any]:
    """The payload of `cancelPayment`."""
    payload: dict[str, Any] = (await payer.cabinet.data(CANCEL, id=payment["id"]))["cancelPayment"]
    return payload


def bank_key(paying: Town) -> str:
    """What the bank signs with."""
    account = local_bank(Settings(env="development", data=paying.data))
    assert account is not None
    return account.key


def told(payment: UUID, **changes: Any) -> bytes:
    """What the bank says of a payment that was made."""
    method = {
        "kind": "CARD", "scheme": "MIR", "last_four": "2204", "expires_year": 2039, "expires_month": 12,
        "issuer_country": "RU", "fingerprint": str(uuid4()),
    }  # fmt: skip
    body = {
        "event": f"evt_{uuid4()}", "about": "payment", "id": "bank-1", "key": str(payment), "state": "CHARGED",
        "amount": "157.00", "currency": "RUB", "reason": None, "url": None, "saved": None, "method": method,
    }  # fmt: skip
    return orjson.dumps(body | changes)


async def post(paying: Town, body: bytes, *, key: str | None = None, at: float | None = None) -> int:
    """The answer to a notification, signed as the bank does unless another key or time is given."""
    timestamp = int(at if at is not None else time.time())
    headers = {
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign(body, timestamp, key or bank_key(paying)),
        "content-type": "application/json",
    }
    return (await paying.http.post(f"{paying.address}{DOOR}", content=body, headers=headers)).status_code


async def entries(paying: Town, payment: dict[str, Any]) -> int:
    """How many transfers of the ledger a payment has."""
    count: int = await paying.value("select count(*) from ledger_transfer where key = $1", f"payment:{key_of(payment)}")
    return count


# The bank's page


async def test_f073_approved_on_the_banks_page(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    begun = await anna.paying()
    back = await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token="tok_visa_4242")
    assert back.headers["location"].startswith(f"{paying.address}/payments?key=")
    done = await anna.ended(begun)
    assert (done["status"], await entries(paying, done), await anna.balance()) == ("COMPLETED", 1, 15700)


async def test_f073_declined_on_the_banks_page(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    begun = await anna.paying()
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="decline")
    done = await anna.ended(begun)
    assert (done["status"], done["failure"]["code"]) == ("DECLINED", "PAYMENT_DECLINED")
    assert (await entries(paying, done), await anna.balance()) == (0, 0)


async def test_f073_a_bank_that_takes_its_time(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    slow = await paying.card(behaviour={"settle_after": 1.0})
    begun = await anna.paying(token=slow)
    await paying.set(begun, "check_at = now() + interval '1 day'")
    # The page's own button decides; the bank knows in a while, and says so.
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="later")
    async with asyncio.timeout(10):
        while (seen := await anna.look(begun))["status"] != "PROCESSING":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert seen["confirmation"] is None
    # It cannot be given up any more.
    assert (await cancel(anna, begun))["userErrors"][0]["code"] == "CONFLICT"
    assert await anna.balance() == 0


async def test_e47_a_lost_answer_on_the_page_is_asked_after(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    begun = await anna.paying()
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="lose", token="tok_mir_2204")
    assert (await anna.look(begun))["status"] == "AWAITING_CONFIRMATION"
    await paying.set(begun, "check_at = now()")
    assert (await anna.ended(begun))["status"] == "COMPLETED"
    assert await anna.balance() == 15700


@pytest.mark.parametrize("button", ["lose-and-fail", "decline"])
async def test_e47_a_lost_refusal_is_asked_after(paying: Town, button: str) -> None:
    anna = await paying.newcomer("tele2")
    begun = await anna.paying()
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do=button)
    await paying.database.execute(
        "update payment set check_at = now() where id = $1 and check_at is not null", key_of(begun)
    )
    assert (await anna.ended(begun))["status"] == "DECLINED"


@pytest.mark.parametrize(
    ("operator", "card", "code"),
    [
        ("beeline", {"scheme": "MAESTRO"}, "CARD_NOT_ACCEPTED"),
        ("motiv", {"scheme": None}, "CARD_NOT_ACCEPTED"),
        ("life", {"scheme": "MAESTRO"}, "CARD_NOT_ACCEPTED"),
    ],
)
async def test_f069_a_card_chosen_on_the_page_that_is_not_taken_is_let_go(
    paying: Town, operator: str, card: dict[str, Any], code: str
) -> None:
    anna = await paying.newcomer(operator)
    begun = await anna.paying()
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token=await paying.card(**card))
    done = await anna.ended(begun)
    assert (done["status"], done["failure"]["code"]) == ("DECLINED", code)
    assert paying.charged((await paying.row(begun))["provider_key"]) is None
    assert await anna.balance() == 0


async def test_a_payer_who_comes_back_reads_what_became_of_it(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    begun, given_up = await anna.paying(), await anna.paying()

    async def page(payment: dict[str, Any]) -> str:
        key = (await paying.row(payment))["key"]
        answer = await paying.http.get(f"{paying.address}/payments", params={"key": key})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        return answer.text

    waiting = await page(begun)
    assert "Waiting for you" in waiting
    assert begun["confirmation"]["redirectUrl"] in waiting
    assert anna.who.msisdn not in waiting
    back = await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
    assert (await paying.http.get(back.headers["location"])).status_code == 200
    await anna.ended(begun)
    paid = await page(begun)
    assert "Paid" in paid
    assert "157.00 RUB" in paid
    assert "refresh" not in paid
    await cancel(anna, given_up)
    assert "Given up" in await page(given_up)
    for key in ("nobody's", "<script>", "a\0b", "k" * 500):
        unknown = await paying.http.get(f"{paying.address}/payments", params={"key": key})
        assert unknown.status_code == 404
        assert "<script>" not in unknown.text


# Codes, and banks that do not answer


@pytest.mark.parametrize(
    "behaviour",
    [{"lose_answer": True}, {"lose_answer": True, "copies": 0}, {"settle_after": 0.5}, {"copies": 3},
     {"settle_after": 0.5, "copies": 0}, {"answer_after": 1.5}, {"confirm": True}],
)  # fmt: skip
async def test_e47_i17_whatever_the_bank_does_one_payment_is_one_credit(
    paying: Town, behaviour: dict[str, Any]
) -> None:
    anna = await paying.newcomer("letai")
    form = anna.form(token=await paying.card(behaviour=behaviour))
    begun = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    payload = await anna.confirm(begun)
    assert payload["userErrors"] == []
    # Whoever is impatient asks again with the same key.
    again = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    assert again["id"] == begun["id"]
    if behaviour.get("confirm"):
        # A bank may have a page of its own between our code and the money.
        assert again["confirmation"]["kind"] == "BANK_REDIRECT"
        await paying.at_the_bank(again["confirmation"]["redirectUrl"], do="pay")
    done = await anna.ended(begun)
    assert (done["status"], await entries(paying, done), await anna.balance()) == ("COMPLETED", 1, 15700)
    assert paying.charged((await paying.row(begun))["provider_key"]) == 15700


async def test_e47_a_bank_that_is_down_is_waited_for(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    await paying.control(everybody={"fail": True})
    assert (await anna.confirm(begun))["payment"]["status"] == "PROCESSING"
    await asyncio.sleep(1.2)
    assert (await anna.look(begun))["status"] == "PROCESSING"
    await paying.control(everybody={})
    await paying.set(begun, "check_at = now()")
    assert (await anna.ended(begun))["status"] == "COMPLETED"
    assert await anna.balance() == 15700


async def test_e47_a_page_after_the_code_is_asked_after_until_its_end(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card(behaviour={"confirm": True}))
    waiting = (await anna.confirm(begun))["payment"]
    assert waiting["confirmation"]["kind"] == "BANK_REDIRECT"
    # The payer pays, nobody tells us, and the time is over: money that moved is credited all the same.
    await paying.at_the_bank(waiting["confirmation"]["redirectUrl"], do="lose")
    await paying.set(begun, "check_at = now(), confirm_by = now() - interval '1 second'")
    assert (await anna.ended(begun))["status"] == "COMPLETED"
    assert await anna.balance() == 15700


async def test_a_payment_that_another_provider_has_is_never_made_here(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    form = anna.form(token=await paying.card())
    begun = (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]
    # Whoever runs the service has changed banks meanwhile.
    await paying.set(begun, "provider = 'yookassa'")
    assert (await anna.confirm(begun))["payment"]["status"] == "PROCESSING"
    await paying.set(begun, "check_at = now() - interval '1 second'")
    await asyncio.sleep(1.5)
    assert (await anna.cabinet.data(TOP_UP, input=form))["topUp"]["payment"]["status"] == "PROCESSING"
    assert paying.charged((await paying.row(begun))["provider_key"]) is None


async def test_another_sum_than_agreed_is_not_taken(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    begun = await anna.paying()
    await paying.control(webhooks="held")
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
    key = (await paying.row(begun))["provider_key"]
    assert await post(paying, told(key, state="HELD", amount="15700.00")) == 204
    assert (await anna.look(begun))["status"] == "DECLINED"
    assert paying.charged(key) is None


# The end that nobody brings


async def test_a_code_that_is_not_given_expires_the_payment(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    left = await paying.value(
        "select extract(epoch from confirm_by - created_at) from payment where id = $1", key_of(begun)
    )
    assert left == 900
    code = await paying.code(anna.who.msisdn, begun["confirmation"]["challengeId"])
    await paying.set(begun, "confirm_by = now() - interval '1 second', check_at = now()")
    done = await anna.ended(begun)
    assert (done["status"], done["failure"]) == ("EXPIRED", None)
    assert (await anna.confirm(begun, code))["userErrors"][0]["code"] == "CONFLICT"
    assert await anna.balance() == 0


async def test_a_code_after_the_fifteen_minutes_confirms_nothing(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    await paying.set(begun, "confirm_by = now() - interval '1 second', check_at = now() + interval '1 day'")
    assert (await anna.confirm(begun))["userErrors"][0]["code"] == "CONFLICT"
    assert paying.charged((await paying.row(begun))["provider_key"]) is None
    await paying.set(begun, "check_at = now()")


async def test_a_page_that_is_left_expires_the_payment_at_the_bank_too(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    begun = await anna.paying()
    url = begun["confirmation"]["redirectUrl"]
    await paying.set(begun, "confirm_by = now() - interval '1 second', check_at = now()")
    assert (await anna.ended(begun))["status"] == "EXPIRED"
    await paying.at_the_bank(url, do="pay", token="tok_mir_2204")
    assert paying.charged((await paying.row(begun))["provider_key"]) is None


async def test_a_payer_gives_up(paying: Town) -> None:
    letai, beeline, stranger = [await paying.newcomer(name) for name in ("letai", "beeline", "beeline")]
    by_code, on_page = await letai.paying(token=await paying.card()), await beeline.paying()
    code = await paying.code(letai.who.msisdn, by_code["confirmation"]["challengeId"])
    assert (await cancel(stranger, on_page))["userErrors"][0]["code"] == "CONFLICT"
    assert (await cancel(letai, by_code))["payment"]["status"] == "CANCELLED"
    assert (await cancel(beeline, on_page))["payment"]["status"] == "CANCELLED"
    # Once more is the same, and the code is good for nothing.
    assert (await cancel(beeline, on_page))["payment"]["status"] == "CANCELLED"
    assert (await letai.confirm(by_code, code))["userErrors"][0]["code"] == "CONFLICT"
    await paying.at_the_bank(on_page["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
    assert paying.charged((await paying.row(on_page))["provider_key"]) is None
    assert (await letai.balance(), await beeline.balance()) == (0, 0)


async def test_who_gives_up_too_late_has_paid(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    made, held = await anna.paying(token=await paying.card()), await anna.paying()
    await paying.control(webhooks="held")
    await paying.at_the_bank(made["confirmation"]["redirectUrl"], do="pay")
    await paying.at_the_bank(held["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
    assert (await cancel(anna, made))["payment"]["status"] == "COMPLETED"
    # What was set aside only is let go.
    assert (await cancel(anna, held))["payment"]["status"] == "CANCELLED"
    assert await anna.balance() == 15700


@pytest.mark.parametrize("status", ["CANCELLED", "EXPIRED", "DECLINED"])
async def test_e43_money_that_arrives_after_the_end_is_credited(paying: Town, status: str) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    await paying.set(begun, f"status = '{status}', check_at = null, token = null")
    body = told((await paying.row(begun))["provider_key"])
    assert await post(paying, body) == 204
    done = await anna.look(begun)
    assert (done["status"], await anna.balance()) == ("COMPLETED", 15700)


async def test_money_that_is_held_for_a_payment_given_up_is_let_go(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    begun = await anna.paying()
    await paying.control(webhooks="held")
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
    await paying.set(begun, "status = 'CANCELLED', check_at = null, token = null")
    await paying.control(webhooks="flowing")
    await asyncio.sleep(1)
    assert paying.charged((await paying.row(begun))["provider_key"]) is None
    assert ((await anna.look(begun))["status"], await anna.balance()) == ("CANCELLED", 0)


# Notifications


async def test_i17_duplicates_in_any_order_are_one_credit(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    key = (await paying.row(begun))["provider_key"]
    made = told(key)
    waiting = told(key, state="PENDING", method=None)
    refused = told(key, state="DECLINED", reason="OTHER", method=None)
    asked = told(key, state="AWAITING_PAYER", url="https://bank.example/pay", method=None)
    held = told(key, state="HELD")
    for body in (waiting, made, made, held, asked, refused, waiting, made):
        assert await post(paying, body) == 204
    assert await asyncio.gather(*(post(paying, body) for body in (made, refused) * 10)) == [204] * 20
    done = await anna.look(begun)
    assert (done["status"], await entries(paying, done), await anna.balance()) == ("COMPLETED", 1, 15700)
    assert await paying.value("select count(*) from payment_notification where payment_id = $1", key_of(begun)) > 0


@pytest.mark.parametrize(
    "how", ["forged", "late", "early", "unsigned", "damaged", "no json", "no payment", "huge", "not posted"]
)
async def test_what_the_bank_did_not_say_is_not_heard(paying: Town, how: str) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    body = told((await paying.row(begun))["provider_key"])
    match how:
        case "forged":
            status = await post(paying, body, key="some other key, of the same length")
        case "late":
            status = await post(paying, body, at=time.time() - 301)
        case "early":
            status = await post(paying, body, at=time.time() + 302)
        case "unsigned":
            status = (await paying.http.post(f"{paying.address}{DOOR}", content=body)).status_code
        case "damaged":
            at = int(time.time())
            headers = {TIMESTAMP_HEADER: str(at), SIGNATURE_HEADER: sign(body, at, bank_key(paying))}
            damaged = body.replace(b"157.00", b"957.00")
            answer = await paying.http.post(f"{paying.address}{DOOR}", content=damaged, headers=headers)
            status = answer.status_code
        case "no json":
            status = await post(paying, b"{")
        case "no payment":
            status = await post(paying, orjson.dumps({"event": "evt", "about": "payment"}))
        case "huge":
            status = await post(paying, body + b" " * 70_000)
        case _:
            status = (await paying.http.get(f"{paying.address}{DOOR}")).status_code
    assert 400 <= status < 500
    assert ((await anna.look(begun))["status"], await anna.balance()) == ("AWAITING_CONFIRMATION", 0)
    assert (await paying.http.post(f"{paying.address}/gateway/payments/other", content=body)).status_code == 404


async def test_a_payment_of_nobody_is_heard_and_does_nothing(paying: Town) -> None:
    before = await paying.value("select count(*) from ledger_transfer")
    assert await post(paying, told(uuid4())) == 204
    assert await post(paying, told(uuid4(), key="no uuid")) == 204
    assert await paying.value("select count(*) from ledger_transfer") == before


async def test_another_sum_than_agreed_is_not_credited(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    begun = await anna.paying(token=await paying.card())
    assert await post(paying, told((await paying.row(begun))["provider_key"], amount="157.01")) == 204
    assert ((await anna.look(begun))["status"], await anna.balance()) == ("AWAITING_CONFIRMATION", 0)


# Households


async def test_i12_e31_leaving_does_not_stop_a_payment(paying: Town) -> None:
    anna, ben = await paying.newcomer("beeline"), await paying.newcomer("beeline")
    household = await paying.value(
        "insert into household (operator, name, created_at) values ('beeline', 'newcomers', now()) returning id"
    )
    for payer, role in ((anna, "OWNER"), (ben, "ADULT")):
        await paying.database.execute(
            "insert into membership (household_id, user_id, role, status, joined_at) "
            "values ($1, $2, $3, 'ACTIVE', now())",
            household,
            payer.who.user_id,
            role,
        )
    await paying.database.execute(
        "insert into number_link (household_id, line_id, kind, status, scopes, sim_epoch, contract_epoch, "
        "primary_slot, requested_at) values ($1, $2, 'PRIMARY', 'ACTIVE', '{VIEW,PAY}', 1, 1, $2, now())",
        household,
        anna.who.line_id,
    )
    begun = await ben.paying(target={"msisdn": anna.who.msisdn})
    assert begun["line"] is not None
    await paying.database.execute("update membership set status = 'LEFT' where user_id = $1", ben.who.user_id)
    await paying.database.execute(
        "update number_link set status = 'REVOKED', primary_slot = null where household_id = $1", household
    )
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay", token="tok_mir_2204")
    done = await ben.ended(begun)
    # It finishes to its target, of which the one who left sees no more than a mask.
    assert (done["status"], await anna.balance(), await ben.balance()) == ("COMPLETED", 15700, 0)
    assert (done["line"], done["personalAccount"]) == (None, None)


async def test_i17_every_charge_is_a_credit(paying: Town) -> None:
    """What the bank charged and what the ledger has are the same, payment by payment."""
    anna = await paying.newcomer("letai")
    await anna.paid(token=await paying.card())
    rows = await paying.database.fetch(
        "select p.provider_key::text as key, e.amount from payment p "
        "join ledger_transfer t on t.key = 'payment:' || p.id join ledger_entry e on e.transfer_id = t.id "
        "join ledger_account a on a.id = e.account_id where a.account_id = p.account_id"
    )
    credited = {row["key"]: row["amount"] for row in rows}
    assert credited
    for key, charged in charges(paying.journal).items():
        if charged.minor and key in credited:
            assert credited.pop(key) == charged.minor
    # What is left was told by hand above, and never by the bank.
    by_hand = await paying.database.fetch("select provider_key::text as key from payment where provider_id = 'bank-1'")
    assert set(credited) <= {row["key"] for row in by_hand}
