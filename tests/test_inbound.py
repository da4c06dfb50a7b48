"""F005, F006, N10: what the operator's gateway posts, signed; and the telephone of the development page."""

import time
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest

from gateways.signature import sign
from tests.cabinet import Cabinet
from tests.conftest import SECRET


async def post(cabinet: Cabinet, path: str, told: object, *, key: str = SECRET, age: int = 0) -> httpx2.Response:
    body, timestamp = orjson.dumps(told), int(time.time()) - age
    headers = {"x-hearth-timestamp": str(timestamp), "x-hearth-signature": sign(body, timestamp, key)}
    return await cabinet.http.post(path, content=body, headers=headers)


async def messages(database: "asyncpg.Connection[asyncpg.Record]") -> int:
    found: int = await database.fetchval("select count(*) from outbox where kind = 'sms'")
    return found


@pytest.mark.parametrize(
    ("operator", "to", "status"),
    [
        ("motiv", "1070", 202),
        ("life", "*120#", 202),
        ("beeline", "*110*9#", 202),
        ("beeline", "*120#", 404),
        ("motiv", "1071", 404),
        ("tele2", "*120#", 404),
        ("nobody", "1070", 400),
    ],
)
async def test_what_is_dialled_or_sent_brings_a_temporary_password_where_the_profile_says(
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
    to: str,
    status: int,
) -> None:
    sender = demo_people.get(operator, demo_people["motiv"])["strangers"][0]["msisdn"]
    before = await database.fetch("select id, temporary_hmac from app_user")
    response = await post(cabinet, "/gateway/inbound", {"operator": operator, "from": f"+{sender}", "to": to})
    assert response.status_code == status
    assert await messages(database) == (1 if status == 202 else 0)
    await database.executemany(
        "update app_user set temporary_hmac = $2 where id = $1",
        [tuple(row) for row in before],
    )


@pytest.mark.parametrize("told", [{}, {"from": 1, "to": 2}, [], "x", None, {"from": "x", "to": "1070"}])
async def test_malformed_is_refused_and_changes_nothing(
    cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]", told: object
) -> None:
    assert (await post(cabinet, "/gateway/inbound", told)).status_code in (400, 404)
    assert await messages(database) == 0


@pytest.mark.parametrize("path", ["/gateway/inbound", "/gateway/reports"])
async def test_forged_late_and_unsigned_are_refused(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]", path: str
) -> None:
    told = {"operator": "motiv", "from": demo_people["motiv"]["owner"]["msisdn"], "to": "1070"}
    assert (await post(cabinet, path, told, key="another key")).status_code == 403
    assert (await post(cabinet, path, told, age=301)).status_code == 403
    assert (await post(cabinet, path, told, age=-301)).status_code == 403
    assert (await cabinet.http.post(path, content=orjson.dumps(told))).status_code == 403
    assert await messages(database) == 0


async def test_n10_report_is_noted(cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]") -> None:
    await database.execute(
        "insert into outbox (operator, kind, body, created_at, run_at, attempts, done_at, gateway_id, delivery)"
        " values ('tele2', 'sms', '{}', now(), now(), 1, now(), 'm-1', 'SENT')"
    )
    assert (await post(cabinet, "/gateway/reports", {"id": "m-1", "status": "FAILED"})).status_code == 204
    assert await database.fetchval("select delivery from outbox") == "FAILED"


async def test_dev_phone_stands_in_for_a_telephone(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    page = await cabinet.http.get("/dev/phone")
    assert page.status_code == 200
    assert "*120#" in page.text
    sent = await cabinet.http.post("/dev/phone", data={"operator": "life", "from": "<script>", "to": "*120#"})
    assert "no number of this operator" in sent.text
    assert "<script>" not in sent.text
