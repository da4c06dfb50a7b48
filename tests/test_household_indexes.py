"""What households and links look for is found by an index, however many rows there are."""

import asyncpg
import pytest

from services.sim_watch import _DUE

PENDING = "update link_request set resolved_at = now() where household_id = 1 and status = 'PENDING'"
HEIR = "select id from ownership_transfer where to_member_id = 1 and done_at is null and cancelled_at is null"


@pytest.mark.parametrize(
    ("index", "sql", "arguments"),
    [
        ("approval_request_asker", "select id from approval_request where requested_by_id = 1 order by id", ()),
        ("guest_grant_maker", "select id from guest_grant where created_by_id = 1 order by id desc limit 20", ()),
        ("link_request_household", PENDING, ()),
        ("ownership_transfer_heir", HEIR, ()),
        ("sim_check_asked", _DUE, (["beeline"], 3600.0)),
    ],
)
async def test_an_index_serves(empty_database: str, index: str, sql: str, arguments: tuple[object, ...]) -> None:
    connection = await asyncpg.connect(empty_database)
    try:
        # A few rows are read through whatever indexes there are; what is asked is whether one serves at all.
        await connection.execute("set enable_seqscan = off; set enable_sort = off; set enable_bitmapscan = off")
        plan = [row[0] for row in await connection.fetch(f"explain {sql}", *arguments)]
        assert any(f" using {index} " in line for line in plan), plan
    finally:
        await connection.close()
