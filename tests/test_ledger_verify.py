"""`hearth ledger verify`: it holds on a live database, and names the first row of every kind of corruption (I17)."""

import asyncio
import os
import subprocess

import asyncpg
import pytest

from domain.ledger import Posted, personal
from models.database import database
from services.ledger_verify import LedgerProven, verify
from tests.databases import fetch
from tests.hearth import hearth
from tests.ledger import PEOPLE, move, posted, top_up

CORRUPTIONS = {
    "account {personal}: the balance is the sum of the entries: expected 500, found 501": (
        "update ledger_account set balance = 501 where account_id = 1"
    ),
    "account {personal}: the balance less what is reserved is not below the floor: expected 900, found 500": (
        "alter table ledger_account drop constraint ledger_account_floor;"
        "update ledger_account set floor = 900 where account_id = 1"
    ),
    "account {bank}: nothing is kept of an account that is the operator's own: expected 0, found 7": (
        "alter table ledger_account drop constraint ledger_account_kept;"
        "update ledger_account set balance = 7 where account_id is null"
    ),
    "entry {entry}: it is of a transfer that exists: expected {transfer}, found nothing": (
        "delete from ledger_transfer where key = 'one'"
    ),
    "entry {entry}: it is of an account that exists: expected {bank}, found nothing": (
        "delete from ledger_account where account_id is null"
    ),
    "transfer {transfer}: it has two entries or more: expected 2, found 1": (
        "delete from ledger_entry where amount = -500"
    ),
    "transfer {transfer}: the entries sum to zero in each currency: expected 0, found -1": (
        "update ledger_entry set amount = -501 where amount = -500"
    ),
    "transfer {transfer}: it moves the money of its own operator only; entries of others: expected 0, found 2": (
        "update ledger_transfer set operator = 'life' where key = 'one'"
    ),
}


@pytest.mark.parametrize(("verdict", "corruption"), CORRUPTIONS.items())
async def test_i17_the_proof_finds_every_kind_of_corruption(empty_database: str, verdict: str, corruption: str) -> None:
    await fetch(empty_database, PEOPLE)
    async with database(empty_database, pool_size=1):
        one = await posted(top_up(1, 500, "one"))
        await posted(top_up(2, 7))
    assert isinstance(one, Posted)
    [(own, bank, entry)] = await fetch(
        empty_database,
        """select max(a.id) filter (where a.account_id = 1), max(a.id) filter (where a.kind = 'CLEARING'), min(e.id)
        from ledger_account a join ledger_entry e on e.account_id = a.id""",
    )
    connection = await asyncpg.connect(empty_database)
    await connection.execute(f"set session_replication_role = replica; {corruption}")
    await connection.close()
    expected = verdict.format(personal=own, bank=bank, entry=entry, transfer=one.transfer_id)
    assert str(await verify(empty_database)) == f"ledger {expected}"


async def test_i17_the_proof_holds_while_money_moves(ledger: str) -> None:
    for account in range(1, 6):
        await posted(top_up(account, 1000))

    async def moving(turn: int) -> None:
        for step in range(1, 11):
            await posted(move(personal(1 + turn), personal(1 + (turn + step % 4 + 1) % 5), 3))

    movers = asyncio.gather(*(moving(turn) for turn in range(4)))
    while not movers.done():
        assert isinstance(await verify(ledger), LedgerProven)
    await movers


async def test_i17_the_command_proves_the_demo_and_names_the_account_that_is_wrong(demo_database: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")}
    environment |= {"HEARTH_ENV": "development", "HEARTH_DATABASE_URL": demo_database}

    def verified() -> subprocess.CompletedProcess[str]:
        return hearth(environment, "ledger", "verify")

    [(entries,)] = await fetch(demo_database, "select count(*) from ledger_entry")
    right = await asyncio.to_thread(verified)
    assert (right.returncode, right.stderr) == (0, "")
    assert f"{entries:,} entries" in right.stdout

    connection = await asyncpg.connect(demo_database)
    await connection.execute("set session_replication_role = replica")
    broken = await connection.fetchrow(
        """update ledger_account set balance = balance + 1
        where id = (select max(id) from ledger_account where kind = 'PERSONAL') returning id, balance"""
    )
    await connection.close()
    assert broken is not None
    wrong = await asyncio.to_thread(verified)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == (
        f"hearth: ledger account {broken['id']}: the balance is the sum of the entries: "
        f"expected {broken['balance'] - 1}, found {broken['balance']}\n"
    )
