"""Tickets: bundles that are asked for (F110), what people answer, and who reads it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.ticket import TicketStatus
from domain.ticket_refusals import TicketRejected
from resolvers.node_id import encode
from server.cli import main
from services import ticket
from services.ticket import Told
from tests.cabinet import Cabinet
from tests.ringing import codes
from tests.till import ANN, BOB, CID, EVE, Till
from tests.wired import BUNDLE, TICKETS, ask_bundle, ask_speed, wired


async def bundle(till: Till, *, archived: bool = False) -> str:
    return encode("Bundle", await till.value(BUNDLE, archived))


async def tickets(who: Cabinet, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await who.data(TICKETS, **more))["viewer"]["tickets"]
    return found


async def test_f110_a_bundle_is_asked_for_and_answered(till: Till) -> None:
    wanted, eve = await bundle(till), await till.of(EVE)
    answers = await asyncio.gather(*(ask_bundle(eve, wanted, comment="Хочу") for _ in range(8)))
    assert [each["userErrors"] for each in answers] == [[]] * 8
    [found] = (await tickets(eve))["edges"]
    assert {each["ticket"]["id"] for each in answers} == {found["node"]["id"]}
    node = found["node"]
    assert (node["subject"], node["category"], node["status"]) == ("Пакет «Всё вместе»", "INFORMATION", "NEW")
    due = datetime.fromisoformat(node["answerDueAt"]) - datetime.fromisoformat(node["createdAt"])
    assert due == timedelta(hours=till.profiles["beeline"].support.answer_sla_hours)
    key = int(node["number"])
    [listed] = await ticket.waiting(till.profiles)
    assert (listed.id, listed.asked_by, listed.comment) == (key, "Eve", "Хочу")

    assert await ticket.answer(till.profiles, key, "Оператор", "Перезвоним завтра\nв 10:00") == Told(
        key, TicketStatus.IN_PROGRESS
    )
    assert await ticket.close(till.profiles, key, "Оператор", None) == Told(key, TicketStatus.CLOSED)
    [found] = (await tickets(eve, status="CLOSED"))["edges"]
    assert found["node"]["closedAt"] is not None
    [message] = found["node"]["messages"]["edges"]
    assert message["node"] | {"id": None} == {"id": None, "text": "Перезвоним завтра\nв 10:00", "fromStaff": True}
    told = await till.sent_to(EVE)
    assert len(told) == 2
    assert "Перезвоним завтра в 10:00" in told[0]
    assert (await tickets(eve, status="NEW"))["edges"] == []
    # What is closed can be asked for again.
    again = await ask_bundle(eve, wanted)
    assert again["ticket"]["id"] != node["id"]
    # Only its user sees it.
    query = "query ($id: ID!) { node(id: $id) { id } }"
    for who in (await till.of(BOB), await till.of(EVE, "PARTIAL"), till.anybody.of("beeline")):
        assert (await who.data(query, id=node["id"]))["node"] is None
        assert (await who.data(query, id=message["node"]["id"]))["node"] is None
    assert (await eve.data(query, id=message["node"]["id"]))["node"] == {"id": message["node"]["id"]}
    assert (await tickets(await till.of(EVE, "PARTIAL")))["edges"] == []


async def test_f110_what_cannot_be_asked_for(till: Till) -> None:
    wanted, eve = await bundle(till), await till.of(EVE)
    for bad in (await bundle_of(till, "tele2"), encode("Bundle", 10**17), "\0", encode("Line", 1)):
        assert codes(await ask_bundle(eve, bad)) == ["NOT_FOUND"]
    for comment in ("x" * 1_001, "👍" * 10_000, "\x1b[2J"):
        [error] = (await ask_bundle(eve, wanted, comment=comment))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["comment"])
    assert codes(await ask_bundle(await till.of(CID), wanted)) == ["FORBIDDEN"]
    assert codes(await ask_bundle(await till.of(EVE, "PARTIAL"), wanted)) == ["FORBIDDEN"]
    await till.rows("update bundle set archived = true")
    assert codes(await ask_bundle(eve, wanted)) == ["NOT_FOUND"]
    assert await till.rows("select from ticket") == []


async def bundle_of(till: Till, operator: str) -> str:
    sql = BUNDLE.replace("'beeline'", f"'{operator}'").replace("'all'", "'foreign'")
    return encode("Bundle", await till.value(sql, False))


async def test_tickets_are_read_page_by_page(till: Till) -> None:
    line, ann, wanted = await wired(till), await till.of(ANN), await bundle(till)
    await ask_bundle(ann, wanted)
    await ask_speed(ann, line, 300)
    first = await tickets(ann, first=1)
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    assert first["edges"][0]["node"]["line"] == {"id": line}
    rest = await tickets(ann, after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["line"] for edge in rest["edges"]] == [None]
    answered = await ann.ask(TICKETS, first=101)
    assert answered["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_employees_answer_what_is_there_and_open(till: Till) -> None:
    eve = await till.of(EVE)
    key = int((await ask_bundle(eve, await bundle(till)))["ticket"]["number"])
    for bad in (0, 10**15):
        assert isinstance(await ticket.answer(till.profiles, bad, "N", "text"), TicketRejected)
    for words in ("", "  ", "x" * 4_001, "a\0b"):
        assert isinstance(await ticket.answer(till.profiles, key, "N", words), TicketRejected)
    others = {name: profile for name, profile in till.profiles.items() if name != "beeline"}
    assert isinstance(await ticket.close(others, key, "N", None), TicketRejected)
    both = await asyncio.gather(*(ticket.close(till.profiles, key, "N", f"{n}") for n in range(4)))
    assert [isinstance(each, Told) for each in both].count(True) == 1
    assert isinstance(await ticket.answer(till.profiles, key, "N", "too late"), TicketRejected)
    assert len(await till.sent_to(EVE)) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["answer"], "which ticket to answer"),
        (["close", "1"], "which ticket to close"),
        (["answer", "1", "--by", "N"], "--text"),
    ],
)
def test_the_command_says_what_it_needs(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tickets", *words]) == 1
    assert said in capsys.readouterr().err


async def test_the_database_keeps_one_request_open(till: Till) -> None:
    line = await wired(till)
    await ask_speed(await till.of(ANN), line, 300)
    copy = """
    insert into ticket (operator, user_id, line_id, category, subject, details, status, created_at, answer_due_at)
    select operator, user_id, line_id, category, subject, '{"mbps": 400}', status, created_at, answer_due_at from ticket
    """
    with pytest.raises(asyncpg.UniqueViolationError):
        await till.rows(copy)
    with pytest.raises(asyncpg.CheckViolationError):
        await till.rows("update ticket set status = 'CLOSED'")
    with pytest.raises(asyncpg.CheckViolationError):
        await till.rows("update ticket set details = '{\"mbps\": 0}'")
    key = await till.value("select id from ticket")
    await ticket.answer(till.profiles, key, "N", "text")
    with pytest.raises(asyncpg.RestrictViolationError):
        await till.rows("delete from ticket_message")
