"""Databases that are lent: whoever borrows finds what the template is, whatever the one before did."""

import asyncpg
import pytest

from tests.copies import Copies
from tests.databases import fetch, reading, working
from tests.household_records import everything

COUNTED = "insert into counter (key, count, started_at, ends_at) values ('one', 1, now(), now())"
SET_FOR_ALL = """
do $$ begin
  execute format('alter database %I set search_path = pg_catalog, public', current_database());
end $$
"""


async def altered(url: str, statement: str) -> None:
    """Do that as somebody for whom no trigger fires."""
    connection = await asyncpg.connect(url, server_settings={"session_replication_role": "replica"})
    await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        f"{COUNTED}; update person set name = 'Nobody'; delete from number_link; delete from line; delete from tariff",
        "truncate ledger_entry, ledger_transfer, tariff cascade",
    ],
    ids=["rows", "tables"],
)
async def test_what_was_done_to_rows_is_undone(smiths_copies: Copies, statement: str) -> None:
    async with smiths_copies.lent() as url:
        before = await everything(url)
        await altered(url, statement)
        assert await everything(url) != before
    async with smiths_copies.lent() as again:
        assert again == url
        assert await everything(again) == before


async def test_ids_are_given_out_again(smiths_copies: Copies) -> None:
    born = "insert into person (operator, ref, name) values ('beeline', 'new', 'New') returning id"
    async with smiths_copies.lent() as url:
        first = await fetch(url, born)
    async with smiths_copies.lent() as again:
        assert await fetch(again, born) == first


@pytest.mark.parametrize(
    "statement",
    [
        "create table more (id int)",
        "drop table counter",
        "alter table counter rename to elsewhere",
        "alter table person add column more int",
        "alter table ledger_entry disable trigger all",
        "alter table ledger_account drop constraint ledger_account_floor",
        "create function more() returns int language sql return 1",
        SET_FOR_ALL,
    ],
)
async def test_where_more_than_rows_changed_nobody_gets_it(smiths_copies: Copies, statement: str) -> None:
    async with smiths_copies.lent() as url:
        await altered(url, statement)
    async with smiths_copies.lent() as other:
        assert other != url


async def test_connections_stay_and_those_of_others_do_not(smiths_copies: Copies) -> None:
    async with smiths_copies.lent() as url:
        left = await asyncpg.connect(url)
        async with working(url) as readers:
            await fetch(url, "set timezone = 'Asia/Tokyo'")
    assert left.is_closed() or await _is_lost(left)
    async with smiths_copies.lent() as again, working(again) as pool:
        assert pool is readers
        assert await fetch(again, "show timezone") != [("Asia/Tokyo",)]


async def test_a_connection_that_is_still_in_use_goes_with_its_database(smiths_copies: Copies) -> None:
    async with smiths_copies.lent() as url, reading(url) as readers:
        kept = await readers.acquire()
    async with smiths_copies.lent() as other:
        assert other != url
    with pytest.raises(asyncpg.InterfaceError):
        await kept.execute("select 1")


async def _is_lost(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    with pytest.raises(asyncpg.PostgresConnectionError):
        await connection.execute("select 1")
    return True
