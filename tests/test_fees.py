"""Fees of tariffs and services: once a period, whatever happens (F057, E57)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import FeePeriod
from domain.fees import (
    Charging,
    Due,
    Sold,
    Step,
    decide,
    fee_key,
    months_begin_on,
    next_day,
    packages_until,
    period_from,
    today,
)
from domain.line import LineStatus
from domain.periods import PeriodRejected
from domain.profile import Profile
from gateways.payments import Charged, UnconfiguredProvider
from models.database import tx
from services import fees
from services.fees import charge_due
from services.payment_row import Desk
from services.payment_settlement import settle
from tests.ledger import balance, limit, posted, rub, top_up
from tests.test_features import with_values

MOSCOW = ZoneInfo("Europe/Moscow")
zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
periodic = st.sampled_from([FeePeriod.DAY, FeePeriod.MONTH])


@given(moments, zones, periodic, st.integers(1, 31))
def test_e57_periods_follow_each_other_without_gap_or_overlap(
    at: datetime, zone: ZoneInfo, every: FeePeriod, months_begin: int
) -> None:
    """From any moment in any zone: each period ends where the next begins, at a local midnight, and moves on."""
    first = period_from(at, every, months_begin, zone)
    keys = [fee_key(Sold.TARIFF, 1, 1, every, at, zone)]
    period = first
    for _ in range(15):
        assert period.start < period.end
        assert period.start in period
        assert period.end not in period
        following = period_from(period.end, every, months_begin, zone)
        assert following.start == period.end
        # What is charged at the boundary goes on from there, on the same day of the month.
        assert months_begin_on(months_begin, period.end, zone) == months_begin or every is FeePeriod.DAY
        keys.append(fee_key(Sold.TARIFF, 1, 1, every, period.end, zone))
        period = following
    assert len(set(keys)) == len(keys)


# Samoa and two atolls moved to the other side of the date line, and lost a day.
_DAYS = {FeePeriod.DAY: (0.9, 1.15), FeePeriod.MONTH: (26.9, 32.1)}


@given(moments, st.sampled_from(["Europe/Moscow", "Asia/Yekaterinburg", "Europe/Minsk"]), periodic, st.integers(1, 31))
def test_e57_a_period_is_as_long_as_its_name(at: datetime, name: str, every: FeePeriod, months_begin: int) -> None:
    zone = ZoneInfo(name)
    start = period_from(at, every, months_begin, zone).end
    period = period_from(start, every, months_begin, zone)
    least, most = _DAYS[every]
    assert least <= (period.end - period.start) / timedelta(days=1) <= most
    if every is FeePeriod.MONTH:
        local = start.astimezone(zone)
        following = period.end.astimezone(zone)
        assert (following.year * 12 + following.month) - (local.year * 12 + local.month) == 1


@pytest.mark.parametrize(
    ("months_begin", "starts"),
    [
        (31, ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        (30, ["2027-01-30", "2027-02-28", "2027-03-30", "2027-04-30"]),
        (29, ["2028-01-29", "2028-02-29", "2028-03-29", "2029-02-28", "2029-03-29"]),
        (1, ["2026-12-01", "2027-01-01", "2027-02-01"]),
    ],
)
def test_e57_months_that_begin_late_in_the_month(months_begin: int, starts: list[str]) -> None:
    at = datetime.fromisoformat(starts[0]).replace(tzinfo=MOSCOW)
    day, found = months_begin, [starts[0]]
    while found[-1] < starts[-1]:
        day = months_begin_on(day, at, MOSCOW)
        at = period_from(at, FeePeriod.MONTH, day, MOSCOW).end
        local = at.astimezone(MOSCOW)
        assert (local.hour, local.minute) == (0, 0)
        found.append(local.date().isoformat())
    assert [day for day in found if day in starts] == starts


def test_e57_a_date_that_somebody_moved_counts() -> None:
    assert months_begin_on(31, datetime(2026, 2, 28, tzinfo=MOSCOW), MOSCOW) == 31
    assert months_begin_on(31, datetime(2026, 2, 27, tzinfo=MOSCOW), MOSCOW) == 27
    assert months_begin_on(None, datetime(2026, 2, 28, tzinfo=MOSCOW), MOSCOW) == 28
    # The last hours of a Moscow month are still the month before in Greenwich.
    assert months_begin_on(None, datetime(2026, 1, 31, 21, tzinfo=UTC), MOSCOW) == 1


def test_e57_a_day_that_never_came_is_not_charged() -> None:
    apia = ZoneInfo("Pacific/Apia")
    before = datetime(2011, 12, 29, tzinfo=apia)
    period = period_from(before, FeePeriod.DAY, 1, apia)
    assert period.end.astimezone(apia).date() == date(2011, 12, 31)
    assert next_day(period.end, apia).astimezone(apia).date() == date(2012, 1, 1)


def test_a_fee_without_periods_has_none() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for every, day in [(FeePeriod.ONCE, 1), (FeePeriod.PER_USE, 1), (FeePeriod.MONTH, 0), (FeePeriod.MONTH, 32)]:
        with pytest.raises(PeriodRejected):
            period_from(now, every, day, MOSCOW)


_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("every", "end"), [(FeePeriod.MONTH, "2026-04-05"), (FeePeriod.DAY, "2026-03-31")])
def test_f056_packages_last_a_month_however_often_is_paid(every: FeePeriod, end: str) -> None:
    at, since = datetime(2026, 3, 5, tzinfo=MOSCOW), datetime(2025, 12, 31, 12, tzinfo=MOSCOW)
    following = period_from(at, every, 5, MOSCOW).end
    assert packages_until(every, at, following, since, MOSCOW) == datetime.fromisoformat(end).replace(tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("told", "freeze", "step"),
    [
        ({}, False, Step.CHARGE),
        ({"line_status": LineStatus.PORTING_OUT}, False, Step.CHARGE),
        ({"line_status": LineStatus.BLOCKED_BY_USER}, False, Step.CHARGE),
        ({"line_status": LineStatus.BLOCKED_BY_USER}, True, Step.TOMORROW),
        ({"line_status": LineStatus.SUSPENDED_FRAUD}, False, Step.TOMORROW),
        ({"line_status": LineStatus.SUSPENDED_NONPAYMENT}, False, Step.CHARGE),
        ({"line_status": LineStatus.SUSPENDED_NONPAYMENT, "sold": Sold.SERVICE}, False, Step.PAUSE),
        ({"line_status": LineStatus.TERMINATED}, False, Step.END),
        ({"line_status": LineStatus.PORTED_OUT}, False, Step.END),
        ({"contract_ended": True}, False, Step.END),
        ({"every": FeePeriod.PER_USE}, False, Step.END),
        ({"valid_until": _AT}, False, Step.END),
        ({"valid_until": _AT + timedelta(seconds=1)}, False, Step.CHARGE),
        ({"trial_ends_at": _AT}, False, Step.CHARGE),
        ({"trial_ends_at": _AT + timedelta(seconds=1)}, False, Step.AFTER_TRIAL),
    ],
)
def test_f057_what_becomes_of_a_fee(told: dict[str, Any], freeze: bool, step: Step) -> None:
    given = {"at": _AT, "sold": Sold.TARIFF, "every": FeePeriod.MONTH, "line_status": LineStatus.ACTIVE, **told}
    assert decide(Due(**given), freeze_balance=freeze) is step


# In the database: account 1 has the line 1 with the tariff "month" (300.00) and the services "daily" (5.00).
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


@pytest.fixture
async def town(ledger: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to the database of `ledger`, where five lines are."""
    connection = await asyncpg.connect(ledger)
    await connection.execute(SOLD)
    yield connection
    await connection.close()


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


async def test_f057_a_month_is_charged_once_and_the_next_one_is_known(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 100_000))
    at = hours(-1)
    await town.execute(TARIFF, 1, 1, at)
    assert await charge_due(profiles) == 1
    assert await charge_due(profiles) == 0

    assert await balance(1) == 70_000
    local = at.astimezone(MOSCOW).date()
    assert await fees_of(town) == [(f"fee:tariff:1:1:{local}", -30_000)]
    row = await subscription(town, "tariff", 1)
    assert row["next_charge_at"] == period_from(at, FeePeriod.MONTH, local.day, MOSCOW).end
    assert (row["charge_day"], row["unpaid_since"]) == (local.day, None)
    used = await town.fetch("select line_id, day, type, unit, volume, sum from usage_day")
    assert [tuple(row) for row in used] == [(1, local, "SUBSCRIPTION_FEE", "MONEY", 30_000, 30_000)]
    assert await told(town) == []


PACKAGES = """
insert into package_counter (line_id, code, name, unit, source, total, remaining, unlimited, resets_at, as_of)
values (1, 'gb', 'GB', 'BYTE', 'TARIFF', 100, 3, false, $1, now() - interval '1 hour'),
  (1, 'gift', 'GB', 'BYTE', 'GIFT', 50, 2, false, $1, now()),
  (2, 'gb', 'GB', 'BYTE', 'TARIFF', 100, 7, false, $1, now())
"""


async def packages(town: Town) -> list[tuple[int, str, int]]:
    rows = await town.fetch("select line_id, code, remaining from package_counter order by line_id, code")
    return [(row["line_id"], row["code"], int(row["remaining"])) for row in rows]


async def test_f056_a_paid_month_fills_the_packages_of_its_tariff_once(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    at = hours(-1)
    await town.execute(PACKAGES, at)
    await town.execute(TARIFF, 1, 1, at)
    await charge_due(profiles)
    # Who does not pay has what was left, and a line that does not work.
    assert await packages(town) == [(1, "gb", 3), (1, "gift", 2), (2, "gb", 7)]
    await pay(town, profiles, 100_000)
    assert await packages(town) == [(1, "gb", 100), (1, "gift", 2), (2, "gb", 7)]
    row = await subscription(town, "tariff", 1)
    assert await town.fetchval("select resets_at from package_counter where id = 1") == row["next_charge_at"]
    # The same period once more fills nothing: neither a date that was moved back nor a second top-up.
    await town.execute("update package_counter set remaining = 40 where id = 1")
    begins = today(datetime.now(UTC), MOSCOW)
    await town.execute("update tariff_subscription set next_charge_at = $1", begins)
    await charge_due(profiles)
    await pay(town, profiles, 1_000)
    assert (await packages(town))[0] == (1, "gb", 40)


async def test_f056_packages_of_a_tariff_by_the_day_are_filled_by_the_month(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 100_000))
    midnight = today(datetime.now(UTC), MOSCOW)
    await town.execute(PACKAGES, midnight - timedelta(days=1))
    await town.execute(TARIFF, 1, 3, midnight - timedelta(days=1))
    await town.execute("update tariff_subscription set since = next_charge_at")
    assert await charge_due(profiles, 1) == 1
    assert (await packages(town))[0] == (1, "gb", 100)
    await town.execute("update package_counter set remaining = 40 where id = 1")
    assert await charge_due(profiles) == 1
    assert (await packages(town))[0] == (1, "gb", 40)


async def test_f057_nothing_is_charged_before_its_moment(town: Town, profiles: Mapping[str, Profile]) -> None:
    await posted(top_up(1, 100_000))
    await town.execute(TARIFF, 1, 1, hours(1))
    await town.execute(SERVICE, 1, 1, 1, None)
    assert await charge_due(profiles) == 0
    assert await fees_of(town) == []


async def test_f057_only_the_operators_of_this_server_are_charged(town: Town, profiles: Mapping[str, Profile]) -> None:
    await posted(top_up(1, 100_000))
    await town.execute(TARIFF, 1, 1, hours(-1))
    assert await charge_due({"life": profiles["life"]}) == 0
    assert await balance(1) == 100_000


async def test_e57_after_an_outage_each_period_is_charged_once_and_in_order(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 100_000))
    first = today(datetime.now(UTC), MOSCOW) - timedelta(days=4)
    await town.execute(SERVICE, 1, 1, 1, first)
    # As many a run as are asked for.
    assert [await charge_due(profiles, 2), await charge_due(profiles, 2), await charge_due(profiles, 2)] == [2, 2, 1]
    assert await charge_due(profiles, 2) == 0
    days = [(first + timedelta(days=n)).astimezone(MOSCOW).date() for n in range(5)]
    assert await fees_of(town) == [(f"fee:service:1:1:{day}", -500) for day in days]
    row = await subscription(town, "service", 1)
    assert row["next_charge_at"] == first + timedelta(days=5)


async def test_e57_months_that_begin_on_the_31st_are_kept_over_february(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 10_000_000))
    await town.execute(TARIFF, 1, 1, datetime(2025, 1, 31, tzinfo=MOSCOW))
    assert await charge_due(profiles) >= 20
    days = [key.rpartition(":")[2] for key, _ in await fees_of(town)]
    assert days[:5] == ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]
    assert (await subscription(town, "tariff", 1))["charge_day"] == 31


async def test_f057_a_fee_that_the_account_does_not_hold_suspends_the_line(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 29_999))
    await town.execute(TARIFF, 1, 1, hours(-1))
    await town.execute(SERVICE, 1, 1, 1, hours(-2))
    await charge_due(profiles)

    assert await balance(1) == 29_999
    assert await status(town) == ("SUSPENDED_NONPAYMENT", "SUSPENDED_NONPAYMENT")
    for table in ("tariff", "service"):
        row = await subscription(town, table, 1)
        assert (row["next_charge_at"], row["unpaid_since"] is not None) == (None, True)
    [sms] = await told(town)
    assert "300.00 RUB" in sms
    assert "79030000001" in sms
    assert "приостановлен" in sms
    # It is not asked for again and again, nor is anything owed for the time without service.
    assert await charge_due(profiles) == 0
    assert len(await told(town)) == 1


async def test_f057_a_credit_limit_counts(town: Town, profiles: Mapping[str, Profile]) -> None:
    await posted(top_up(1, 10_000))
    await limit(1, 20_000)
    await town.execute(TARIFF, 1, 1, hours(-1))
    await charge_due(profiles)
    assert (await balance(1), await status(town)) == (-20_000, ("ACTIVE", "ACTIVE"))


async def test_f057_a_service_that_cannot_be_paid_pauses_alone(town: Town, profiles: Mapping[str, Profile]) -> None:
    await posted(top_up(1, 30_400))
    await town.execute(TARIFF, 1, 1, hours(-1))
    await town.execute(SERVICE, 1, 1, 1, hours(-2))
    await charge_due(profiles)
    # The tariff goes first, though the service was due before it.
    assert (await balance(1), await status(town)) == (400, ("ACTIVE", "ACTIVE"))
    assert (await subscription(town, "service", 1))["unpaid_since"] is not None
    [sms] = await told(town)
    assert "Гудок" in sms

    await posted(top_up(1, 100))
    await charge_due(profiles)
    assert await balance(1) == 0
    row = await subscription(town, "service", 1)
    assert row["unpaid_since"] is None
    assert row["next_charge_at"] == next_day(datetime.now(UTC), MOSCOW)
    assert len(await told(town)) == 2


PAYMENT = """
insert into payment (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee, refunded,
  method_kind, save_method, provider, provider_key, confirmation, created_at, check_at, checks)
values ('beeline', 1, gen_random_uuid(), 'x', 'TOP_UP', 'PROCESSING', 1, '***0001', 'RUB', $1, 0, 0, 'CARD', false,
  'bank', gen_random_uuid(), 'NONE', now(), now(), 0) returning id
"""


async def pay(town: Town, profiles: Mapping[str, Profile], minor: int) -> None:
    """A top-up of account 1 that the bank has made, settled."""
    payment = await town.fetchval(PAYMENT, minor)
    await settle(Desk(UnconfiguredProvider()), profiles["beeline"], payment, Charged("b-1", rub(minor), None, None))


async def test_f057_a_top_up_that_covers_the_fee_brings_the_line_back(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await town.execute(TARIFF, 1, 1, hours(-50))
    await town.execute(SERVICE, 1, 1, 1, hours(-50))
    await charge_due(profiles)
    assert await status(town) == ("SUSPENDED_NONPAYMENT", "SUSPENDED_NONPAYMENT")

    await pay(town, profiles, 29_900)
    assert (await balance(1), (await status(town))[0]) == (29_900, "SUSPENDED_NONPAYMENT")

    await pay(town, profiles, 1_000)
    assert await status(town) == ("ACTIVE", "ACTIVE")
    # The tariff, and then what is left pays for the service: both from today on, and not for the days without them.
    assert await balance(1) == 400
    begins = today(datetime.now(UTC), MOSCOW)
    local = begins.astimezone(MOSCOW).date()
    assert [key for key, _ in await fees_of(town)] == [f"fee:tariff:1:1:{local}", f"fee:service:1:1:{local}"]
    row = await subscription(town, "tariff", 1)
    assert (row["unpaid_since"], row["charge_day"]) == (None, local.day)
    assert row["next_charge_at"] == period_from(begins, FeePeriod.MONTH, local.day, MOSCOW).end
    assert len(await told(town)) == 3
    assert await charge_due(profiles) == 0


async def test_f057_money_from_anywhere_brings_the_line_back(town: Town, profiles: Mapping[str, Profile]) -> None:
    await town.execute(TARIFF, 1, 1, hours(-1))
    await charge_due(profiles)
    await posted(top_up(1, 30_000))
    await charge_due(profiles)
    assert (await balance(1), await status(town)) == (0, ("ACTIVE", "ACTIVE"))


async def test_f057_a_line_that_was_suspended_for_debt_before_works_when_it_is_repaid(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 1))
    await limit(1, 5_000)
    await town.execute(SERVICE, 1, 1, 2, hours(-1))
    await town.execute("update service set fee = 5001 where id = 2")
    await charge_due(profiles)
    await limit(1, 0)
    await town.execute(TARIFF, 1, 2, hours(24))  # a tariff without a fee
    await town.execute("update line set status = 'SUSPENDED_NONPAYMENT' where id = 1")
    await town.execute("update personal_account set status = 'SUSPENDED_NONPAYMENT' where id = 1")
    await pay(town, profiles, 4_900)
    assert (await status(town))[0] == "SUSPENDED_NONPAYMENT"
    await pay(town, profiles, 100)
    assert (await balance(1), await status(town)) == (0, ("ACTIVE", "ACTIVE"))


async def test_f057_a_suspended_line_that_came_without_a_date_begins_anew(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await town.execute(TARIFF, 1, 1, None)
    await town.execute("update line set status = 'SUSPENDED_NONPAYMENT' where id = 1")
    await pay(town, profiles, 29_999)
    assert (await status(town))[0] == "SUSPENDED_NONPAYMENT"
    await pay(town, profiles, 1)
    assert (await balance(1), (await status(town))[0]) == (0, "ACTIVE")
    assert (await subscription(town, "tariff", 1))["next_charge_at"] is not None


async def test_f057_an_account_works_while_one_of_its_lines_does(town: Town, profiles: Mapping[str, Profile]) -> None:
    await town.execute("update line set account_id = 1 where id = 2")
    await town.execute(TARIFF, 1, 1, hours(-1))
    await charge_due(profiles)
    assert await status(town, 1) == ("SUSPENDED_NONPAYMENT", "ACTIVE")


async def test_f057_what_is_charged_once_is_charged_once(town: Town, profiles: Mapping[str, Profile]) -> None:
    await posted(top_up(1, 10_000))
    await town.execute(SERVICE, 1, 1, 2, hours(-1))
    await charge_due(profiles)
    # Somebody loads the same households again.
    await town.execute("update service_subscription set next_charge_at = now()")
    await charge_due(profiles)
    assert await fees_of(town) == [("fee:service:1:2:once", -700)]
    assert await town.fetchval("select sum(sum) from usage_day") == 700
    assert (await subscription(town, "service", 1))["next_charge_at"] is None


async def test_f057_a_date_that_is_moved_back_charges_nobody_twice_even_at_another_price(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 100_000))
    at = hours(-1)
    await town.execute(TARIFF, 1, 1, at)
    await charge_due(profiles)
    await town.execute("update tariff set fee = 40000 where id = 1")
    await town.execute("update tariff_subscription set next_charge_at = $1", at)
    await charge_due(profiles)
    assert await balance(1) == 70_000
    assert (await subscription(town, "tariff", 1))["next_charge_at"] > datetime.now(UTC)


@pytest.mark.parametrize(("tariff", "due"), [(2, True), (1, False)])
async def test_f057_what_costs_nothing_moves_on(
    town: Town, profiles: Mapping[str, Profile], tariff: int, due: bool
) -> None:
    await town.execute(TARIFF, 1, tariff, hours(-1))
    if not due:
        await town.execute("update line set status = 'TERMINATED' where id = 1")
    await charge_due(profiles)
    row = await subscription(town, "tariff", 1)
    assert (row["next_charge_at"] is not None) is due
    assert await fees_of(town) == []


@pytest.mark.parametrize("freeze", [True, False])
async def test_f057_money_stays_intact_while_a_number_is_blocked_where_the_profile_says_so(
    town: Town, profiles: Mapping[str, Profile], freeze: bool
) -> None:
    served = {"beeline": with_values(profiles["beeline"], "blocking", freeze_balance=freeze)}
    await posted(top_up(1, 100_000))
    await town.execute(TARIFF, 1, 1, hours(-30))
    await town.execute("update line set status = 'BLOCKED_BY_USER' where id = 1")
    await charge_due(served)
    assert await balance(1) == (100_000 if freeze else 70_000)
    if freeze:
        assert (await subscription(town, "tariff", 1))["next_charge_at"] == next_day(datetime.now(UTC), MOSCOW)


async def test_f057_free_days_come_first_and_an_end_ends_it(town: Town, profiles: Mapping[str, Profile]) -> None:
    await posted(top_up(1, 100_000))
    for line in (1, 2):
        await town.execute(SERVICE, line, line, 1, hours(-1))
    trial = hours(48)
    await town.execute("update service_subscription set trial_ends_at = $1 where id = 1", trial)
    await town.execute("update service_subscription set valid_until = now() - interval '1 day' where id = 2")
    await charge_due(profiles)
    assert await fees_of(town) == []
    assert (await subscription(town, "service", 1))["next_charge_at"] == trial
    assert (await subscription(town, "service", 2))["next_charge_at"] is None


async def test_f057_a_new_subscription_pays_for_today_or_not_at_all(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await town.execute(SERVICE, 1, 1, 1, None)

    async def begin(connection: BaseDBAsyncClient) -> Charging:
        return await fees.begin(connection, profiles["beeline"], Sold.SERVICE, 1)

    before = await subscription(town, "service", 1)
    assert await tx(begin) is Charging.SHORT
    assert await subscription(town, "service", 1) == before
    await posted(top_up(1, 500))
    assert await tx(begin) is Charging.PAID
    assert (await subscription(town, "service", 1))["next_charge_at"] == next_day(datetime.now(UTC), MOSCOW)

    async def foreign(connection: BaseDBAsyncClient) -> Charging:
        return await fees.begin(connection, profiles["life"], Sold.SERVICE, 1)

    assert await tx(foreign) is Charging.NOTHING


async def test_f057_many_workers_charge_each_period_once(town: Town, profiles: Mapping[str, Profile]) -> None:
    for line in range(1, 6):
        await posted(top_up(line, 100_000))
        await town.execute(TARIFF, line, 3, today(datetime.now(UTC), MOSCOW) - timedelta(days=9))
    await asyncio.gather(*(charge_due(profiles) for _ in range(6)))
    await charge_due(profiles)
    keys = [key for key, _ in await fees_of(town)]
    assert (len(keys), len(set(keys))) == (50, 50)
    assert [await balance(line) for line in range(1, 6)] == [90_000] * 5


async def test_f057_top_ups_and_charges_at_once_leave_no_line_suspended_that_could_be_paid(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    for attempt in range(1, 9):
        await town.execute("truncate tariff_subscription")
        await town.execute(TARIFF, 1, 3, today(datetime.now(UTC), MOSCOW))
        await town.execute("update tariff_subscription set id = $1", attempt)
        await asyncio.gather(charge_due(profiles), pay(town, profiles, 1_000), charge_due(profiles))
        assert (await balance(1), await status(town)) == (0, ("ACTIVE", "ACTIVE"))
        assert len(await fees_of(town)) == attempt
        await town.execute("delete from payment")


async def test_f057_a_kill_between_charging_and_moving_on_charges_nothing(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    """The worst moment: the money has moved, and the next date is not written yet; both fall due at once."""
    at = hours(-1)
    for line in (1, 2):
        await posted(top_up(line, 100_000))
        await town.execute(TARIFF, line, 1, at)
    await town.execute("alter table usage_day add constraint killed check (line_id <> 2)")
    assert await charge_due(profiles) == 2
    # One that fails leaves no trace and is in nobody's way.
    assert [await balance(1), await balance(2)] == [70_000, 100_000]
    await town.execute("alter table usage_day drop constraint killed")
    assert await charge_due(profiles) == 1
    assert [await balance(1), await balance(2)] == [70_000, 70_000]


async def test_f057_what_the_database_keeps_of_fees(town: Town) -> None:
    await town.execute(TARIFF, 1, 1, None)
    for day in (0, 32):
        with pytest.raises(asyncpg.CheckViolationError, match="tariff_subscription_charge_day"):
            await town.execute("update tariff_subscription set charge_day = $1", day)
    names = {row["indexname"] for row in await town.fetch("select indexname from pg_indexes")}
    assert names >= {f"{sold}_subscription_{name}" for sold in ("tariff", "service") for name in ("due", "unpaid")}
