"""Use of packages (F056): what expires first goes first, once for each event, whoever counts at the same moment."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.refusals import InputRejected, NotFound
from domain.usage import ChargeType, UsageUnit
from domain.usage_limit_refusals import LimitExceeded
from models.database import tx
from services import package_fill, tariff_packages, usage_import, usage_intake
from services.usage_intake import UsageEvent, Used, take
from tests import family
from tests.packages import GB, days, left, put, use
from tests.test_usage_limit import put as limit
from tests.till import ANN, BOB, CID, GRANNY, Till

REMAINS = """
query ($line: ID!) { node(id: $line) { ... on Line {
  remains { name source unit total left unlimited resetsAt expiresAt }
} } }
"""
SPENDING = """
query ($line: ID!, $period: DateRangeInput) { node(id: $line) { ... on Line {
  spendingByCategory(period: $period) { type unit volume sum { amount currency } share }
} } }
"""
NEXT = """
query ($line: ID!) { node(id: $line) { ... on Line { balance { nextCharge { amount } nextChargeAt } } } }
"""


async def counted(till: Till) -> list[tuple[object, ...]]:
    return await till.rows("select type, unit, volume::int, overage::int from usage_day order by type, unit")


async def test_f056_what_expires_first_is_used_first_and_shown_first(till: Till) -> None:
    month = days(20)
    await put(till, ANN, "tariff:0", 10, until=month)
    await put(till, ANN, "gift:1", 3, "GIFT", until=days(2))
    await put(till, ANN, "carry:0", 2, "CARRY_OVER", until=month)
    await put(till, ANN, "gone", 50, "GIFT", until=days(-1))
    ann, line = await till.of(ANN), await till.line(ANN)
    shown = (await ann.data(REMAINS, line=line))["node"]["remains"]
    assert [each["name"] for each in shown] == ["gift:1", "carry:0", "tariff:0"]
    assert [each["expiresAt"] is None for each in shown] == [False, False, True]
    assert all(each["resetsAt"] for each in shown)

    assert await use(till, ANN, 4) == Used(Decimal(4), Decimal(0), Decimal(0), Decimal(0))
    assert await left(till, ANN) == {"gift:1": 0, "carry:0": 1, "tariff:0": 10, "gone": 50}
    assert await use(till, ANN, 20, "e2") == Used(Decimal(11), Decimal(0), Decimal(0), Decimal(9))
    assert await left(till, ANN) == {"gift:1": 0, "carry:0": 0, "tariff:0": 0, "gone": 50}
    assert await counted(till) == [("INTERNET", "BYTE", 24, 9)]


async def test_f120_what_is_free_uses_nothing_up_and_a_scope_is_good_for_itself_only(till: Till) -> None:
    await put(till, CID, "tariff:0", 10, unit="MINUTE")
    await put(till, CID, "tariff:1", 0, unit="MINUTE", unlimited=True, scope="family")
    call = ChargeType.CALL
    assert await use(till, CID, 30, "e1", call, scope="family") == Used(Decimal(0), Decimal(0), Decimal(30), Decimal(0))
    assert await use(till, CID, 3, "e2", call, scope="BiP") == Used(Decimal(3), Decimal(0), Decimal(0), Decimal(0))
    assert await use(till, CID, 9, "e3", call) == Used(Decimal(7), Decimal(0), Decimal(0), Decimal(2))
    assert await counted(till) == [("CALL", "MINUTE", 42, 2)]


async def test_f056_an_event_is_counted_once_and_its_id_is_no_other_ones(till: Till) -> None:
    await put(till, ANN, "tariff:0", 10)
    outcomes = await asyncio.gather(*(use(till, ANN, 4) for _ in range(10)))
    assert sorted(type(each).__name__ for each in outcomes) == ["Used"] + ["UsedBefore"] * 9
    assert await left(till, ANN) == {"tariff:0": 6}
    assert isinstance(await use(till, ANN, 5), InputRejected)
    # Another line's events have names of their own.
    assert isinstance(await use(till, BOB, 5), Used)
    assert isinstance(await use(till, 99, 5), NotFound)
    assert await left(till, ANN) == {"tariff:0": 6}


async def test_f056_at_once_nothing_is_lost_and_nothing_below_zero(till: Till) -> None:
    await put(till, ANN, "tariff:0", 25)
    await put(till, ANN, "gift:1", 10, "GIFT", until=days(1))
    outcomes = await asyncio.gather(*(use(till, ANN, 1 + n % 3, f"e{n}") for n in range(30)))
    used = [each for each in outcomes if isinstance(each, Used)]
    assert len(used) == 30
    assert sum(each.from_packages for each in used) == 35
    assert await left(till, ANN) == {"tariff:0": 0, "gift:1": 0}
    assert await counted(till) == [("INTERNET", "BYTE", 60, 25)]


async def test_i14_a_limit_stops_use_in_its_transaction_and_the_floor_stays(till: Till) -> None:
    await put(till, CID, "tariff:0", 100, unit="MINUTE")
    await limit(await till.of(ANN), await till.line(CID), "10", unit="MINUTE", per="DAY", action="BLOCK_ALL")
    call = ChargeType.CALL
    outcomes = await asyncio.gather(*(use(till, CID, 4, f"e{n}", call) for n in range(6)))
    assert sorted(type(each).__name__ for each in outcomes) == ["LimitExceeded"] * 4 + ["Used"] * 2
    assert await left(till, CID) == {"tariff:0": 92}
    assert await till.value("select count(*) from usage_event") == 2
    # What was refused may be told again when it may be, and an emergency call is never refused (I13).
    assert isinstance(await use(till, CID, 4, "sos", call, number="112"), Used)
    assert isinstance(await use(till, CID, 4, "later", call), LimitExceeded)
    # Both hear that four fifths are used.
    told = await till.sent_to(ANN), await till.sent_to(CID)
    assert all("80" in texts[0] for texts in told)


async def test_f056_a_transaction_that_fails_has_used_nothing(till: Till) -> None:
    await put(till, ANN, "tariff:0", 10)
    line = await till.value("select id from line where msisdn = $1", family.number("beeline", ANN))

    async def work(connection: BaseDBAsyncClient) -> None:
        event = UsageEvent("e1", days(0), ChargeType.INTERNET, UsageUnit.BYTE, Decimal(4))
        assert isinstance(await take(connection, till.profiles["beeline"], line, event), Used)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await tx(work)
    assert await left(till, ANN) == {"tariff:0": 10}
    assert isinstance(await use(till, ANN, 4), Used)


async def test_f056_what_has_expired_ends_by_the_worker(till: Till) -> None:
    await put(till, ANN, "gift:1", 3, "GIFT", until=days(-0.01))
    await put(till, ANN, "tariff:0", 3, until=days(-1))
    assert (await package_fill.end_expired(), await package_fill.end_expired()) == (1, 0)
    assert await left(till, ANN) == {"tariff:0": 3}


async def test_f056_packages_are_filled_from_what_is_included_and_replaced(till: Till) -> None:
    included = [
        {"unit": "BYTE", "amount": str(5 * GB)},
        {"unit": "MINUTE", "amount": "0", "unlimited": True, "scope": "номера семьи"},
    ]
    tariff = await till.value(
        "insert into tariff (operator, code, name, kind, fee, fee_period, connection_fee, included, options, terms, "
        "family_shareable, archived) values ('beeline', 'kid', 'Первый', 'MOBILE', 0, 'MONTH', 0, $1, $2, '', false, "
        "false) returning id", orjson.dumps(included).decode(),
        orjson.dumps([{"unit": "BYTE", "values": [str(5 * GB), str(7 * GB)], "price_per_step": 0}]).decode(),
    )  # fmt: skip
    line = await till.value("select id from line where msisdn = $1", family.number("beeline", CID))
    await till.rows(
        "insert into tariff_subscription (line_id, tariff_id, since, configuration) values ($1, $2, now(), $3)",
        line, tariff, orjson.dumps([{"unit": "BYTE", "value": 7 * GB}]).decode(),
    )  # fmt: skip
    # What another tariff had there goes, whatever it is called; what else the line has stays.
    await put(till, CID, "gb", 9)
    await put(till, CID, "gift:1", 3, "GIFT")
    until = days(30)
    await tx(lambda connection: tariff_packages.fill(connection, line, until))
    assert await left(till, CID) == {"gift:1": 3, "tariff:0": 7 * GB, "tariff:1": 0}
    shown = (await (await till.of(CID)).data(REMAINS, line=await till.line(CID)))["node"]["remains"]
    assert [(each["name"], each["unlimited"]) for each in shown] == [
        ("Первый: номера семьи", True), ("gift:1", False), ("Первый", False)
    ]  # fmt: skip

    service = await till.value(
        "insert into service (operator, code, name, kind, category, description, fee, fee_period, connection_fee, "
        "terms, archived, included) values ('beeline', 'plus', 'Плюс', 'MOBILE', 'DATA_PACKAGE', '', 0, 'ONCE', 0, "
        "'', false, $1) returning id", orjson.dumps(included[:1]).decode(),
    )  # fmt: skip
    await tx(lambda connection: package_fill.fill_service(connection, line, service, until))
    await use(till, CID, 5)
    await tx(lambda connection: package_fill.fill_service(connection, line, service, until + timedelta(days=1)))
    code = package_fill.service_code(service)
    assert (await left(till, CID))[f"{code}:0"] == 5 * GB
    assert await till.value("select expires_at from package_counter where code = $1", f"{code}:0") == until + timedelta(
        days=1
    )


async def test_f056_billings_file_is_counted_once_or_not_at_all(till: Till, tmp_path: Path) -> None:
    await put(till, ANN, "tariff:0", 3 * GB)
    day = days(-2).date()
    event = {
        "operator": "beeline", "line": family.number("beeline", ANN), "at": f"{day}T22:30:00Z", "type": "INTERNET",
        "unit": "GB", "volume": "1.5", "id": "cdr-1",
    }  # fmt: skip
    file = tmp_path / "usage.ndjson"

    def write(*records: dict[str, str]) -> None:
        file.write_bytes(b"\n\n".join(orjson.dumps(record) for record in records))

    write(event, event | {"unit": "MINUTE", "id": "cdr-2"}, event | {"volume": "0"}, event | {"operator": "x"})
    with pytest.raises(usage_import.UsageRejected) as rejected:
        await usage_import.import_file(till.profiles, file)
    assert [problem.split(":")[0] for problem in rejected.value.problems] == ["line 3", "line 5", "line 7"]
    assert await left(till, ANN) == {"tariff:0": 3 * GB}

    write(event, event, event | {"id": "cdr-2", "line": "79031112233"})
    taken = await usage_import.import_file(till.profiles, file)
    assert (taken.used, taken.before, taken.refused) == (1, 1, ("line 5: NOT_FOUND: There is no such line",))
    assert (await usage_import.import_file(till.profiles, file)).before == 2
    assert await left(till, ANN) == {"tariff:0": 1.5 * GB}
    # The day is the operator's: it is tomorrow already in Moscow.
    assert await till.value("select day from usage_day") == day + timedelta(days=1)


async def test_f056_an_old_event_is_forgotten_and_not_counted_again(till: Till) -> None:
    await put(till, ANN, "tariff:0", 50)
    kept = till.profiles["beeline"].reports.retention_days
    for key, ago in (("e1", kept - 0.1), ("e2", 0.0)):
        assert isinstance(await use(till, ANN, 4, key, at=days(-ago)), Used)
    assert await usage_intake.forget(till.profiles) == 0
    # A week later the first is too old to be counted, and its name goes.
    await till.rows("update usage_event set at = at - interval '7 days' where key = 'e1'")
    assert await usage_intake.forget(till.profiles) == 1
    assert await till.rows("select key from usage_event") == [("e2",)]
    assert isinstance(await use(till, ANN, 4, "e1", at=days(-kept - 0.1)), InputRejected)
    assert (await left(till, ANN), await counted(till)) == ({"tariff:0": 42}, [("INTERNET", "BYTE", 4, 0)] * 2)


async def test_f058_spending_by_category_with_shares_for_who_sees_the_use(till: Till) -> None:
    line = await till.value("select id from line where msisdn = $1", family.number("beeline", CID))
    for kind, unit, volume, minor in [
        ("CALL", "MINUTE", 12, 0), ("CALL", "MONEY", 300, 300), ("SERVICE_FEE", "MONEY", 100, 100),
        ("INTERNET", "BYTE", GB, 0), ("TOP_UP", "MONEY", 5000, 5000),
    ]:  # fmt: skip
        await till.rows(
            "insert into usage_day (line_id, day, type, unit, volume, sum) values ($1, '2026-10-05', $2, $3, $4, $5)",
            line, kind, unit, Decimal(volume), minor,
        )  # fmt: skip
    told = {"line": await till.line(CID), "period": {"from": "2026-10-01", "to": "2026-10-31"}}
    found = (await (await till.of(ANN)).data(SPENDING, **told))["node"]["spendingByCategory"]
    assert [(each["type"], each["unit"], each["volume"], each["sum"]["amount"], each["share"]) for each in found] == [
        ("CALL", "MINUTE", "12", "3.00", "0.7500"),
        ("SERVICE_FEE", "MONEY", "1.00", "1.00", "0.2500"),
        ("INTERNET", "BYTE", str(GB), "0.00", "0.0000"),
    ]
    # A link without USAGE shows none, and neither does another time.
    assert (await (await till.of(BOB)).data(SPENDING, **told))["node"]["spendingByCategory"] is None
    told["period"] = {"from": "2026-09-01", "to": "2026-09-30"}
    assert (await (await till.of(ANN)).data(SPENDING, **told))["node"]["spendingByCategory"] == []


async def test_f057_the_next_charge_is_all_that_falls_on_the_first_moment(till: Till) -> None:
    at, later = days(3), days(5)
    line = await till.value("select id from line where msisdn = $1", family.number("beeline", ANN))
    tariffs = await till.rows("select id, fee from tariff where operator = 'beeline' and fee > 0 order by id limit 2")
    services = await till.rows("select id, fee from service where operator = 'beeline' and fee > 0 order by id limit 4")
    await till.rows(
        "insert into tariff_subscription (line_id, tariff_id, since, next_charge_at, options_fee) "
        "values ($1, $2, now(), $3, 1234)", line, tariffs[0][0], at,
    )  # fmt: skip
    for (service, _), moment, until in zip(services, (at, at, later, None), (None, days(2), None, None), strict=True):
        await till.rows(
            "insert into service_subscription (line_id, service_id, since, next_charge_at, valid_until, ended_at) "
            "values ($1, $2, now(), $3, $4, $5)", line, service, moment, until, None if moment else days(-1),
        )  # fmt: skip
    ann, told = await till.of(ANN), {"line": await till.line(ANN)}

    async def charge() -> tuple[Decimal, str]:
        balance = (await ann.data(NEXT, **told))["node"]["balance"]
        return Decimal(balance["nextCharge"]["amount"]) * 100, balance["nextChargeAt"]

    # The second service ends before its fee falls due.
    assert await charge() == (tariffs[0][1] + 1234 + services[0][1], at.isoformat())
    await till.rows(
        "update tariff_subscription set pending_tariff_id = $1, pending_at = next_charge_at, "
        "pending_configuration = '[]', pending_options_fee = 100", tariffs[1][0],
    )  # fmt: skip
    assert (await charge())[0] == tariffs[1][1] + 100 + services[0][1]
    await till.rows("update line set status = 'TERMINATED' where id = $1", line)
    assert (await ann.data(NEXT, **told))["node"]["balance"]["nextCharge"] is None


async def test_f056_a_linked_line_shows_its_remains(till: Till) -> None:
    await put(till, GRANNY, "tariff:0", 5)
    shown = (await (await till.of(ANN)).data(REMAINS, line=await till.line(GRANNY)))["node"]["remains"]
    assert [each["left"] for each in shown] == ["5"]
