"""The internet of a line: speed, extensions, sessions, asking for more (F130–F133); free traffic and roaming."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.profile import Profile
from domain.zero_rating import counted, is_zero_rated
from resolvers.node_id import encode
from services.household_import import ImportRejected, import_file
from tests.cabinet import Cabinet
from tests.ringing import codes
from tests.till import ANN, BOB, EVE, VERA, Till
from tests.wired import POINT, ask_speed, offering, wired

STATE = """
query ($id: ID!, $from: Date!, $to: Date!, $first: Int, $after: String) {
  node(id: $id) { ... on Line { kind personalAccount { kind } internet {
    speedMbps speedRequest { requestedMbps status createdAt } extensions { code }
    sessions(period: {from: $from, to: $to}, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      edges { node { id startedAt endedAt ip received sent cost { amount } } }
    }
  } } }
}
"""
DEMO = """
query ($from: Date!, $to: Date!) {
  viewer { personalAccounts { edges { node { kind lines { servicePoint internet {
    speedMbps extensions { code } sessions(period: {from: $from, to: $to}, first: 5) {
      totalCount edges { node { startedAt endedAt ip received sent cost { amount } } }
    }
  } } } } } }
}
"""
PERIOD = {"from": "2026-11-01", "to": "2026-11-30"}
AT = "2026-11-{:02}T10:00:00+03:00"


def session(day: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "internet_session", "operator": "beeline", "line": POINT, "started_at": AT.format(day),
        "ended_at": AT.format(day).replace("T10", "T11"), "ip": "203.0.113.7", "received": 2, "sent": "0.5",
    } | more  # fmt: skip


async def load(till: Till, folder: Path, *records: dict[str, Any]) -> Mapping[str, int]:
    file = folder / "sessions.ndjson"
    await asyncio.to_thread(file.write_bytes, b"\n".join(orjson.dumps(record) for record in records))
    return (await import_file(till.url, file, till.profiles)).changed


async def state(who: Cabinet, line: str, **more: Any) -> Any:
    found = (await who.data(STATE, id=line, **{**PERIOD, **more}))["node"]
    return None if found is None else found["internet"]


async def test_f131_speed_and_extensions_are_those_of_the_line(till: Till) -> None:
    line, ann = await wired(till), await till.of(ANN)
    found = await state(ann, line)
    assert (found["speedMbps"], found["speedRequest"]) == (100, None)
    assert "faster" in [each["code"] for each in found["extensions"]]
    # A service raises the speed while the line has it.
    subscribe = """
    insert into service_subscription (line_id, service_id, since)
    select l.id, s.id, now() from line l, service s where l.service_point = $1 and s.code = 'faster'
    """
    await till.rows(subscribe, POINT)
    assert (await state(ann, line))["speedMbps"] == 300
    await till.rows("update service_subscription set ended_at = now()")
    assert (await state(ann, line))["speedMbps"] == 100
    # A mobile line goes online too, at no speed of its own; its extensions are for mobile lines.
    mobile = await state(ann, await till.line(ANN))
    assert (mobile["speedMbps"], mobile["sessions"]) == (None, None)
    assert "faster" not in [each["code"] for each in mobile["extensions"]]
    offering(till, speed_extension=False)
    assert (await state(ann, line))["extensions"] == []
    assert await state(await till.of(BOB), line) is None


async def test_f132_sessions_come_by_file_and_are_read_page_by_page(till: Till, tmp_path: Path) -> None:
    line, ann = await wired(till), await till.of(ANN)
    sessions = [session(day) for day in range(1, 8)]
    lasts = session(9, ended_at=None, cost="1.50", unit="GB")
    del lasts["ended_at"]
    assert await load(till, tmp_path, *sessions, lasts) == {"sessions": 8}
    assert await load(till, tmp_path, *sessions, lasts) == {}
    first = (await state(ann, line, first=5))["sessions"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], len(first["edges"])) == (8, True, 5)
    newest = first["edges"][0]["node"]
    assert newest | {"id": None} == {
        "id": None, "startedAt": "2026-11-09T07:00:00+00:00", "endedAt": None, "ip": "203.0.113.7",
        "received": str(2 * 2**30), "sent": str(2**29), "cost": {"amount": "1.50"},
    }  # fmt: skip
    node = "query ($id: ID!) { node(id: $id) { ... on InternetSession { received } } }"
    assert (await ann.data(node, id=newest["id"]))["node"] == {"received": str(2 * 2**30)}
    rest = (await state(ann, line, after=first["pageInfo"]["endCursor"]))["sessions"]
    assert [edge["node"]["startedAt"][8:10] for edge in rest["edges"]] == ["03", "02", "01"]
    # It ended, and the same record says so.
    await load(till, tmp_path, session(9, received=9, cost="1.50", unit="GB"))
    only = (await state(ann, line, **{"from": "2026-11-09", "to": "2026-11-09"}))["sessions"]
    assert (only["totalCount"], only["edges"][0]["node"]["received"]) == (1, str(9 * 2**30))
    assert only["edges"][0]["node"]["endedAt"] is not None
    # When somebody was online is for nobody who may but look.
    for other in (await till.of(BOB), await till.of(VERA), await till.of(EVE), till.anybody.of("beeline")):
        assert await state(other, line) is None
        assert (await other.data(node, id=newest["id"]))["node"] is None
    partial = await till.of(ANN, "PARTIAL")
    assert (await state(partial, line))["sessions"] is None
    assert (await partial.data(node, id=newest["id"]))["node"] is None
    offering(till, session_statistics=False)
    assert (await state(ann, line))["sessions"] is None


@pytest.mark.parametrize(
    "bad",
    [
        {"first": 101}, {"first": 0}, {"after": "\0"}, {"after": "WzFd"}, {"after": "WyJ4Il0"},
        {"from": "2026-11-30", "to": "2026-11-01"}, {"from": "2020-01-01"},
    ],
)  # fmt: skip
async def test_f132_bad_periods_and_pages_say_what_is_accepted(till: Till, bad: dict[str, Any]) -> None:
    line = await wired(till)
    answered = await (await till.of(ANN)).ask(STATE, id=line, **{**PERIOD, **bad})
    assert answered["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert answered["data"]["node"]["internet"]["sessions"] is None


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"line": "79030001999"}, "line"),
        ({"line": "79030001001"}, "line"),
        ({"ended_at": AT.format(1).replace("T10", "T09")}, "ended_at"),
        ({"ip": "300.1.1.1"}, "ip"),
        ({"unit": "MINUTE"}, "unit"),
        ({"received": 10**15 - 1, "unit": "GB"}, "received"),
        ({"sent": -1}, "sent"),
        ({"cost": "-1.00"}, "cost"),
    ],
)
async def test_f132_a_broken_file_changes_nothing(till: Till, tmp_path: Path, more: dict[str, Any], field: str) -> None:
    await wired(till)
    with pytest.raises(ImportRejected) as rejected:
        await load(till, tmp_path, session(2), session(1, **more))
    [problem] = rejected.value.problems
    assert (problem.line, problem.field) == (2, field)
    assert await till.rows("select from internet_session") == []


async def test_f132_the_demo_household_sees_its_sessions(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    days = {"from": "2026-01-01", "to": "2026-12-31"}
    accounts = (await owner.data(DEMO, **days))["viewer"]["personalAccounts"]["edges"]
    [account] = [edge["node"] for edge in accounts if edge["node"]["kind"] == "INTERNET"]
    assert {edge["node"]["kind"] for edge in accounts} >= {"MOBILE", "INTERNET", "TV"}
    [line] = account["lines"]
    assert line["internet"]["sessions"]["totalCount"] >= 1
    assert line["internet"]["extensions"] != []


async def test_f133_a_higher_speed_is_asked_for_once(till: Till) -> None:
    line, ann = await wired(till), await till.of(ANN)
    answers = await asyncio.gather(*(ask_speed(ann, line, 300, comment="Дети учатся 🎓") for _ in range(8)))
    assert [each["userErrors"] for each in answers] == [[]] * 8
    assert len({each["ticket"]["id"] for each in answers}) == 1
    ticket = answers[0]["ticket"]
    assert (ticket["category"], ticket["status"], ticket["comment"]) == ("TECHNICAL", "NEW", "Дети учатся 🎓")
    assert (ticket["subject"], ticket["line"]) == ("Скорость 300 Мбит/с", {"id": line})
    found = (await state(ann, line))["speedRequest"]
    assert (found["requestedMbps"], found["status"]) == (300, "NEW")
    # Another one has to wait for the answer.
    [error] = (await ask_speed(ann, line, 500))["userErrors"]
    assert (error["__typename"], error["code"]) == ("RequestOpen", "CONFLICT")
    await till.rows("update ticket set status = 'CLOSED', closed_at = now()")
    assert codes(await ask_speed(ann, line, 500)) == []
    assert (await state(ann, line))["speedRequest"]["requestedMbps"] == 500


async def test_f133_what_cannot_be_asked_for(till: Till) -> None:
    line, ann = await wired(till), await till.of(ANN)
    for mbps in (100, 99, 0, -5, 10_001, 2**31 - 1):
        [error] = (await ask_speed(ann, line, mbps))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["mbps"]), mbps
    for comment in ("👍" * 10_000, "a\0b", "\x1b[2J"):
        [error] = (await ask_speed(ann, line, 300, comment=comment))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["comment"])
    assert codes(await ask_speed(ann, await till.line(ANN), 300)) == ["INVALID_INPUT"]
    for who, expected in ((BOB, "NOT_FOUND"), (VERA, "NOT_FOUND"), (EVE, "NOT_FOUND")):
        assert codes(await ask_speed(await till.of(who), line, 300)) == [expected]
    assert codes(await ask_speed(ann, encode("Line", 10**17), 300)) == ["NOT_FOUND"]
    assert codes(await ask_speed(ann, "\0", 300)) == ["NOT_FOUND"]
    assert codes(await ask_speed(await till.of(ANN, "PARTIAL"), line, 300)) == ["FORBIDDEN"]
    offering(till, speed_increase_request=False)
    assert codes(await ask_speed(ann, line, 300)) == ["FEATURE_DISABLED"]
    assert await till.rows("select from ticket") == []


def test_f120_traffic_of_some_applications_is_free(profiles: Mapping[str, Profile]) -> None:
    life, motiv = profiles["life"], profiles["motiv"]
    for name in ("BiP", "bip", " BIP "):
        assert is_zero_rated(life, name)
        assert counted(life, name, Decimal(1024)) == 0
    for other in ("BiPolar", "", None, "\0"):
        assert counted(life, other, Decimal(1024)) == 1024
    assert counted(motiv, "BiP", Decimal(1024)) == 1024


@pytest.mark.parametrize(("operator", "named"), [("life", ["BiP"]), ("motiv", []), ("beeline", [])])
async def test_f120_the_operator_says_which(cabinet: Cabinet, operator: str, named: list[str]) -> None:
    found = (await cabinet.of(operator).data("{ operator { zeroRated features { key enabled } } }"))["operator"]
    assert found["zeroRated"] == named
    assert {"key": "services.zero_rated", "enabled": bool(named)} in found["features"]


@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv", "tele2"])
async def test_f117_roaming_options_are_found_by_their_category(cabinet: Cabinet, operator: str) -> None:
    query = """{ services(filter: {categories: [ROAMING]}) { totalCount edges { node { category kind name } } } }"""
    found = (await cabinet.of(operator).data(query))["services"]
    assert found["totalCount"] == len(found["edges"]) >= 1
    assert {edge["node"]["category"] for edge in found["edges"]} == {"ROAMING"}
    assert {edge["node"]["kind"] for edge in found["edges"]} == {"MOBILE"}
