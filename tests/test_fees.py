"""Fees of tariffs and services: once a period, whatever happens (F057, E57)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import FeePeriod
from domain.fees import Charging, Sold, next_day, period_from, today
from domain.profile import Profile
from models.database import tx
from services import fees
from services.fees import charge_due
from tests.fees import MOSCOW, SERVICE, SOLD, TARIFF, Town, fees_of, hours, pay, status, subscription, told
from tests.ledger import balance, limit, posted, top_up
from tests.test_features import with_values


@pytest.fixture
async def town(ledger: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to the database of `ledger`, where five lines are."""
    connection = await asyncpg.connect(ledger)
    await connection.execute(SOLD)
    yield connection
    await connection.close()


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


async def test_f056_what_is_left_over_is_there_for_one_more_period_where_the_tariff_says_so(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 100_000))
    included = '[{"unit": "BYTE", "amount": "100", "carries_over": true}]'
    await town.execute("update tariff set included = $1 where id = 1", included)
    at = hours(-1)
    await town.execute(PACKAGES, at)
    await town.execute(TARIFF, 1, 1, at)
    await charge_due(profiles)
    assert await packages(town) == [(1, "carry:gb", 3), (1, "gb", 100), (1, "gift", 2), (2, "gb", 7)]
    row = await town.fetchrow("select source, total, expires_at from package_counter where code = 'carry:gb'")
    charged = await subscription(town, "tariff", 1)
    assert row is not None
    assert tuple(row) == ("CARRY_OVER", 3, charged["next_charge_at"])
    # It is not carried a second time, and nothing is of a period that was not followed by another at once.
    await town.execute("update package_counter set remaining = 40, resets_at = $1 where code = 'gb'", hours(-72))
    await town.execute("update tariff_subscription set next_charge_at = $1, charge_day = null", hours(-30))
    await charge_due(profiles)
    assert (await packages(town))[:2] == [(1, "carry:gb", 3), (1, "gb", 100)]


async def test_f056_a_paid_period_makes_packages_of_what_is_included_where_there_are_none(
    town: Town, profiles: Mapping[str, Profile]
) -> None:
    await posted(top_up(1, 100_000))
    included = '[{"unit": "BYTE", "amount": "100"}, {"unit": "MINUTE", "amount": "5"}]'
    for table in ("tariff", "service"):
        await town.execute(f"update {table} set included = $1 where id = 1", included)
    at = hours(-1)
    await town.execute(TARIFF, 1, 1, at)
    await town.execute(SERVICE, 1, 1, 1, at)
    await charge_due(profiles)
    full = [(1, "service:1:0", 100), (1, "service:1:1", 5), (1, "tariff:0", 100), (1, "tariff:1", 5)]
    assert await packages(town) == full
    # A service's last for its period, a tariff's are filled again.
    ends = await town.fetch("select source, resets_at, expires_at from package_counter order by code")
    paid = {table: (await subscription(town, table, 1))["next_charge_at"] for table in ("tariff", "service")}
    assert {tuple(row) for row in ends} == {("SERVICE", None, paid["service"]), ("TARIFF", paid["tariff"], None)}
    await town.execute("update package_counter set remaining = 1")
    await town.execute("update service_subscription set next_charge_at = next_charge_at - interval '1 day'")
    await charge_due(profiles)
    # That day was paid for: it fills nothing once more.
    assert {left for _, _, left in await packages(town)} == {1}


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
