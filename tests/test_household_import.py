"""What an import takes, what it refuses, and what it leaves alone."""

import json
import random
from collections.abc import AsyncIterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.passwords import matches
from domain.profile import Profile
from services import catalogue
from services.household_import import MOST_PROBLEMS, ImportRejected, ImportReport, import_file
from tests.databases import created, fetch
from tests.holdings import had, have_of_everything
from tests.household_records import (
    ANNA,
    PETR,
    SERVICE_POINT,
    Record,
    changed,
    content,
    everything,
    family,
    top_up,
    write,
)

OPERATORS = Path(__file__).resolve().parent.parent / "operators"
TODAY = date(2026, 11, 21)

# Everything but the catalogue. The ledger is never emptied, unless its triggers sleep.
EMPTY = """
set session_replication_role = replica;
truncate person, contract, household, ledger_transfer, ledger_account restart identity cascade;
set session_replication_role = origin;
"""


@pytest.fixture(scope="module")
async def catalogue_database(engine: str, empty_template: str, profiles: Mapping[str, Profile]) -> AsyncIterator[str]:
    """A database for this module that knows the catalogues: emptying it is quicker than making another."""
    async with created(engine, "household_import", empty_template) as url:
        await catalogue.load(url, {name: profiles[name] for name in profiles if (OPERATORS / name).is_dir()}, OPERATORS)
        yield url


@pytest.fixture
async def url(catalogue_database: str) -> str:
    """A database that knows the catalogues and nobody."""
    # Emptying takes longer than asking, and most tests leave nothing behind.
    if await fetch(catalogue_database, "select from person limit 1"):
        await empty(catalogue_database)
    return catalogue_database


async def empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(EMPTY)
    await connection.close()


class Importer:
    """Imports records through a file, as of `TODAY`."""

    def __init__(self, url: str, folder: Path, profiles: Mapping[str, Profile]) -> None:
        self.url, self.path, self.profiles = url, folder / "file.ndjson", profiles

    async def __call__(self, records: list[Record], today: date = TODAY) -> ImportReport:
        return await import_file(self.url, write(self.path, records), self.profiles, today=today)

    async def problems(self, records: list[Record]) -> list[str]:
        with pytest.raises(ImportRejected) as rejected:
            await self(records)
        return [str(problem) for problem in rejected.value.problems]


@pytest.fixture
def load(url: str, tmp_path: Path, profiles: Mapping[str, Profile]) -> Importer:
    return Importer(url, tmp_path, profiles)


def more(**fields: Any) -> list[Record]:
    """The family and one record more, on line 16."""
    return [*family(), {"operator": "beeline", **fields}]


OTHER_LINK = {**family()[11], "household": "h2"}

BROKEN = {
    "unknown type": (more(type="pet"), "line 16, field type: must be one of person, contract, account"),
    "no type": (more(ref="x"), "line 16, field type: must be one of"),
    "unknown field": (changed(family(), "contract", colour="red"), "line 3, field colour: is not a known field"),
    "missing field": (changed(family(), "contract", holder=None), "line 3, field holder: is missing"),
    "ill-typed field": (changed(family(), "person", name=5), "line 1, field name: must be text in quotes"),
    "nested field": (
        changed(family(), "line", services=[{"code": "social", "on": True}]),
        "line 8, field services.0.on: is not a known field",
    ),
    "not an object": (
        changed(family(), "person", cabinet="yes"),
        "line 1, field cabinet: must be an object",
    ),
    "bad choice": (changed(family(), "line", kind="FAX"), "line 8, field kind: must be one of 'MOBILE'"),
    "operator": (
        changed(family(), "person", operator="acme"),
        "line 1, field operator: there is no operator acme",
    ),
    "foreign number": (
        changed(family(), "line", msisdn="+375 25 123-45-67"),
        "line 8, field msisdn: '+375 25 123-45-67' is not a number of beeline: +7 and 10 digits",
    ),
    "no address": (changed(family(), "line", msisdn=None), "line 8, field msisdn: give exactly one of msisdn"),
    "mobile without number": (
        changed(family(), "line", msisdn=None, service_point="X"),
        "line 8, field msisdn: a mobile line needs one",
    ),
    "service point like a number": (
        changed(family(), f"line:{SERVICE_POINT}", service_point="79031112233"),
        "line 10, field service_point: reads like a phone number",
    ),
    "not sold": (
        changed(family(), f"line:{SERVICE_POINT}", kind="WIFI"),
        "line 10, field kind: beeline does not sell WIFI",
    ),
    "tariff": (changed(family(), "line", tariff="gold"), "line 8, field tariff: beeline has no tariff gold"),
    "tariff of another kind": (
        changed(family(), "line", tariff="home-100"),
        "line 8, field tariff: is a tariff for INTERNET, not for MOBILE",
    ),
    "service": (
        changed(family(), "line", services=[{"code": "antispam"}, {"code": "gold"}]),
        "line 8, field services.1.code: beeline has no service gold",
    ),
    "service twice": (
        changed(family(), "line", services=[{"code": "social"}, {"code": "social"}]),
        "line 8, field services.1: is there twice",
    ),
    "unknown holder": (
        changed(family(), "contract", holder="olga"),
        "line 3, field holder: there is no person olga of beeline",
    ),
    "unknown contract": (
        changed(family(), "account", contract="C9"),
        "line 5, field contract: there is no contract C9",
    ),
    "unknown account": (
        changed(family(), "line", account="A9"),
        "line 8, field account: there is no account A9",
    ),
    "unknown line": (
        changed(family(), "usage", line="79031119999"),
        "line 13, field line: there is no line 79031119999",
    ),
    "unknown household": (
        changed(family(), "link", household="h9"),
        "line 12, field household: there is no household h9",
    ),
    "user without cabinet": (
        changed(family(), "person:petr", cabinet=None),
        "line 9, field user: petr of beeline is no person with a cabinet",
    ),
    "twice": (more(type="person", ref="anna", name="Она"), "line 16, field ref: is already in line 1"),
    "day twice": (
        more(type="usage", line="8 903 1110001", charge="CALL", unit="MINUTE", day="2026-11-20", volume=1)[:-1]
        + more(type="usage", line=ANNA, charge="CALL", unit="MINUTE", day="2026-11-20", volume=1)[-1:],
        "line 16, field day: is already in line 13",
    ),
    "no owner": (
        changed(family(), "household", members=[{"person": "anna", "role": "ADULT"}]),
        "line 11, field members: exactly one member must be OWNER, not 0",
    ),
    "too many members": (
        changed(
            family(),
            "household",
            members=[{"person": f"p{n}", "role": "OWNER" if n == 0 else "ADULT"} for n in range(7)],
        ),
        "line 11, field members: beeline has at most 6 members",
    ),
    "secondary scopes": (
        changed(family(), "link", kind="SECONDARY", scopes=["VIEW", "TARIFF"]),
        "line 12, field scopes: a SECONDARY link has VIEW, USAGE and PAY only",
    ),
    "primary twice": (
        [*more(type="household", ref="h2", name="Другая", members=[{"person": "petr", "role": "OWNER"}]), OTHER_LINK],
        "line 17, field kind: the line is already PRIMARY in line 12",
    ),
    "foreign operator's line": (
        changed(family(), "link", target_operator="tele2"),
        "line 12, field target_operator: beeline links only numbers of its own",
    ),
    "three decimals": (
        changed(family(), "account", balance="1.005"),
        "line 5, field balance: the amount has more than 2 decimals",
    ),
    "money as a number": (
        changed(family(), "payment", amount=100),
        'line 14, field amount: must be an amount in quotes, such as "157.50"',
    ),
    "no money": (changed(family(), "payment", amount="0"), "line 14, field amount: "),
    "package over its total": (
        changed(
            family(),
            "line",
            packages=[{"code": "m", "name": "М", "unit": "SMS", "source": "GIFT", "total": 1, "remaining": 2}],
        ),
        "line 8, field packages.0.remaining: must not exceed total",
    ),
    "a fraction": (changed(family(), "usage", volume=1.5), "line 13, field volume.0: must be a whole number"),
    "no date": (
        changed(family(), "contract", signed_on="2026-02-30"),
        "line 3, field signed_on: there is no day 2026-02-30",
    ),
    "days the wrong way round": (
        changed(family(), "usage", day=None, days=["today", "-3d"]),
        "line 13, field days: ends on 2026-11-18, before it begins on 2026-11-21",
    ),
    "login not accepted": (
        changed(family(), "person", cabinet={"logins": {"EMAIL": "a@b.example"}}),
        "line 1, field cabinet.logins.EMAIL: beeline does not sign in with it",
    ),
    "login of two": (
        [
            {**record, "cabinet": {"logins": {"CUSTOM_LOGIN": "home"}}} if record["type"] == "person" else record
            for record in family()
        ],
        "line 2, field cabinet.logins.CUSTOM_LOGIN: home is also the login of anna",
    ),
    "control character": (changed(family(), "person", name="A\u0000"), "line 1, field name: must have 1 to 200"),
}


@pytest.mark.parametrize(("records", "message"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_file_is_refused_and_changes_nothing(
    load: Importer, records: list[Record], message: str
) -> None:
    before = await everything(load.url)

    problems = await load.problems(records)

    assert problems[0].startswith(message)
    assert await everything(load.url) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"type": "person"', "line 2: is not JSON: EOF while parsing"),
        (b"\xff\xfe", "line 2: is not JSON: "),
        (b"[1, 2]", "line 2"),
        (b'"person"', "line 2"),
    ],
)
async def test_a_line_that_is_no_record_is_refused(load: Importer, text: bytes, message: str) -> None:
    load.path.write_bytes(json.dumps(family()[0]).encode() + b"\n" + text + b"\n")

    with pytest.raises(ImportRejected, match=message):
        await import_file(load.url, load.path, load.profiles)


async def test_all_problems_are_told_at_once_up_to_a_limit(load: Importer) -> None:
    few = changed(changed(family(), "contract", holder=None, kind="X"), "account", balance="x")
    assert [problem.partition(":")[0] for problem in await load.problems(few)] == [
        "line 3, field holder",
        "line 3, field kind",
        "line 5, field balance",
    ]

    assert len(await load.problems([{"type": "pet"}] * 2 * MOST_PROBLEMS)) == MOST_PROBLEMS
    strangers = [{**family()[2], "number": f"X{n}", "holder": "nobody"} for n in range(2 * MOST_PROBLEMS)]
    assert len(await load.problems(strangers)) == MOST_PROBLEMS


async def test_blank_lines_and_a_byte_order_mark_do_no_harm(load: Importer) -> None:
    write(load.path, family())
    load.path.write_bytes(b"\xef\xbb\xbf\n" + load.path.read_bytes().replace(b"\n", b"\r\n\r\n"))

    report = await import_file(load.url, load.path, load.profiles, today=TODAY)

    assert sum(report.records.values()) == len(family())


async def test_the_example_of_the_documentation_is_a_file(load: Importer) -> None:
    text = (OPERATORS.parent / "docs" / "import.md").read_text("utf-8")
    load.path.write_text(text.split("```json\n")[1].split("```")[0], "utf-8")

    report = await import_file(load.url, load.path, load.profiles)

    assert len(report.records) == 9


async def test_the_same_file_again_changes_no_row(load: Importer) -> None:
    first = await load(family())
    before = await everything(load.url)

    second = await load(family())

    assert first.changed["people"] == 2
    assert second.changed == {}
    assert str(second) == "Read 15 records. Changed: nothing."
    assert await everything(load.url) == before


async def test_records_may_refer_to_what_is_in_the_database(load: Importer) -> None:
    await load(family())

    report = await load([{**family()[12], "day": "-2d"}, {**family()[3], "number": "C3"}])

    assert report.changed == {"usage": 1, "contracts": 1}


async def test_a_newer_file_brings_descriptions_up_to_date(load: Importer) -> None:
    await load(family())
    records = changed(family(), "person:anna", name="Анна Новая", birth_date="1990-05-05")
    records = changed(records, "line", status="BLOCKED_BY_USER", tariff="all-3", label="Мой", packages=None)
    records = changed(records, "usage", volume=40)

    report = await load(records)

    assert report.changed == {
        "people": 1,
        "cabinets": 1,
        "lines": 1,
        "tariffs": 1,
        "usage": 1,
        "snapshots": 1,
    }
    assert await fetch(load.url, "select name, birth_date from person where ref = 'anna'") == [
        ("Анна Новая", date(1990, 5, 5))
    ]
    # What a record leaves out keeps what is stored.
    assert await fetch(load.url, "select count(*) from package_counter") == [(1,)]
    await load(family())
    assert await fetch(load.url, "select label, status from line where msisdn = $1", ANNA) == [("Мой", "ACTIVE")]


async def test_money_is_double_entry_and_sums_to_the_stated_balance(load: Importer) -> None:
    await load(family())

    personal = """
        select a.number, g.balance, g.floor, (select sum(e.amount) from ledger_entry e where e.account_id = g.id)
        from ledger_account g join personal_account a on a.id = g.account_id order by 1"""
    assert await fetch(load.url, personal) == [
        ("A1", 15000, 0, Decimal(15000)),
        ("A2", -1050, -1050, Decimal(-1050)),
        ("A3", 0, 0, None),
    ]
    system = """
        select g.kind, g.provider, g.balance, sum(e.amount)::bigint
        from ledger_account g join ledger_entry e on e.account_id = g.id
        where g.account_id is null group by g.id order by 1"""
    assert await fetch(load.url, system) == [
        ("CLEARING", "import", None, -10000),
        ("OPENING", "", None, -6950),
        ("REVENUE", "", None, 3000),
    ]
    assert await fetch(load.url, "select kind, key from ledger_transfer order by at, key") == [
        ("OPENING", "import:beeline:OPENING:A1"),
        ("TOP_UP", "import:beeline:TOP_UP:A1:p1"),
        ("FEE", "import:beeline:FEE:A1:f1"),
        ("OPENING", "import:beeline:OPENING:A2"),
    ]
    assert await fetch(load.url, "select sum(amount) from ledger_entry") == [(Decimal(0),)]


async def test_a_later_file_never_changes_money_that_is_there(load: Importer) -> None:
    await load(family())
    await top_up(load.url, "A1", 500)
    later = changed(family(), "account", balance="9000.00")
    later.append({**family()[13], "key": "p2"})

    report = await load(later)

    assert report.changed == {"snapshots": 1}
    assert await fetch(load.url, "select max(balance) from ledger_account") == [(15500,)]
    assert await fetch(load.url, "select max(available) from balance_snapshot") == [(15500,)]


async def test_the_snapshot_tells_the_next_charge(load: Importer) -> None:
    await load(family(), today=date.today())

    # 400.00 for the tariff; the service names no charge of its own.
    statement = """
        select s.available, s.credit, s.next_charge, s.next_charge_at > now() from balance_snapshot s
        join personal_account a on a.id = s.account_id where a.number in ('A1', 'A2') order by a.number"""
    assert await fetch(load.url, statement) == [(15000, None, 40000, True), (-1050, None, None, None)]


async def test_a_link_comes_with_the_consent_that_it_rests_on(load: Importer) -> None:
    await load(family())

    statement = """
        select n.status, n.primary_slot = n.line_id, n.sim_epoch, n.contract_epoch, n.scopes,
          n.reverify_by - n.confirmed_at, c.method, c.scopes, c.given_at = n.confirmed_at, c.text
        from number_link n join consent c on c.link_id = n.id"""
    [(*columns, text)] = await fetch(load.url, statement)
    scopes = ["VIEW", "PAY"]
    assert columns[:5] == ["ACTIVE", True, 1, 1, scopes]
    assert columns[5].days == 365
    assert columns[6:] == ["SMS_CODE", scopes, True]
    assert text == (
        "Билайн: Анна (номер …01) просит управлять вашим номером: Смотреть и платить. Детализация: нет. "
        "Код ••••••, 5 мин. Не сообщайте код посторонним. Отказ: STOP"
    )


async def test_a_link_that_was_revoked_stays_revoked(load: Importer) -> None:
    await load(family())
    await fetch(load.url, "update number_link set status = 'REVOKED', primary_slot = null")

    report = await load(changed(family(), "link", scopes=["VIEW"], label="Петя"))

    assert report.changed == {}


async def test_ownership_that_was_handed_over_stays_handed_over(load: Importer) -> None:
    await load(family())
    # A household has one owner when its transaction ends, and never two on the way.
    await fetch(
        load.url,
        """do $$ begin
        update membership set role = 'ADULT';
        update membership set role = 'OWNER' where user_id = (select max(user_id) from membership);
        end $$""",
    )

    assert (await load(family())).changed == {}
    newcomer = [{**family()[0], "ref": "olga"}]
    members = [{"person": "olga", "role": "OWNER"}]
    assert await load.problems(newcomer + changed(family(), "household", members=members)) == [
        "line 12, field members.0.role: the household already has an owner"
    ]


async def test_a_line_has_one_household_that_looks_after_it(load: Importer) -> None:
    await load(family())
    other = [
        {**family()[10], "ref": "h2", "members": [{"person": "petr", "role": "OWNER"}]},
        {**family()[11], "household": "h2"},
    ]

    assert await load.problems(other) == ["line 2, field kind: another household already looks after the line"]
    assert (await load(changed(other, "link", kind="SECONDARY"))).changed == {
        "households": 1,
        "members": 1,
        "links": 1,
        "consents": 1,
    }


@pytest.mark.parametrize("how", ["another contract", "another holder", "another user"])
async def test_whoever_gets_a_number_does_not_inherit_its_links(load: Importer, how: str) -> None:
    await load(family())
    [(line,)] = await fetch(load.url, "select id from line where msisdn = $1", PETR)
    service = await have_of_everything(load.url, line)
    records = {
        "another contract": changed(family(), "account:A2", contract="C1"),
        "another holder": changed(family(), "contract:C2", holder="anna"),
        "another user": changed(family(), f"line:{PETR}", user="anna"),
    }[how]

    await load(records)

    [(status, slot)] = await fetch(load.url, "select status, primary_slot from number_link")
    assert (status, slot) == ("TERMINATED", None)
    assert await fetch(load.url, "select sim_epoch from line where msisdn = $1", PETR) == [(2,)]
    # Nor what the line had, but where the same contract still pays for it. What the file names is new.
    ended = await fetch(load.url, "select service_id, action, charge from service_event where line_id = $1", line)
    held = await fetch(load.url, "select s.code from service_subscription ss join service s on s.id = ss.service_id")
    if how == "another user":
        assert (ended, ("held",) in held) == ([], True)
    else:
        assert (ended, ("held",) in held) == ([(service, "DISCONNECT", 0)], False)
        assert {"ringback_rule", "status_message", "pool_share"}.isdisjoint(await had(load.url, line))
    assert (await load(records)).changed == {}


async def test_a_number_takes_its_login_along(load: Importer) -> None:
    await load(family())

    await load(changed(family(), f"line:{PETR}", user="anna"))

    statement = """
        select p.ref from login l join app_user u on u.id = l.user_id join person p on p.id = u.person_id
        where l.kind = 'MSISDN' and l.value = $1"""
    assert await fetch(load.url, statement, PETR) == [("anna",)]


async def test_a_login_of_somebody_else_is_refused(load: Importer) -> None:
    records = changed(family(), "person:anna", cabinet={"logins": {"CUSTOM_LOGIN": "home"}})
    await load(records)

    assert await load.problems(changed(family(), "person:petr", cabinet={"logins": {"CUSTOM_LOGIN": "home"}})) == [
        "line 2, field cabinet.logins.CUSTOM_LOGIN: anna already signs in with it"
    ]


async def test_a_password_is_hashed_once_and_kept_while_it_fits(load: Importer) -> None:
    records = changed(family(), "person:petr", cabinet={"password": "Domashniy24"})
    await load(records)
    hashes = "select password_hash from app_user order by display_name"
    [(annas,), (petrs,)] = await fetch(load.url, hashes)
    assert annas == petrs
    assert matches(annas, "Domashniy24")

    await load(changed(records, "person:anna", cabinet={"password": "Drugoy2026", "must_change_password": True}))

    [(annas_new,), (petrs_new,)] = await fetch(load.url, hashes)
    assert petrs_new == petrs
    assert matches(annas_new, "Drugoy2026")
    assert await fetch(load.url, "select must_change_password from app_user order by display_name") == [
        (True,),
        (False,),
    ]


async def test_a_household_may_hold_lines_of_another_operator(load: Importer) -> None:
    nomad: list[Record] = [
        {"type": "person", "operator": "nomad", "ref": "zoya", "name": "Зоя", "cabinet": {}},
        {
            "type": "household",
            "operator": "nomad",
            "ref": "n1",
            "name": "Кочевники",
            "members": [
                {"person": "zoya", "role": "OWNER"},
                {"person": "petr", "operator": "beeline", "role": "ADULT"},
            ],
        },
        {
            "type": "link",
            "operator": "nomad",
            "household": "n1",
            "line": ANNA,
            "target_operator": "beeline",
            "scopes": ["VIEW"],
            "method": "SMS_CODE",
        },
    ]

    await load([*family(), *nomad])

    statement = """
        select h.operator, l.operator, l.msisdn from number_link n
        join household h on h.id = n.household_id join line l on l.id = n.line_id where h.ref = 'n1'"""
    assert await fetch(load.url, statement) == [("nomad", "beeline", ANNA)]
    assert await fetch(load.url, "select count(*) from membership") == [(4,)]


async def test_values_of_repeated_use_follow_the_calendar(load: Importer) -> None:
    week = {**family()[12], "days": ["-13d", "today"], "unit": "MB", "volume": [1, 2, 3, 4, 5, 6, 0]}
    del week["day"]
    await load([*family()[:12], week])

    # TODAY is a Saturday; a Sunday's zero leaves no row.
    rows = await fetch(load.url, "select day, volume from usage_day order by day desc limit 7")
    assert rows[0] == (TODAY, Decimal(6 * 2**20))
    assert [volume / 2**20 for _, volume in rows] == [6, 5, 4, 3, 2, 1, 6]

    # On the next day the days before keep their values.
    assert (await load([week], today=date(2026, 11, 22))).changed == {}
    assert (await load([week], today=date(2026, 11, 23))).changed == {"usage": 1}


async def test_moments_without_an_offset_are_the_operators_own(load: Importer) -> None:
    await load(family())

    statement = "select at at time zone 'Europe/Moscow' from ledger_transfer where kind = 'TOP_UP'"
    [(at,)] = await fetch(load.url, statement)
    assert str(at) == "2026-11-11 10:00:00"


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers())
async def test_the_order_of_records_does_not_matter(load: Importer, seed: int) -> None:
    text = (OPERATORS / "beeline" / "demo.ndjson").read_text("utf-8")
    records = [json.loads(line) for line in text.splitlines() if line]
    await empty(load.url)
    await load(records)
    in_order = await content(load.url)
    assert len(in_order["usage"]) > 1000
    await empty(load.url)

    random.Random(seed).shuffle(records)
    await load(records)

    assert await content(load.url) == in_order
