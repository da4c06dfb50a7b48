"""Remains as they change, over a socket (F062): told of use, and only to who may see them (I8)."""

from typing import Any

import asyncpg
import pytest

from tests.packages import GB, left, put, subscribed, use
from tests.sockets import tell
from tests.test_subscriptions import OPERATOR, line, signed_in
from tests.till import ANN, CID, Till

REMAINS = "subscription ($ids: [ID!]) { remainsChanged(lineIds: $ids) { id remains { name left } } }"
USE = """
update package_counter set remaining = remaining - 1 where id = (
  select id from package_counter where line_id = $1 and remaining > 1 and not unlimited order by id limit 1)
"""


async def test_f062_remains_are_told_at_once_and_when_something_is_used_to_who_may_see_them(
    hearth_server: str, process_database: str, demo_people: dict[str, Any]
) -> None:
    people = demo_people[OPERATOR]
    behind = await asyncpg.connect(process_database)
    try:
        own, _ = await line(behind, people["owner"]["msisdn"])
        key = await behind.fetchval("select id from line where msisdn = $1", people["owner"]["msisdn"])
        foreign, _ = await line(behind, people["strangers"][0]["msisdn"])
        async with signed_in(hearth_server, people["owner"]) as client:
            await client.subscribe("f", REMAINS, ids=[foreign])
            assert await client.receive() == {"id": "f", "type": "complete"}
            await client.subscribe("r", REMAINS, ids=[foreign, own])
            before = (await client.next("r"))["remainsChanged"]
            assert before["id"] == own
            await behind.execute(USE, key)
            await tell(behind, f"remains:{key}")
            after = (await client.next("r"))["remainsChanged"]
            assert after["remains"] != before["remains"]
            await tell(behind, f"balance:{key}", f"remains:{key + 10_000}")
            assert await client.silent()
    finally:
        await behind.close()


@pytest.mark.parametrize("pooled", [False, True])
async def test_f062_use_tells_of_the_line_and_of_those_that_share_its_packages(till: Till, pooled: bool) -> None:
    keys = dict(await till.rows("select msisdn, id from line"))
    ann, cid = keys["79030001000"], keys["79030001002"]
    await subscribed(till, ANN)
    await put(till, ANN, "tariff:0", GB)
    if pooled:
        house = await till.value("select id from household")
        await till.rows("insert into pool_share (household_id, line_id, used) values ($1, $2, 0)", house, cid)
    heard: list[str] = []
    listener = await asyncpg.connect(till.url)
    try:
        await listener.add_listener("hearth_events", lambda *told: heard.extend(told[-1].split(",")))
        await use(till, ANN, 1)
        await use(till, CID, 2)
        await listener.execute("select 1")
    finally:
        await listener.close()
    remains = [event for event in heard if event.startswith("remains:")]
    assert sorted(set(remains)) == sorted(f"remains:{each}" for each in ([ann, cid] if pooled else [ann]))
    assert (await left(till, ANN))["tariff:0"] == GB - (3 if pooled else 1)
