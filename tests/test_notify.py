"""Who listens is told ids, at commit and only then."""

import asyncio

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import personal
from models.database import tx
from models.notify import CHANNEL, notify, payloads
from services.ledger import post
from tests.ledger import move, posted, top_up


async def test_the_watchers_of_both_balances_are_told_at_commit(ledger: str) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(ledger)
    await listener.add_listener(CHANNEL, lambda *event: told.put_nowait(event[3]))

    async def rolled_back(connection: BaseDBAsyncClient) -> None:
        await post(connection, top_up(1, 5))
        await notify(connection, "payment:9")
        raise ValueError("no")

    async def committed(connection: BaseDBAsyncClient) -> None:
        await notify(connection)
        await notify(connection, "payment:1", "payment:2", "payment:1")

    with pytest.raises(ValueError, match="no"):
        await tx(rolled_back)
    await posted(top_up(3, 500, "once"))
    await posted(top_up(3, 500, "once"))
    await posted(move(personal(3), personal(2), 501))
    await posted(move(personal(3), personal(2), 5))
    await tx(committed)
    assert [await asyncio.wait_for(told.get(), 10) for _ in range(3)] == [
        "balance:3",
        "balance:2,balance:3",
        "payment:1,payment:2",
    ]
    assert told.empty()
    await listener.close()


@given(st.lists(st.integers(1, 10**18), max_size=2000))
def test_every_event_is_told_once_and_a_payload_is_never_too_large(ids: list[int]) -> None:
    made = list(payloads(f"balance:{each}" for each in ids))
    assert all(0 < len(payload.encode()) <= 7_900 for payload in made)
    events = [event for payload in made for event in payload.split(",")]
    assert events == [f"balance:{each}" for each in dict.fromkeys(ids)]


@pytest.mark.parametrize("event", ["", "balance", "balance:", ":1", "a:1,b:2", "a:\n", "b:é", "a:" + "1" * 7_900])
def test_what_could_not_be_told_apart_is_refused(event: str) -> None:
    with pytest.raises(ValueError, match=r"an event of|is not"):
        list(payloads([event]))


async def test_the_largest_payload_is_one_that_postgresql_takes(ledger: str) -> None:
    async def work(connection: BaseDBAsyncClient) -> None:
        await notify(connection, "a:" + "1" * 7_898)

    await tx(work)
