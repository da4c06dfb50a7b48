"""The ledger under real concurrency and kills: no deadlock, nothing lost, nothing twice (I14, I17)."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import AlreadyPosted, InsufficientFunds, Posted, Transfer, personal, promised
from models.database import tx
from services.ledger import lock_funds, post
from tests.databases import fetch
from tests.ledger import OPERATOR, REVENUE, balance, cleared, limit, move, posted, top_up


async def at_once(work: Callable[[int], Awaitable[Any]], times: int = 50) -> list[Any]:
    return await asyncio.gather(*(work(turn) for turn in range(times)))


async def posted_at_once(transfer: Transfer) -> Posted | AlreadyPosted | InsufficientFunds:
    """Post it, and find that nothing made `tx` run it again: a deadlock would."""
    tries = 0

    async def work(connection: BaseDBAsyncClient) -> Posted | AlreadyPosted | InsufficientFunds:
        nonlocal tries
        tries += 1
        return await post(connection, transfer)

    answer = await tx(work)
    assert tries == 1
    return answer


async def test_i17_transfers_in_all_directions_neither_deadlock_nor_lose_money(ledger: str) -> None:
    for account in range(1, 6):
        await posted(top_up(account, 1000))
    chance = random.Random(17)
    pairs = [chance.sample([personal(account) for account in range(1, 6)], 2) for _ in range(50)]
    transfers = [move(source, target, chance.randint(1, 400)) for source, target in pairs]
    answers = await at_once(lambda turn: posted_at_once(transfers[turn]))
    assert {type(answer) for answer in answers} <= {Posted, InsufficientFunds}
    assert sum([await balance(account) for account in range(1, 6)]) == 5000


async def test_i17_opposite_transfers_at_once_do_not_deadlock(ledger: str) -> None:
    for account in (1, 2):
        await posted(top_up(account, 1000))
    there, back = (personal(1), personal(2)), (personal(2), personal(1))
    transfers = [move(*(there if turn % 2 else back), minor=10) for turn in range(50)]
    await at_once(lambda turn: posted_at_once(transfers[turn]))
    assert (await balance(1), await balance(2)) == (1000, 1000)


async def test_i17_one_key_fifty_times_at_once_has_one_effect(ledger: str) -> None:
    answers = await at_once(lambda _: posted(top_up(1, 70, "once")))
    assert [type(answer) for answer in answers].count(Posted) == 1
    assert len({answer.transfer_id for answer in answers}) == 1
    assert await balance(1) == 70
    assert await fetch(ledger, "select count(*) from ledger_entry") == [(2,)]


async def test_i17_the_floor_holds_under_fifty_debits_at_once(ledger: str) -> None:
    await posted(top_up(1, 100))
    await limit(1, 25)
    answers = await at_once(lambda _: posted(move(personal(1), REVENUE, 10)))
    assert [type(answer) for answer in answers].count(Posted) == 12
    assert answers.count(InsufficientFunds((personal(1),))) == 38
    assert await balance(1) == -20


async def test_the_operators_accounts_are_made_once_by_many_at_once(ledger: str) -> None:
    await at_once(lambda turn: posted(top_up(1 + turn % 5, 5)), 20)
    assert await fetch(ledger, "select kind, count(*) from ledger_account group by kind order by kind") == [
        ("CLEARING", 1),
        ("PERSONAL", 5),
    ]
    assert await cleared() == -100


async def test_a_top_up_does_not_wait_for_one_of_another_account(ledger: str) -> None:
    for account in (1, 2):
        await posted(top_up(account, 5))

    held, released = asyncio.Event(), asyncio.Event()

    async def slow(connection: BaseDBAsyncClient) -> None:
        await post(connection, top_up(1, 5))
        held.set()
        await released.wait()

    task = asyncio.create_task(tx(slow))
    await held.wait()
    # Were the provider's account locked, this would wait for the other, which waits for this.
    assert isinstance(await posted(top_up(2, 5)), Posted)
    released.set()
    await task
    assert await cleared() == -20


async def test_i14_what_is_checked_under_lock_stays_true(ledger: str) -> None:
    await posted(top_up(1, 5))

    async def promise(connection: BaseDBAsyncClient) -> bool:
        await lock_funds(connection, OPERATOR, personal(1))
        outstanding = await lock_funds(connection, OPERATOR, promised(1))
        if outstanding is not None and outstanding.balance < 0:
            return False
        return isinstance(await post(connection, move(promised(1), personal(1), 100)), Posted)

    assert sum(await at_once(lambda _: tx(promise), 20)) == 1
    assert await balance(1) == 105


async def test_i17_a_connection_that_dies_in_the_middle_leaves_nothing(ledger: str) -> None:
    await posted(top_up(1, 5))

    async def dying(connection: BaseDBAsyncClient) -> None:
        assert isinstance(await post(connection, top_up(1, 500, "dying")), Posted)
        [(process,)] = await fetch(
            ledger,
            "select pid from pg_stat_activity where state = 'idle in transaction' and datname = current_database()",
        )
        await fetch(ledger, "select pg_terminate_backend($1, 5000)", process)

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await tx(dying)
    assert await balance(1) == 5
    assert isinstance(await posted(top_up(1, 500, "dying")), Posted)
