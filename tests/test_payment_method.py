"""Means of payment that people keep (F068, F077, F079): by consent, shared if wanted, never anybody else's."""

from typing import Any
from uuid import uuid4

import pytest

from tests.paying import ADD, KEPT, LOOK, REMOVE, Payer, Town


async def add(payer: Payer, token: str, kind: str = "CARD", **more: Any) -> dict[str, Any]:
    """The payload of `addPaymentMethod`."""
    given = {"kind": kind, "token": token, **more}
    payload: dict[str, Any] = (await payer.cabinet.data(ADD, input=given))["addPaymentMethod"]
    return payload


async def added(payer: Payer, token: str, kind: str = "CARD", **more: Any) -> dict[str, Any]:
    """A method that is kept."""
    payload = await add(payer, token, kind, **more)
    assert payload["userErrors"] == [], payload
    method: dict[str, Any] = payload["method"]
    return method


async def kept(payer: Payer) -> list[dict[str, Any]]:
    """`viewer.paymentMethods`."""
    methods: list[dict[str, Any]] = (await payer.cabinet.data(KEPT))["viewer"]["paymentMethods"]
    return methods


async def family(paying: Town, operator: str, **roles: str) -> dict[str, Payer]:
    """A household of newcomers, by the roles that they have."""
    people = {name: await paying.newcomer(operator) for name in roles}
    household = await paying.value(
        "insert into household (operator, name, created_at) values ($1, 'newcomers', now()) returning id", operator
    )
    for name, role in roles.items():
        await paying.database.execute(
            "insert into membership (household_id, user_id, role, status, joined_at) "
            "values ($1, $2, $3, 'ACTIVE', now())",
            household,
            people[name].who.user_id,
            role,
        )
    return people


async def test_f079_a_card_is_kept_pays_and_is_forgotten(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    method = await added(anna, await paying.card(last_four="7777"))
    [seen] = await kept(anna)
    assert seen == {
        "id": method["id"],
        "kind": "CARD",
        "scheme": "MIR",
        "masked": "***7777",
        "issuerCountry": "RU",
        "expiresOn": "2039-12-31",
        "nextAllowedAt": None,
        "shareableInHousehold": False,
        "isOwn": True,
    }
    payment = await anna.paid(paymentMethodId=method["id"])
    assert payment["status"] == "COMPLETED"
    # F068: it rests now, and says until when.
    [resting] = await kept(anna)
    assert resting["nextAllowedAt"] is not None
    assert (await anna.refused(paymentMethodId=method["id"]))["nextAllowedAt"] == resting["nextAllowedAt"]

    assert (await anna.cabinet.data(REMOVE, id=method["id"]))["removePaymentMethod"]["userErrors"] == []
    assert await kept(anna) == []
    assert (await anna.refused(paymentMethodId=method["id"]))["field"] == ["paymentMethodId"]
    [again] = (await anna.cabinet.data(REMOVE, id=method["id"]))["removePaymentMethod"]["userErrors"]
    assert again["code"] == "NOT_FOUND"
    # The history has it still.
    assert (await anna.look(payment))["status"] == "COMPLETED"
    assert (await paying.row(payment))["method_id"] is not None


async def test_f079_the_same_token_is_kept_once(paying: Town) -> None:
    anna, card = await paying.newcomer("beeline"), await paying.card()
    assert (await added(anna, card))["id"] == (await added(anna, card))["id"]
    assert len(await kept(anna)) == 1


async def test_f079_a_card_is_kept_while_paying_by_consent_only(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    await anna.paid(token=await paying.card())
    assert await kept(anna) == []
    await anna.paid(token=await paying.card(last_four="1234"), saveMethod=True)
    assert [method["masked"] for method in await kept(anna)] == ["***1234"]


async def test_f079_there_is_no_card_number_anywhere(paying: Town) -> None:
    columns = await paying.value(
        "select array_agg(column_name::text) from information_schema.columns where table_name = 'payment_method'"
    )
    assert set(columns) == {
        "id", "user_id", "operator", "provider", "reference", "kind", "scheme", "last_four", "expires_year",
        "expires_month", "issuer_country", "fingerprint", "shared", "created_at", "removed_at",
    }  # fmt: skip


async def test_f079_what_is_shared_the_adults_pay_with_and_nobody_else(paying: Town) -> None:
    people = await family(paying, "beeline", anna="OWNER", ben="ADULT", kid="CHILD", gran="VIEWER")
    anna, stranger = people["anna"], await paying.newcomer("beeline")
    private = await added(anna, await paying.card())
    shared = await added(anna, await paying.card(), shareInHousehold=True)

    [seen] = await kept(people["ben"])
    assert (seen["id"], seen["isOwn"], seen["shareableInHousehold"]) == (shared["id"], False, True)
    begun = await people["ben"].paying(paymentMethodId=shared["id"])
    await paying.at_the_bank(begun["confirmation"]["redirectUrl"], do="pay")
    assert (await people["ben"].ended(begun))["status"] == "COMPLETED"
    for other in (people["kid"], people["gran"], stranger):
        assert await kept(other) == []
        for method in (private, shared):
            assert (await other.refused(paymentMethodId=method["id"]))["code"] == "INVALID_INPUT"
            found = await other.cabinet.data(
                LOOK.replace("Payment {", "PaymentMethod { id } ... on Payment {"), id=method["id"]
            )
            assert found["node"] is None
    assert (await people["ben"].refused(paymentMethodId=private["id"]))["code"] == "INVALID_INPUT"
    # Only its owner removes it.
    [no] = (await people["ben"].cabinet.data(REMOVE, id=shared["id"]))["removePaymentMethod"]["userErrors"]
    assert no["code"] == "NOT_FOUND"
    # Who has left the household pays with it no more.
    leave = "update membership set status = 'LEFT' where user_id = $1"
    await paying.database.execute(leave, people["ben"].who.user_id)
    assert await kept(people["ben"]) == []


async def test_f079_a_card_that_is_taken_back_does_not_pay_in_the_end(paying: Town) -> None:
    people = await family(paying, "letai", anna="OWNER", ben="ADULT")
    shared = await added(people["anna"], await paying.card(), shareInHousehold=True)
    begun = await people["ben"].paying(paymentMethodId=shared["id"])
    await people["anna"].cabinet.data(REMOVE, id=shared["id"])
    payload = await people["ben"].confirm(begun)
    assert payload["userErrors"][0]["code"] == "CONFLICT"
    assert (await people["ben"].look(begun))["status"] == "CANCELLED"
    assert paying.charged((await paying.row(begun))["provider_key"]) is None


async def test_f077_a_wallet_is_bound_first_and_then_pays(paying: Town) -> None:
    anna = await paying.newcomer("letai")
    assert (await anna.refused(method="E_WALLET"))["field"] == ["paymentMethodId"]
    wallet = await added(anna, "tok_wallet", "E_WALLET")
    assert wallet["masked"] == "E-wallet"
    for _ in range(2):  # the pause is one of cards
        paid = await anna.paid(method="E_WALLET", paymentMethodId=wallet["id"])
        assert (paid["status"], paid["method"]) == ("COMPLETED", "E_WALLET")
    # It is no card, though somebody says so.
    assert (await anna.refused(method="CARD", paymentMethodId=wallet["id"]))["field"] == ["method"]


@pytest.mark.parametrize(
    ("operator", "kind", "card", "code"),
    [
        ("letai", "CARD", {"scheme": "BELKART"}, "PAYMENT_RESTRICTED"),
        ("letai", "CARD", {"issuer_country": "DE"}, "PAYMENT_RESTRICTED"),
        ("beeline", "CARD", {"expires_year": 2020}, "CARD_NOT_ACCEPTED"),
        ("letai", "E_WALLET", {}, "INVALID_INPUT"),
        ("beeline", "E_WALLET", {}, "FEATURE_DISABLED"),
        ("beeline", "MOBILE_BALANCE", {}, "FEATURE_DISABLED"),
    ],
)
async def test_f079_what_would_not_pay_is_not_kept(
    paying: Town, operator: str, kind: str, card: dict[str, Any], code: str
) -> None:
    anna = await paying.newcomer(operator)
    payload = await add(anna, await paying.card(**card), kind)
    assert (payload["method"], payload["userErrors"][0]["code"]) == (None, code)
    assert await kept(anna) == []


@pytest.mark.parametrize("token", ["", "a\0b", "t" * 513, "no such token", "tok_00000000-0000-4000-8000-000000000000"])
async def test_f079_a_token_that_is_none_is_not_kept(paying: Town, token: str) -> None:
    anna = await paying.newcomer("beeline")
    assert (await add(anna, token))["userErrors"][0]["field"] == ["token"]


async def test_f079_who_tries_out_cards_is_stopped(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    for _ in range(10):
        await add(anna, f"tok_{uuid4()}")
    assert (await add(anna, await paying.card()))["userErrors"][0]["code"] == "RATE_LIMITED"


async def test_f029_e60_the_purse_is_closed_to_the_network_and_to_employees(paying: Town) -> None:
    anna = await paying.newcomer("beeline")
    method = await added(anna, await paying.card())
    for change in ("access_level = 'PARTIAL'", "access_level = 'FULL', staff = 'ivanova', staff_reason = 'a call'"):
        other = await anna.again()
        await paying.database.execute(
            f"update session set {change} where id = (select max(id) from session where user_id = $1)",
            anna.who.user_id,
        )
        assert await kept(other) == []
        assert (await other.refused(paymentMethodId=method["id"]))["code"] == "FORBIDDEN"
        assert (await add(other, await paying.card()))["userErrors"][0]["code"] == "FORBIDDEN"
        [no] = (await other.cabinet.data(REMOVE, id=method["id"]))["removePaymentMethod"]["userErrors"]
        assert no["code"] == "FORBIDDEN"
    assert len(await kept(anna)) == 1
