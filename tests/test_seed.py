"""Invented households: whole, in the database's own order, and more of them each time."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from domain.profile import Profile
from services.seed import NothingToSell, seed
from tests.databases import fetch
from tests.household_records import everything

FIVE = ("beeline", "letai", "life", "motiv", "tele2")


async def test_seeding_goes_on_where_it_stopped(demo_database: str, profiles: Mapping[str, Profile]) -> None:
    five = {name: profiles[name] for name in FIVE}
    [(demo_households,)] = await fetch(demo_database, "select count(*) from household")
    told: list[str] = []

    await seed(demo_database, households=12, profiles=five, progress=told.append)
    await seed(demo_database, households=12, profiles=five, progress=told.append)

    assert told[-1] == "The database holds 24 invented households."
    assert await fetch(demo_database, "select count(*) from household") == [(demo_households + 24,)]
    shares = "select operator, count(*) from household where ref like 'seed-%' group by 1 order by 1"
    assert await fetch(demo_database, shares) == [
        ("beeline", 6),
        ("letai", 6),
        ("life", 4),
        ("motiv", 4),
        ("tele2", 4),
    ]


async def test_an_invented_household_is_whole(demo_database: str, profiles: Mapping[str, Profile]) -> None:
    await seed(demo_database, households=10, profiles=profiles, operator="beeline", progress=lambda _: None)

    per_household = {
        "membership m": 4,
        "number_link m": 6,
    }
    for table, number in per_household.items():
        counts = await fetch(
            demo_database,
            f"select count(*) from {table} join household h on h.id = m.household_id"
            " where h.ref like 'seed-%' group by h.id",
        )
        assert counts == [(number,)] * 10
    lines = "from line l join login g on g.value = l.msisdn where l.msisdn like '799%'"
    assert await fetch(demo_database, f"select count(*) {lines}") == [(40,)]
    assert await fetch(demo_database, "select count(*) from line where service_point like 'SEED-%'") == [(20,)]
    assert await fetch(
        demo_database,
        """select distinct count(*) from package_counter p join line l on l.id = p.line_id
        where l.msisdn like '799%' group by l.id""",
    ) == [(3,)]
    assert await fetch(
        demo_database,
        """select count(distinct t.line_id), count(distinct s.line_id) from line l
        left join tariff_subscription t on t.line_id = l.id left join service_subscription s on s.line_id = l.id
        where l.msisdn like '799%' or l.service_point like 'SEED-%'""",
    ) == [(60, 60)]
    assert await fetch(
        demo_database,
        """select count(*) from number_link n left join consent c on c.link_id = n.id
        where c.id is null or not n.scopes <@ c.scopes or n.primary_slot is distinct from n.line_id""",
    ) == [(0,)]


async def test_invented_money_is_double_entry(demo_database: str, profiles: Mapping[str, Profile]) -> None:
    await seed(demo_database, households=10, profiles=profiles, operator="life", progress=lambda _: None)

    assert await fetch(demo_database, "select sum(amount) from ledger_entry") == [(Decimal(0),)]
    differing = """
        select count(*) from ledger_account g
        where balance <> coalesce((select sum(amount) from ledger_entry e where e.account_id = g.id), 0)"""
    assert await fetch(demo_database, differing) == [(0,)]
    snapshots = """
        select count(*) from balance_snapshot s join ledger_account g on g.account_id = s.account_id
        where s.available = g.balance"""
    [(accounts,)] = await fetch(demo_database, "select count(*) from ledger_account where kind = 'PERSONAL'")
    assert await fetch(demo_database, snapshots) == [(accounts,)]


async def test_without_a_catalogue_there_is_nothing_to_seed(
    empty_database: str, profiles: Mapping[str, Profile]
) -> None:
    before = await everything(empty_database)

    with pytest.raises(NothingToSell, match="tele2 has no tariff for MOBILE"):
        await seed(empty_database, households=1, profiles=profiles, operator="tele2", progress=lambda _: None)

    assert await everything(empty_database) == before
