"""Receipts: what they say, who gets one, and for how long an address opens it (F084)."""

import email
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.policy import default
from typing import Any

import asyncpg
import orjson
import pytest

from auth import document_link
from auth.document_link import DocumentLink
from domain.money import CurrencyCode, Money
from domain.profile import Profile
from domain.receipt import Receipt, sheet
from gateways.messages import Attachment, Message
from gateways.smtp import compose
from resolvers.node_id import encode
from server.worker import _receipt
from services.receipt_pdf import render
from tests.cabinet import Cabinet
from tests.conftest import SECRET
from tests.paid import paid

RECEIPT = """
query Receipt($id: ID!) {
  node(id: $id) { ... on Payment { status receipt {
    id kind title issuedAt url personalAccount { number }
  } } }
}
"""
OF_ACCOUNT = """
query Receipts($id: ID!, $first: Int, $after: String) {
  node(id: $id) { ... on PersonalAccount { receipts(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { id title } }
  } } }
}
"""
FIVE = ["beeline", "letai", "life", "motiv", "tele2"]

Rows = asyncpg.Connection


@pytest.fixture
async def rows(database: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database, from which payments are gone afterwards."""
    yield database
    await database.execute("delete from payment")


def a_receipt(**more: Any) -> Receipt:
    given = Receipt(
        number=12,
        at=datetime(2026, 3, 9, 21, 5, tzinfo=UTC),
        account_number="0890011004",
        named="***4501",
        payer="79031234567",
        is_known=True,
        amount=Money(15_750, CurrencyCode.RUB),
        fee=Money(150, CurrencyCode.RUB),
        refunded=Money(0, CurrencyCode.RUB),
    )
    return replace(given, **more)


async def receipt(caller: Cabinet, payment: int) -> Any:
    return (await caller.data(RECEIPT, id=encode("Payment", payment)))["node"]["receipt"]


def test_f084_a_receipt_says_what_was_paid_by_whom_and_into_which_account(profiles: Mapping[str, Profile]) -> None:
    said = sheet(a_receipt(), profiles["beeline"])
    assert said.title == "Квитанция № 12"
    assert said.operator == profiles["beeline"].operator.name
    assert said.lines == (
        ("Дата", "10.03.2026 00:05"),  # the operator's midnight has passed
        ("Лицевой счёт", "0890011004"),
        ("Назначение", "***4501"),
        ("Плательщик", "***4567"),
        ("Сумма", "157.50 RUB"),
        ("Комиссия", "1.50 RUB"),
        ("Итого", "159.00 RUB"),
    )


@pytest.mark.parametrize(
    ("named", "is_known", "shown"),
    [
        ("***4501", True, "0890011004"),
        ("***4501", False, "***1004"),  # a stranger's number does not tell the account behind it
        ("***1004", False, "0890011004"),  # whoever paid by account has it before their eyes
    ],
)
def test_f084_the_account_always_stands_on_it(named: str, is_known: bool, shown: str) -> None:
    assert a_receipt(named=named, is_known=is_known).shown_account == shown


@pytest.mark.parametrize("operator", FIVE)
def test_f084_every_operators_letters_are_printed(
    profiles: Mapping[str, Profile], operator: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A letter that the font lacks is a warning of fpdf's."""
    said = sheet(a_receipt(refunded=Money(100, CurrencyCode.RUB)), profiles[operator])
    pdf = render(replace(said, title=f"{said.title} ӘәӨөҮүҖҗҢңҺһЎўІіЁёЪъ"))
    assert pdf.startswith(b"%PDF-")
    assert [record for record in caplog.records if "glyph" in record.getMessage()] == []
    assert len(pdf) < 60_000
    assert pdf == render(replace(said, title=f"{said.title} ӘәӨөҮүҖҗҢңҺһЎўІіЁёЪъ"))


async def test_f084_the_address_of_a_receipt_opens_it_without_a_session(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows
) -> None:
    owner = demo_people["beeline"]["owner"]
    payment = await paid(rows, "beeline", owner, owner)
    caller = await cabinet.signed_in("beeline", owner)
    found = await receipt(caller, payment)
    assert (found["kind"], found["title"]) == ("RECEIPT", f"Квитанция № {payment}")
    assert found["issuedAt"].startswith("2026-03-10T12:00:00")
    assert found["personalAccount"]["number"]
    node = (await caller.data("query N($id: ID!) { node(id: $id) { __typename id } }", id=found["id"]))["node"]
    assert node == {"__typename": "Document", "id": found["id"]}

    cabinet.http.cookies.clear()
    answer = await cabinet.http.get(found["url"])
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="receipt-{payment}.pdf"'
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("status", ["PROCESSING", "DECLINED", "CANCELLED", "AWAITING_CONFIRMATION"])
async def test_f084_there_is_no_receipt_of_money_that_did_not_come(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows, status: str
) -> None:
    owner = demo_people["beeline"]["owner"]
    payment = await paid(rows, "beeline", owner, owner, status=status)
    caller = await cabinet.signed_in("beeline", owner)
    assert await receipt(caller, payment) is None
    signed = document_link.sign(SECRET.encode(), DocumentLink("beeline", f"receipt-{payment}"))
    assert (await cabinet.http.get(f"/documents/{signed}")).status_code == 404
    asked = await caller.data("query N($id: ID!) { node(id: $id) { id } }", id=encode("Document", f"receipt-{payment}"))
    assert asked["node"] is None


async def test_f084_what_is_forged_late_foreign_or_nonsense_is_not_there(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = demo_people["beeline"]["owner"]
    payment = await paid(rows, "beeline", owner, owner)
    link = DocumentLink("beeline", f"receipt-{payment}")
    good = document_link.sign(SECRET.encode(), link)
    assert (await cabinet.http.get(f"/documents/{good}")).status_code == 200
    wrong = [
        document_link.sign(b"another secret", link),
        document_link.sign(SECRET.encode(), DocumentLink("tele2", f"receipt-{payment}")),
        document_link.sign(SECRET.encode(), DocumentLink("nobody", f"receipt-{payment}")),
        *(
            document_link.sign(SECRET.encode(), DocumentLink("beeline", name))
            for name in ("receipt-", "receipt-x", f"{payment}", "receipt-999999999", "receipt-" + "9" * 30, "receipt-²")
        ),
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "A" + good[1:],
        good.replace(".", ""),
        good + good,
        "x",
        "." * 3,
        "y" * 5_000,
    ]
    for token in wrong:
        answer = await cabinet.http.get(f"/documents/{token}")
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), token
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 601)
    assert (await cabinet.http.get(f"/documents/{good}")).status_code == 404


async def test_f084_strangers_get_no_receipt_and_nobody_a_document_by_its_id(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows
) -> None:
    people = demo_people["beeline"]
    payment = await paid(rows, "beeline", people["owner"], people["owner"])
    for caller in (
        await cabinet.signed_in("beeline", people["strangers"][0]),
        await cabinet.signed_in("tele2", demo_people["tele2"]["owner"]),
        cabinet.of("beeline"),
    ):
        for name in (f"receipt-{payment}", "receipt-x", "receipt-", str(payment), "receipt-" + "9" * 30):
            asked = await caller.data("query N($id: ID!) { node(id: $id) { id } }", id=encode("Document", name))
            assert asked["node"] is None


async def test_f084_an_account_has_the_receipts_of_its_payments(
    cabinet: Cabinet, demo_people: dict[str, Any], rows: Rows
) -> None:
    owner = demo_people["beeline"]["owner"]
    ids = [await paid(rows, "beeline", owner, owner) for _ in range(3)]
    await paid(rows, "beeline", owner, owner, status="DECLINED")
    ids.append(await paid(rows, "beeline", owner, owner, status="REFUNDED"))
    account = encode("PersonalAccount", await rows.fetchval("select account_id from payment limit 1"))
    caller = await cabinet.signed_in("beeline", owner)
    page = (await caller.data(OF_ACCOUNT, id=account, first=3))["node"]["receipts"]
    rest = (await caller.data(OF_ACCOUNT, id=account, after=page["pageInfo"]["endCursor"]))["node"]["receipts"]
    shown = [edge["node"]["title"] for edge in (*page["edges"], *rest["edges"])]
    assert shown == [f"Квитанция № {number}" for number in reversed(ids)]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (4, True)


async def test_f084_the_letter_brings_the_receipt(profiles: Mapping[str, Profile]) -> None:
    said = sheet(a_receipt(), profiles["letai"])
    body = orjson.loads(orjson.dumps({"receipt": {"name": "receipt-12.pdf", "sheet": said}}))
    attached = await _receipt(body)
    assert attached == Attachment("receipt-12.pdf", render(said))
    assert await _receipt({}) is None
    message = Message("letai", "EMAIL", "ref", "anna@example.org", "Текст", subject="Квитанция", attachment=attached)
    letter = email.message_from_bytes(compose(message, "lk@example.org", "<1@example.org>").as_bytes(), policy=default)
    [part] = letter.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("receipt-12.pdf", "application/pdf")
    assert part.get_content() == attached.content
    body_part = letter.get_body(("plain",))
    assert body_part is not None
    assert body_part.get_content().strip() == "Текст"
