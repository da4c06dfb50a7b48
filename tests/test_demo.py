"""The demo households hold what somebody who tries Hearth out wants to see, today and on any other day."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from auth.passwords import matches
from domain.msisdn import normalize
from domain.profile import Profile
from services import demo
from services.household_import import import_file
from tests.databases import fetch
from tests.household_records import everything

OPERATORS = Path(__file__).resolve().parent.parent / "operators"
FIVE = ("beeline", "letai", "life", "motiv", "tele2")

each_operator = pytest.mark.parametrize("operator", FIVE)


@each_operator
def test_the_people_of_the_demo(demo_people: dict[str, Any], profiles: Mapping[str, Profile], operator: str) -> None:
    people = demo_people[operator]
    everybody = [people["owner"], *people["members"], *people["strangers"]]

    assert people["owner"]["role"] == "OWNER"
    assert {member["role"] for member in people["members"]} == {"ADULT", "CHILD", "VIEWER"}
    assert len(people["strangers"]) == 2
    assert len({person["msisdn"] for person in everybody}) == len(everybody)
    for person in everybody:
        assert set(person) - {"role"} == {"name", "msisdn", "login", "password"}
        assert normalize(person["login"], profiles[operator]) == person["msisdn"]
        assert _fits(person["password"], profiles[operator])
    json.dumps(demo_people)


def _fits(password: str, profile: Profile) -> bool:
    rules = profile.auth.password
    return (
        rules.min_length <= len(password) <= rules.max_length
        and password.isascii()
        and password.isalnum()
        and password not in (password.lower(), password.upper())
        and any(character.isdigit() for character in password)
    )


@each_operator
async def test_everybody_can_sign_in(shared_database: str, demo_people: dict[str, Any], operator: str) -> None:
    people = demo_people[operator]
    statement = """
        select u.password_hash, u.display_name from login l join app_user u on u.id = l.user_id
        where l.operator = $1 and l.kind = 'MSISDN' and l.value = $2"""
    for person in [people["owner"], *people["members"], *people["strangers"]]:
        [(password_hash, name)] = await fetch(shared_database, statement, operator, person["msisdn"])
        assert name == person["name"]
    assert matches(password_hash, person["password"])


@each_operator
async def test_the_household_of_the_demo(shared_database: str, profiles: Mapping[str, Profile], operator: str) -> None:
    profile = profiles[operator]
    [(child_born,)] = await fetch(
        shared_database,
        """select m.birth_date from membership m join household h on h.id = m.household_id
        where h.operator = $1 and m.role = 'CHILD'""",
        operator,
    )
    assert timedelta(days=10 * 365) < date.today() - child_born < timedelta(days=13 * 366)

    links = await fetch(
        shared_database,
        """select m.role, n.kind, n.scopes, c.method, n.reverify_by > now()
        from number_link n join consent c on c.link_id = n.id join household h on h.id = n.household_id
        join line l on l.id = n.line_id join membership m on m.household_id = h.id and m.user_id = l.user_id
        where h.operator = $1 and h.ref = 'home' and m.role = 'VIEWER'""",
        operator,
    )
    assert links == [("VIEWER", "PRIMARY", ["VIEW", "USAGE", "PAY"], "SMS_CODE", True)]

    kinds = "select distinct kind from personal_account where operator = $1"
    sold = {"MOBILE", "INTERNET", "TV"} & set(profile.operator.service_kinds)
    assert sold <= {kind for (kind,) in await fetch(shared_database, kinds, operator)}

    statement = "select count(*) from line where operator = $1 and status = 'SUSPENDED_NONPAYMENT'"
    assert await fetch(shared_database, statement, operator) == [(1,)]


@each_operator
async def test_the_money_of_the_demo(shared_database: str, profiles: Mapping[str, Profile], operator: str) -> None:
    balances = await fetch(
        shared_database,
        """select g.balance, coalesce((select sum(amount) from ledger_entry e where e.account_id = g.id), 0),
          g.currency, g.kind
        from ledger_account g where g.operator = $1""",
        operator,
    )
    assert all(balance == (entries if kind == "PERSONAL" else None) for balance, entries, _, kind in balances)
    assert sum(entries for _, entries, *_ in balances) == 0
    assert {currency for _, _, currency, _ in balances} == {profiles[operator].operator.currency}

    # One low, one comfortable, for what a month costs with this operator.
    [(fee,)] = await fetch(
        shared_database,
        "select max(t.fee) from tariff_subscription s join tariff t on t.id = s.tariff_id"
        " where t.operator = $1 and t.fee_period = 'MONTH'",
        operator,
    )
    personal = [balance for balance, _, _, kind in balances if kind == "PERSONAL"]
    assert any(0 < balance < fee // 10 for balance in personal)
    assert any(balance > fee for balance in personal)

    months = await fetch(
        shared_database,
        "select count(distinct date_trunc('month', at)) from ledger_transfer where operator = $1 and kind = 'TOP_UP'",
        operator,
    )
    assert months[0][0] >= 3


@each_operator
async def test_the_use_of_the_demo(shared_database: str, operator: str) -> None:
    [(days, first, last)] = await fetch(
        shared_database,
        """select count(distinct day), min(day), max(day) from usage_day u join line l on l.id = u.line_id
        where l.operator = $1""",
        operator,
    )
    assert days == 93
    assert last - first == timedelta(days=92)

    packages = await fetch(
        shared_database,
        """select p.total, p.remaining, p.resets_at > now() and p.resets_at < now() + interval '32 days'
        from package_counter p join line l on l.id = p.line_id where l.operator = $1 and not p.unlimited""",
        operator,
    )
    assert len(packages) >= 12
    assert all(soon for *_, soon in packages)
    assert any(Decimal(0) < remaining < total / 5 for total, remaining, _ in packages)

    charges = await fetch(
        shared_database,
        """select s.next_charge_at > now() from tariff_subscription s join line l on l.id = s.line_id
        where l.operator = $1""",
        operator,
    )
    assert all(soon for (soon,) in charges)


async def test_loading_twice_a_day_does_nothing(demo_database: str, profiles: Mapping[str, Profile]) -> None:
    before = await everything(demo_database)

    await demo.load(demo_database, {name: profiles[name] for name in FIVE}, OPERATORS)

    assert await everything(demo_database) == before


async def test_the_next_day_moves_the_dates_and_not_the_money(
    demo_database: str, profiles: Mapping[str, Profile]
) -> None:
    ledger = "select sum(balance), count(*), (select count(*) from ledger_entry) from ledger_account"
    before = await fetch(demo_database, ledger)

    for operator in FIVE:
        tomorrow = datetime.now(profiles[operator].operator.zone).date() + timedelta(days=1)
        path = OPERATORS / operator / demo.DEMO_FILE
        report = await import_file(demo_database, path, profiles, today=tomorrow)
        assert report.changed["packages"] > 0
        assert {"transfers", "ledger accounts", "links", "lines", "usage"} & set(report.changed) == {"lines", "usage"}

    assert await fetch(demo_database, ledger) == before
    # A day more for each; no operator of ours is a day ahead of another for long.
    assert await fetch(demo_database, "select max(day) - min(day) from usage_day") in ([(93,)], [(94,)])


@pytest.mark.parametrize("today", ["2028-02-29", "2027-01-31", "2027-03-31", "2026-12-31"])
async def test_the_demo_loads_on_awkward_days(demo_database: str, profiles: Mapping[str, Profile], today: str) -> None:
    path = OPERATORS / "beeline" / demo.DEMO_FILE
    report = await import_file(demo_database, path, profiles, today=date.fromisoformat(today))

    assert report.changed["usage"] > 0
