"""Tariffs, services and lines for tests of fees, and what became of them.

Account 1 has the line 1 with the tariff "month" (300.00) and the services "daily" (5.00).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from domain.profile import Profile
from gateways.payments import Charged, UnconfiguredProvider
from services.payment_row import Desk
from services.payment_settlement import settle
from tests.ledger import rub

MOSCOW = ZoneInfo("Europe/Moscow")
SOLD = """
insert into tariff (id, operator, code, name, kind, fee, fee_period, connection_fee, included, terms, family_shareable,
  archived)
values (1, 'beeline', 'month', 'Всё за 300', 'MOBILE', 30000, 'MONTH', 0, '[]', '', false, false),
  (2, 'beeline', 'free', 'Даром', 'MOBILE', 0, 'MONTH', 0, '[]', '', false, false),
  (3, 'beeline', 'day', 'День', 'MOBILE', 1000, 'DAY', 0, '[]', '', false, false);
insert into service (id, operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
  archived)
values (1, 'beeline', 'daily', 'Гудок', 'MOBILE', 'RINGBACK', '', 500, 'DAY', 0, '', false),
  (2, 'beeline', 'once', 'Раз', 'MOBILE', 'OTHER', '', 700, 'ONCE', 0, '', false);
insert into app_user (id, operator, person_id, display_name, language, must_change_password, created_at)
select 1, 'beeline', id, 'One', 'ru', false, now() from person;
insert into line (id, operator, account_id, user_id, kind, msisdn, status, sim_epoch)
select n, 'beeline', n, 1, 'MOBILE', '7903000000' || n, 'ACTIVE', 1 from generate_series(1, 5) n
"""
TARIFF = """
insert into tariff_subscription (id, line_id, tariff_id, since, next_charge_at)
values ($1, $1, $2, now() - interval '1 year', $3)
"""
SERVICE = """
insert into service_subscription (id, line_id, service_id, since, next_charge_at)
values ($1, $2, $3, now() - interval '1 year', $4)
"""
PAYMENT = """
insert into payment (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee, refunded,
  method_kind, save_method, provider, provider_key, confirmation, created_at, check_at, checks)
values ('beeline', 1, gen_random_uuid(), 'x', 'TOP_UP', 'PROCESSING', 1, '***0001', 'RUB', $1, 0, 0, 'CARD', false,
  'bank', gen_random_uuid(), 'NONE', now(), now(), 0) returning id
"""

Town = asyncpg.Connection


def hours(count: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=count)


async def fees_of(town: Town, like: str = "fee:%") -> list[tuple[str, int]]:
    rows = await town.fetch(
        """select t.key, e.amount from ledger_transfer t join ledger_entry e on e.transfer_id = t.id
           join ledger_account a on a.id = e.account_id
           where t.kind = 'FEE' and a.kind = 'PERSONAL' and t.key like $1 order by t.id""",
        like,
    )
    return [(row["key"], row["amount"]) for row in rows]


async def subscription(town: Town, table: str, subscription_id: int) -> asyncpg.Record:
    row = await town.fetchrow(f"select * from {table}_subscription where id = $1", subscription_id)
    assert row is not None
    return row


async def status(town: Town, line: int = 1) -> tuple[str, str]:
    """Of the line and of its account."""
    row = await town.fetchrow(
        "select l.status, a.status from line l join personal_account a on a.id = l.account_id where l.id = $1", line
    )
    assert row is not None
    return row[0], row[1]


async def told(town: Town) -> list[str]:
    rows = await town.fetch("select body->>'to' as to, body->>'text' as text from outbox order by id")
    assert {row["to"] for row in rows} <= {f"7903000000{n}" for n in range(1, 6)}
    return [row["text"] for row in rows]


async def pay(town: Town, profiles: Mapping[str, Profile], minor: int) -> None:
    """A top-up of account 1 that the bank has made, settled."""
    payment = await town.fetchval(PAYMENT, minor)
    await settle(Desk(UnconfiguredProvider()), profiles["beeline"], payment, Charged("b-1", rub(minor), None, None))
