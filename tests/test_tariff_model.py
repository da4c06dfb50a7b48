"""Whatever is done to a line's tariff, what it is charged equals a plain model's (F057, F106, F108, I17).

The database's clock stands at the end of January of a leap year and is moved by hand, so that months of every length
are met; the worker runs when it is told to.
"""

import asyncio
from calendar import monthrange
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.profile import Profile
from domain.profile_offering import ChangeEffective
from domain.quote_refusals import Quoted
from domain.tariff import Chosen
from domain.usage import UsageUnit
from models.database import database as connected
from services import tariff_change, tariff_revert
from services.fees import charge_due
from services.tariff_change import TariffChanged, Wanted
from tests.fees import SOLD as LINES
from tests.ledger import posted, top_up
from tests.machine.world import viewer_of
from tests.tariffs import SOLD
from tests.test_features import with_values

FIRST_DAY = date(2028, 1, 31)
SECRET = b"a secret of the tests, long enough for production too"
# Names without a schema are looked for in ours first, so every statement of the house reads this clock.
CLOCK = """
create table clock (step interval not null);
insert into clock select timestamptz '2028-01-31 12:00 Europe/Moscow' - pg_catalog.now();
create function public.now() returns timestamptz stable language sql
  as 'select pg_catalog.now() + (select step from public.clock)';
"""
LINE = """
with a as (
  insert into personal_account (id, operator, number, kind, contract_id, status, cash_payments_banned)
  select $1::bigint, 'beeline', 'M' || $1::bigint::text, 'MOBILE', contract_id, 'ACTIVE', false
  from personal_account where id = 1)
insert into line (id, operator, account_id, user_id, kind, msisdn, status, sim_epoch)
values ($1::bigint, 'beeline', $1::bigint, 1, 'MOBILE', '7903' || (1000000 + $1::bigint)::text, 'ACTIVE', 1)
"""
CHARGES = """
select -e.amount as paid from ledger_entry e join ledger_transfer t on t.id = e.transfer_id
join ledger_account a on a.id = e.account_id
where a.account_id = $1 and a.kind = 'PERSONAL' and t.kind = 'FEE' order by e.id
"""


class Sale(NamedTuple):
    """A tariff of `tests.tariffs`, put together somehow: what a period and the connection cost."""

    tariff_id: int
    minutes: int | None
    fee: int
    is_daily: bool
    connection: int = 0


SALES = [
    Sale(9001, None, 30_000, False),
    Sale(9002, None, 50_000, False, 10_000),
    Sale(9003, 100, 20_000, False),
    Sale(9003, 400, 30_000, False),
    Sale(9004, None, 1_000, True),
    Sale(9005, None, 2_000, True),
]


def in_month(day: date, wanted: int) -> date:
    return day.replace(day=min(wanted, monthrange(day.year, day.month)[1]))


@dataclass
class Had:
    """What a line had before a change, and could have again."""

    sale: Sale
    next: date
    begins: int | None


@dataclass
class Model:
    """A line as a careful clerk with a calendar would keep it."""

    at_once: bool
    today: date
    balance: int = 0
    sale: Sale | None = None
    next: date | None = None
    begins: int | None = None
    unpaid: bool = False
    pending: tuple[Sale, date] | None = None
    back: list[Had] = field(default_factory=list)
    charges: list[int] = field(default_factory=list)

    def pay(self, amount: int) -> None:
        if amount:
            self.balance -= amount
            self.charges.append(amount)

    def period(self, sale: Sale, begins: date) -> None:
        """Charge the period that begins on a day, and find the next one's beginning."""
        self.pay(sale.fee)
        kept = self.begins
        self.begins = kept if kept is not None and begins == in_month(begins, kept) else begins.day
        following = begins + timedelta(days=1)
        while not sale.is_daily and following != in_month(following, self.begins):
            following += timedelta(days=1)
        self.next, self.unpaid = following, False

    def catch_up(self) -> None:
        while self.sale is not None and self.next is not None and self.next <= self.today:
            if self.pending is not None and self.pending[1] <= self.next:
                self.sale, self.pending, self.back = self.pending[0], None, []
            if self.balance < self.sale.fee:
                self.next, self.unpaid = None, True
            else:
                self.period(self.sale, self.next)

    def work(self) -> None:
        self.catch_up()
        if self.sale is not None and self.unpaid and self.balance >= self.sale.fee:
            self.period(self.sale, self.today)

    def change(self, sale: Sale) -> bool:
        self.catch_up()
        if self.unpaid or self.pending is not None:
            return False
        if self.sale is not None and self.sale[:2] == sale[:2]:
            return False
        waits = not self.at_once and self.next is not None
        if self.balance < sale.connection + (0 if waits else sale.fee):
            return False
        self.pay(sale.connection)
        if waits:
            assert self.next is not None
            self.pending = (sale, self.next)
            return True
        if self.sale is not None and self.next is not None:
            self.back.append(Had(self.sale, self.next, self.begins))
        self.sale, self.begins = sale, None
        self.period(sale, self.today)
        return True

    def cancel(self) -> bool:
        self.catch_up()
        if self.unpaid or self.pending is None:
            return False
        self.pay(-self.pending[0].connection)
        self.pending = None
        return True

    def revert(self) -> bool:
        self.catch_up()
        if self.unpaid or self.pending is not None or not self.back or self.back[-1].next <= self.today:
            return False
        had = self.back[-1]
        self.sale, self.next, self.begins, self.back = had.sale, had.next, had.begins, []
        return True


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "change": st.sampled_from(SALES),
    "top_up": st.sampled_from([5_000, 40_000, 200_000]),
    "wait": st.sampled_from([0, 1, 2, 27, 29, 31, 60]),
    "work": st.integers(1, 2),
    # What undoes a change of this operator, or what does not.
    "undo": st.sampled_from([True, True, True, False]),
}
KINDS = st.sampled_from(["change", "change", "undo", "undo", "wait", "top_up", "work"])
STEP = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind]))


class World:
    """The house, on a database whose clock is ours."""

    def __init__(self, town: "asyncpg.Connection[asyncpg.Record]", profile: Profile) -> None:
        self.town = town
        self.lines, self.keys = count(100), count()
        self.profiles = {
            each: with_values(profile, "tariffs", change_effective=each, configure=True, revert=True)
            for each in ChangeEffective
        }

    async def run(self, effective: ChangeEffective, steps: list[tuple[str, Any]]) -> None:
        line, profile = next(self.lines), self.profiles[effective]
        await self.town.execute(LINE, line)
        await self.town.execute(
            "update clock set step = timestamptz '2028-01-31 12:00 Europe/Moscow' - pg_catalog.now()"
        )
        model = Model(effective is ChangeEffective.IMMEDIATE, FIRST_DAY)
        await self.do(model, line, profile, "top_up", 300_000)
        for kind, value in steps:
            await self.do(model, line, profile, kind, value)
            found = [row["paid"] for row in await self.town.fetch(CHARGES, line)]
            assert found == model.charges, (kind, value)
            row = await self.town.fetchrow("select * from tariff_subscription where line_id = $1", line)
            has = (None, None, False) if row is None else (
                row["tariff_id"], row["next_charge_at"], row["unpaid_since"] is not None
            )  # fmt: skip
            due = None if has[1] is None else (has[1] + timedelta(hours=3)).date()
            assert (has[0], due, has[2]) == (model.sale and model.sale.tariff_id, model.next, model.unpaid)
        # Nothing of it is charged to the next example.
        await self.town.execute("update line set status = 'TERMINATED' where id = $1", line)

    async def do(self, model: Model, line: int, profile: Profile, kind: str, value: Any) -> None:
        profiles: Mapping[str, Profile] = {"beeline": profile}
        viewer, key = viewer_of(1), f"key-number-{next(self.keys)}"
        match kind:
            case "top_up":
                await posted(top_up(line, value))
                model.balance += value
            case "wait":
                await self.town.execute("update clock set step = step + make_interval(days => $1)", value)
                model.today += timedelta(days=value)
            case "work":
                await asyncio.gather(*(charge_due(profiles) for _ in range(value)))
                model.work()
            case "undo" if value is not model.at_once:
                outcome = await tariff_change.cancel(profile, viewer, key, line)
                assert isinstance(outcome, TariffChanged) == model.cancel(), outcome
            case "undo":
                reverted = await tariff_revert.revert(profile, viewer, key, line, None)
                assert isinstance(reverted, TariffChanged) == model.revert(), reverted
            case "change":
                chosen = () if value.minutes is None else (Chosen(UsageUnit.MINUTE, value.minutes),)
                quoted = await tariff_change.quote(profile, SECRET, viewer, line, value.tariff_id, chosen)
                done: object = quoted
                if isinstance(quoted, Quoted):
                    wanted = Wanted(key, line, value.tariff_id, None, quoted.token)
                    before = model.balance
                    model.catch_up()
                    done = await tariff_change.change(profile, SECRET, viewer, wanted)
                made = model.change(value)
                assert isinstance(done, TariffChanged) == made, done
                if made and isinstance(quoted, Quoted):
                    assert model.balance <= before - quoted.due_now.minor


@pytest.fixture
async def world(ledger: str, profiles: Mapping[str, Profile]) -> AsyncIterator[World]:
    town = await asyncpg.connect(ledger)
    await town.execute(LINES)
    await town.execute(SOLD)
    await town.execute(CLOCK)
    name = await town.fetchval("select current_database()")
    await town.execute(f"alter database {name} set search_path = public, pg_catalog")
    await town.close()
    town = await asyncpg.connect(ledger)
    # The pool's connections have looked for names in another order.
    async with connected(ledger, pool_size=4):
        yield World(town, profiles["beeline"])
    await town.close()


async def test_f106_charges_equal_those_of_a_plain_model(world: World) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.sampled_from(ChangeEffective), st.lists(STEP, min_size=3, max_size=14))
    def matches(effective: ChangeEffective, steps: list[tuple[str, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(world.run(effective, steps), loop).result()

    await asyncio.to_thread(matches)
