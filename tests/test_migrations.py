"""Migrations: the models need none that is not there, and several starts at once migrate once."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import tortoise.models
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.database import tortoise_config
from models.migrate import TABLES, migrate, shipped
from services.ledger_verify import LedgerProven, verify
from tests.databases import fetch
from tests.tables import as_sql, bare_database, migrated_up_to, recorded


@contextmanager
def without_queries() -> Iterator[None]:
    """Let Tortoise leave out what queries of the models of each step would need: five sixths of its time.

    `make tables` does without this. What is read of a real model meanwhile would stay broken: it is set up before.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StateApps, "_build_initial_querysets", lambda _: None)
        patch.setattr(tortoise.models, "get_filters_for_field", lambda **_: {})
        yield


async def test_models_and_migrations_agree(empty_database: str) -> None:
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(empty_database))
        assert context.apps is not None
        with without_queries():
            changes = await MigrationAutodetector(context.apps, tortoise_config(empty_database)["apps"]).changes()
        assert [operation for writer in changes for operation in writer.operations] == []


# What a ledger looked like when the operator's own accounts kept a balance.
OLD_LEDGER = """
with p as (insert into person (operator, ref, name) values ('beeline', 'one', 'One') returning id),
c as (
  insert into contract (operator, number, holder_id, kind, status, epoch)
  select 'beeline', 'C1', id, 'CONSUMER', 'ACTIVE', 1 from p returning id),
a as (
  insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned)
  select 'beeline', 'A' || n, 'MOBILE', c.id, 'ACTIVE', false from c cross join generate_series(1, 2) n
  returning id, number)
insert into ledger_account (operator, kind, account_id, currency, balance, reserved, credit_limit, floor)
select 'beeline', 'PERSONAL', id, 'RUB', case number when 'A1' then 700 else -700 end, 0, 50,
  case number when 'A1' then -50 else -700 end from a
union all select 'beeline', kind, null, 'RUB', 0, 0, 0, null from unnest(array['CLEARING', 'OPENING']) kind;
with t as (
  insert into ledger_transfer (operator, kind, key, at) values ('beeline', 'TOP_UP', 'old', now()) returning id)
insert into ledger_entry (transfer_id, account_id, amount)
select t.id, a.id, a.balance from t cross join ledger_account a where a.balance <> 0;
"""

# A payment whose card is still to be shown on the bank's page, one by a card that is known, and one that is over.
OLD_PAYMENTS = """
with p as (insert into person (operator, ref, name) values ('beeline', 'two', 'Two') returning id),
u as (
  insert into app_user (operator, person_id, display_name, language, must_change_password, created_at)
  select 'beeline', id, 'Two', 'ru', false, now() from p returning id),
c as (
  insert into contract (operator, number, holder_id, kind, status, epoch)
  select 'beeline', 'C2', id, 'CONSUMER', 'ACTIVE', 1 from p returning id),
a as (
  insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned)
  select 'beeline', 'A3', 'MOBILE', id, 'ACTIVE', false from c returning id)
insert into payment
  (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee, refunded, method_kind,
   save_method, fingerprint, provider, provider_key, confirmation, created_at, check_at, checks, confirm_by)
select 'beeline', u.id, k, '', 'TOP_UP', status, a.id, '', 'RUB', 1, 0, 0, 'CARD', false, print, 'bank',
  gen_random_uuid(), 'BANK_REDIRECT', now(), case when status = 'PROCESSING' then now() end, 0, now()
from u, a, (values ('shown', 'PROCESSING', null), ('known', 'PROCESSING', 'f'), ('over', 'DECLINED', null))
  as old (k, status, print)
"""


@dataclass(frozen=True)
class Upgraded:
    """A database that old versions wrote into, and what was done to bring it up to date."""

    url: str
    scripts: list[str]
    applied: list[str]


@pytest.fixture(scope="module")
def quickly() -> Iterator[None]:
    """Migrations take the steps that they take otherwise, without queries."""
    plainly = MigrationExecutor.migrate

    async def migrate_quickly(executor: MigrationExecutor, *arguments: Any, **options: Any) -> None:
        with without_queries():
            await plainly(executor, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MigrationExecutor, "migrate", migrate_quickly)
        yield


@pytest.fixture(scope="module")
async def upgraded(engine: str, quickly: None) -> AsyncIterator[Upgraded]:
    """One database for all upgrades, since it takes seconds to go the way."""
    async with bare_database(engine, f"upgraded_{os.getpid()}") as url:
        with recorded() as scripts:
            await asyncio.create_task(migrated_up_to(url, "0003_sign_in_ways"))
            connection = await asyncpg.connect(url)
            await connection.execute(OLD_LEDGER)
            await asyncio.create_task(migrated_up_to(url, "0007_payment_rules"))
            await connection.execute(OLD_PAYMENTS)
            await connection.close()
            applied = await migrate(url)
        yield Upgraded(url, scripts, applied)


async def test_a_new_database_is_what_the_migrations_make_of_it(upgraded: Upgraded) -> None:
    assert TABLES.read_text() == as_sql(upgraded.scripts), "models/tables.sql is stale: run 'make tables' and commit it"


async def test_starts_at_the_same_moment_migrate_once(engine: str) -> None:
    async with bare_database(engine, f"migrated_once_{os.getpid()}") as url:
        applied = await asyncio.gather(*(migrate(url) for _ in range(4)))
        assert sorted(name for names in applied for name in names) == sorted(shipped())


async def test_database_of_an_older_version_is_brought_up_to_date(upgraded: Upgraded) -> None:
    assert upgraded.applied == [name for name in sorted(shipped()) if name > "0007_payment_rules"]
    assert await migrate(upgraded.url) == []


async def test_i17_a_ledger_of_an_older_version_is_right_in_the_new_shape(upgraded: Upgraded) -> None:
    assert await verify(upgraded.url) == LedgerProven(accounts=4, transfers=1, entries=2)
    shape = "select kind, provider, balance, floor from ledger_account order by kind, balance"
    assert await fetch(upgraded.url, shape) == [
        ("CLEARING", "import", None, None),
        ("OPENING", "", None, None),
        ("PERSONAL", "", -700, -700),
        ("PERSONAL", "", 700, -50),
    ]


async def test_a_payment_on_its_way_is_asked_again_as_before_the_upgrade(upgraded: Upgraded) -> None:
    held = await fetch(upgraded.url, "select key, hold from payment order by key")
    assert held == [("known", False), ("over", False), ("shown", True)]
