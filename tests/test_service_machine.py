"""Services switched on and off at random while time goes by, against a plain model of what it should have cost.

Whatever people do, and however late the worker is, each period is charged once and none is skipped (F112).
"""

import itertools
from calendar import monthrange
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from auth.session import Viewer
from domain.access import AccessLevel
from domain.profile import Profile
from models.database import database as connected
from services import fees, service_connection, service_course, service_disconnection
from services.service_connection import ServiceConnected, ServiceWanted
from services.service_disconnection import ServiceDisconnected
from tests.databases import created, fetch
from tests.fees import MOSCOW
from tests.ledger import PEOPLE, posted, top_up

# Everything that asks PostgreSQL what time it is asks this one: ours come before its own.
CLOCK = """
create schema clock;
create table clock.shift (hours int not null);
insert into clock.shift values (0);
create function clock.now() returns timestamptz stable language sql
  as 'select pg_catalog.now() + make_interval(hours => (select hours from clock.shift))';
"""
SOLD = """
insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, terms,
  archived, trial_days)
values ('beeline', 'daily', 'Daily', 'MOBILE', 'OTHER', '', 500, 'DAY', 100, '', false, null),
  ('beeline', 'monthly', 'Monthly', 'MOBILE', 'OTHER', '', 3000, 'MONTH', 0, '', false, null),
  ('beeline', 'tried', 'Tried', 'MOBILE', 'OTHER', '', 700, 'DAY', 0, '', false, 5);
insert into app_user (id, operator, person_id, display_name, language, must_change_password, created_at)
select 1, 'beeline', id, 'One', 'ru', false, now() from person
"""
NEW_LINE = """
with a as (
  insert into personal_account (id, operator, number, kind, contract_id, status, cash_payments_banned)
  select $1::bigint, 'beeline', $1::text, 'MOBILE', c.id, 'ACTIVE', false from contract c)
insert into line (id, operator, account_id, user_id, kind, msisdn, status, sim_epoch)
values ($1::bigint, 'beeline', $1::bigint, 1, 'MOBILE', $1::text, 'ACTIVE', 1)
"""
CHARGED = """
select -e.amount from ledger_transfer t join ledger_entry e on e.transfer_id = t.id
join ledger_account a on a.id = e.account_id
where t.kind = 'FEE' and a.account_id = $1 and a.kind = 'PERSONAL' order by t.id
"""
FEES, CONNECTIONS, TRIALS = (500, 3_000, 700), (100, 0, 0), (0, 0, 5)
MONTHLY = 1
_numbers = itertools.count(79_031_000_000)


@pytest.fixture
async def clockwork(engine: str, empty_template: str, profiles: Mapping[str, Profile]) -> AsyncIterator[str]:
    """A database whose clock the test moves, and this process connected to it."""
    async with created(engine, "clockwork", empty_template) as url:
        await fetch(url, PEOPLE)
        connection = await asyncpg.connect(url)
        await connection.execute(CLOCK)
        await connection.execute(SOLD)
        name = await connection.fetchval("select current_database()")
        await connection.execute(f"alter database {name} set search_path = clock, public, pg_catalog")
        await connection.close()
        async with connected(url, pool_size=4):
            yield url


@dataclass
class Service:
    """What the model knows of a service of the line. `due` is the day on which the next period begins."""

    is_on: bool = False
    due: date | None = None
    month_day: int = 1
    free_until: date | None = None
    tried: bool = False
    unpaid: bool = False


@dataclass
class Model:
    """The bookkeeping of one line in whole days: what each period costs, in the order in which they begin."""

    balance: int = 0
    charged: list[int] = field(default_factory=list)
    # As they were first connected: of one day the older subscription is charged before the younger.
    order: list[int] = field(default_factory=list)
    services: list[Service] = field(default_factory=lambda: [Service() for _ in FEES])

    def connect(self, which: int, today: date) -> bool:
        service = self.services[which]
        if service.is_on:
            return False
        if service.free_until is not None and service.free_until > today:
            service.is_on, service.due = True, service.free_until
            return True
        trial = TRIALS[which] if not service.tried else 0
        price = CONNECTIONS[which] + (0 if trial else FEES[which])
        if self.balance < price:
            return False
        service.is_on, service.unpaid = True, False
        if which not in self.order:
            self.order.append(which)
        if CONNECTIONS[which]:
            self._pay(CONNECTIONS[which])
        if trial:
            service.tried, service.due = True, today + timedelta(days=trial)
        else:
            self._charge(which, today)
        return True

    def disconnect(self, which: int, today: date) -> bool:
        service = self.services[which]
        if not service.is_on:
            return False
        self._catch_up([which], today)
        service.is_on, service.free_until = False, None if service.unpaid else service.due
        service.due, service.unpaid = None, False
        return True

    def work(self, today: date) -> None:
        self._catch_up(self.order, today)
        for which in self.order:
            service = self.services[which]
            if service.is_on and service.unpaid and self.balance >= FEES[which]:
                service.unpaid = False
                self._charge(which, today)

    def _catch_up(self, which: list[int], today: date) -> None:
        def waiting() -> list[tuple[date, int, int]]:
            found = ((self.services[n].due, self.order.index(n), n) for n in which if self.services[n].is_on)
            return [(due, place, n) for due, place, n in found if due is not None and due <= today]

        while found := waiting():
            day, _, n = min(found)
            if self.balance >= FEES[n]:
                self._charge(n, day)
            else:
                self.services[n].due, self.services[n].unpaid = None, True

    def _charge(self, which: int, day: date) -> None:
        self._pay(FEES[which])
        service = self.services[which]
        if which != MONTHLY:
            service.due = day + timedelta(days=1)
            return
        if service.due != day or day.day != min(service.month_day, monthrange(day.year, day.month)[1]):
            service.month_day = day.day
        following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        service.due = following.replace(day=min(service.month_day, monthrange(following.year, following.month)[1]))

    def _pay(self, minor: int) -> None:
        self.balance -= minor
        self.charged.append(minor)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("connect"), st.integers(0, 2)),
        st.tuples(st.just("disconnect"), st.integers(0, 2)),
        st.tuples(st.just("top_up"), st.integers(1, 9_000)),
        st.tuples(st.just("hours"), st.integers(1, 800)),
        st.tuples(st.just("work"), st.just(0)),
    ),
    min_size=6,
    max_size=14,
)


@settings(
    max_examples=10,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps)
async def test_f112_charges_equal_those_of_a_plain_model(
    clockwork: str, profiles: Mapping[str, Profile], steps: list[tuple[str, int]]
) -> None:
    free = profiles["beeline"].services.model_copy(update={"require_quote_token": False})
    profile = profiles["beeline"].model_copy(update={"services": free})
    await fetch(clockwork, "update clock.shift set hours = 0")
    account = line = next(_numbers)
    await fetch(clockwork, NEW_LINE, line)
    sold = [row[0] for row in await fetch(clockwork, "select id from service order by id")]
    told: Any = SimpleNamespace(user_id=1, operator="beeline", access_level=AccessLevel.FULL, staff=None)
    viewer = cast(Viewer, told)
    model, hours, keys = Model(), 0, itertools.count()

    for step, value in [("top_up", 8_000), *steps, ("work", 0)]:
        today = (datetime.now(UTC) + timedelta(hours=hours)).astimezone(MOSCOW).date()
        key = f"step-{line}-{next(keys)}"
        match step:
            case "connect":
                wanted = ServiceWanted(key, line, sold[value], None)
                outcome = await service_connection.connect(profile, b"", viewer, wanted)
                assert isinstance(outcome, ServiceConnected) == model.connect(value, today), outcome
            case "disconnect":
                find = "select id from service_subscription where line_id = $1 and service_id = $2"
                found = await fetch(clockwork, find, line, sold[value])
                gone = await service_disconnection.disconnect(profile, viewer, key, found[0][0] if found else 0)
                assert isinstance(gone, ServiceDisconnected) == model.disconnect(value, today), gone
            case "top_up":
                await posted(top_up(account, value, f"top-up:{key}"))
                model.balance += value
            case "hours":
                hours += value
                await fetch(clockwork, "update clock.shift set hours = $1", hours)
            case "work":
                await service_course.sweep({"beeline": profile})
                await fees.charge_due({"beeline": profile})
                model.work(today)
        assert [row[0] for row in await fetch(clockwork, CHARGED, account)] == model.charged, (step, value)
    on = await fetch(
        clockwork, "select service_id from service_subscription where line_id = $1 and ended_at is null", line
    )
    assert {row[0] for row in on} == {each for each, service in zip(sold, model.services, strict=True) if service.is_on}
