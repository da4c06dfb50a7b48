"""The household dashboard: what it shows, what it costs, and that it renders without billing (N9, N15)."""

import gc
import re
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.profile import Profile
from gateways.billing import Billing
from gateways.last_known import RememberedBilling
from gateways.ledger_billing import LedgerBilling
from gateways.simulators.billing import BrokenBilling
from loaders import billing as patience
from models.reader import reader_pool
from tests import family
from tests.cabinet import Cabinet
from tests.databases import fetch
from tests.session import open_session
from tests.till import ANN, Till

FIVE = ["beeline", "letai", "life", "motiv", "tele2"]
DASHBOARD = (family.ROOT / "graphiql/examples/01-dashboard.graphql").read_text()

Open = Callable[..., Awaitable[Cabinet]]


def nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]


@pytest.mark.parametrize("operator", FIVE)
async def test_f039_dashboard_shows_the_demo_household(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile], operator: str
) -> None:
    owner, profile = demo_people[operator]["owner"], profiles[operator]
    viewer = (await (await cabinet.signed_in(operator, owner)).data(DASHBOARD))["viewer"]
    assert viewer["user"]["displayName"] == owner["name"]
    assert viewer["household"]["myRole"] == "OWNER"
    assert {"OWNER", "ADULT", "CHILD"} <= {member["role"] for member in viewer["household"]["members"]}

    lines = nodes(viewer["linkedNumbers"])
    assert lines[0]["msisdn"] == owner["msisdn"]
    assert [line["isOwn"] for line in lines] == sorted((line["isOwn"] for line in lines), reverse=True)
    own = lines[0]
    assert own["balance"]["available"]["currency"] == profile.operator.currency
    assert own["balance"]["stale"] is False
    assert own["remains"]
    assert own["usage"]["items"]
    assert own["tariff"]["tariff"]["name"]
    assert nodes(own["connectedServices"])

    sold = {kind.value for kind in profile.operator.service_kinds} & {"MOBILE", "INTERNET", "TV"}
    assert {account["kind"] for account in nodes(viewer["personalAccounts"])} >= sold


TARIFF = """
{ viewer { linkedNumbers(first: 1) { edges { node { tariff {
  since nextChargeAt configuration { unit amount }
  tariff { code name kind fee { amount } feePeriod included { unit amount unlimited } terms archived }
} } } } } }
"""


@pytest.mark.parametrize("operator", FIVE)
async def test_f101_the_tariff_of_a_line_is_told_in_full(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str
) -> None:
    owner = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    [line] = nodes((await owner.data(TARIFF))["viewer"]["linkedNumbers"])
    told = line["tariff"]["tariff"]
    sold = tomllib.loads((family.ROOT / "operators" / operator / "catalogue.toml").read_text())["tariffs"]
    [written] = [each for each in sold if each["code"] == told["code"]]
    assert (told["name"], told["kind"], told["feePeriod"]) == (written["name"], written["kind"], written["period"])
    assert Decimal(told["fee"]["amount"]) == Decimal(written["fee"])
    units = {"GB": "BYTE", "MB": "BYTE"}
    assert [each["unit"] for each in told["included"]] == [
        units.get(each["unit"], each["unit"]) for each in written["included"]
    ]
    assert told["terms"] == written.get("terms")
    assert line["tariff"]["since"] < line["tariff"]["nextChargeAt"]
    assert (line["tariff"]["configuration"] is not None) == bool(written.get("options"))


KINDS = "{ viewer { personalAccounts { edges { node { kind lines { kind } } } } } }"


@pytest.mark.parametrize("kind", ["WIFI", "IP_TELEPHONY", "LANDLINE", "VIDEO_SURVEILLANCE"])
async def test_f130_accounts_of_every_kind_that_is_sold_are_shown(
    till: Till, profiles: Mapping[str, Profile], kind: str
) -> None:
    assert kind in profiles["letai"].operator.service_kinds
    account = await till.account(ANN)
    await till.rows("update personal_account set kind = $1 where id = $2", kind, account)
    await till.rows("update line set kind = $1 where account_id = $2", kind, account)
    shown = nodes((await (await till.of(ANN)).data(KINDS))["viewer"]["personalAccounts"])
    assert {"kind": kind, "lines": [{"kind": kind}]} in shown


async def test_f044_grandparent_linked_by_sms_is_seen_as_far_as_the_link_goes(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    viewer = (await (await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])).data(DASHBOARD))["viewer"]
    by_scopes = {tuple(line["myScopes"]): line for line in nodes(viewer["linkedNumbers"])}
    grandparent = by_scopes["VIEW", "USAGE", "PAY"]
    assert grandparent["isOwn"] is False
    assert grandparent["balance"] is not None
    assert grandparent["usage"] is not None


def lines_of_one(count: int) -> list[dict[str, Any]]:
    """A household whose owner has `count` numbers, each with an account, a tariff, a service and a package."""
    package = {
        "code": "gb",
        "name": "Интернет",
        "unit": "BYTE",
        "source": "TARIFF",
        "total": "1000",
        "remaining": "250",
    }
    records = [family.person("beeline", "ann"), family.household("beeline", "smiths", ann="OWNER")]
    for index in range(count):
        records += family.mobile(
            "beeline", "ann", index, "ann", tariff="all-1", services=[{"code": "last5"}], packages=[package]
        )
    return records


async def test_statements_do_not_depend_on_the_number_of_lines(
    empty_database: str, profiles: Mapping[str, Profile], opened: Open, tmp_path: Path
) -> None:
    costs = []
    query = re.sub(r"(linkedNumbers|personalAccounts)\(first: 20\)", r"\1(first: 60)", DASHBOARD)
    for count in (1, 10, 50):
        await family.load(empty_database, profiles, tmp_path, lines_of_one(count))
        visitor = await opened(empty_database)
        token = await open_session(empty_database, "beeline", family.number("beeline", 0))
        answer = await visitor.of("beeline", token).ask(query)
        assert "errors" not in answer
        viewer = answer["data"]["viewer"]
        assert len(nodes(viewer["linkedNumbers"])) == len(nodes(viewer["personalAccounts"])) == count
        cost = answer["extensions"]["hearth"]
        costs.append(cost["statements"])
        assert cost["batches"]["balance_by_account_id"] == [count]
        assert cost["batches"]["tariff_subscription_by_line_id"] == [count]
    assert len(set(costs)) == 1, costs
    assert costs[0] <= 5, costs


async def test_a_request_leaves_nothing_for_the_garbage_collector(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    """What holds itself stays until the collector comes, and then all of it has to be taken apart at once."""
    signed_in = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    for _ in range(3):
        await signed_in.data(DASHBOARD)
    rooms = ("execution", "gateways", "loaders", "models", "resolvers", "schema", "server")
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(3):
            await signed_in.data(DASHBOARD)
        gc.collect()
        left = {type(each).__qualname__ for each in gc.garbage if type(each).__module__.partition(".")[0] in rooms}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == set()


async def test_f102_a_change_of_the_catalogue_is_seen_at_once(
    demo_database: str, demo_people: dict[str, Any], opened: Open
) -> None:
    query = """{ viewer { linkedNumbers { edges { node {
      tariff { tariff { name } } connectedServices { edges { node { service { name } } } } } } } } }"""
    token = await open_session(demo_database, "beeline", demo_people["beeline"]["owner"]["msisdn"])
    visitor = (await opened(demo_database)).of("beeline", token)

    async def names() -> set[str]:
        lines = nodes((await visitor.data(query))["viewer"]["linkedNumbers"])
        services = [
            each["service"]["name"] for line in lines for each in nodes(line["connectedServices"] or {"edges": []})
        ]
        return {line["tariff"]["tariff"]["name"] for line in lines if line["tariff"]} | set(services)

    before = await names()
    assert len(before) > 1
    assert before == await names()
    await fetch(demo_database, "update tariff set name = name || ' 2'")
    await fetch(demo_database, "update service set name = name || ' 2'")
    assert await names() == {f"{name} 2" for name in before}


@pytest.mark.parametrize(("name", "billing"), [("down", BrokenBilling()), ("slow", BrokenBilling(30))])
async def test_n09_page_renders_with_the_last_known_balance_when_billing_does_not_answer(
    shared_database: str,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    opened: Open,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    billing: Billing,
) -> None:
    assert patience.PATIENCE_SECONDS == 2.0
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.2)
    signed_in = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    fresh = (await signed_in.data(DASHBOARD))["viewer"]
    visitor = await opened(shared_database, billing=billing)
    answer = await visitor.of("beeline", signed_in.token).ask(DASHBOARD)
    assert "errors" not in answer
    viewer = answer["data"]["viewer"]
    for now, then in zip(nodes(fresh["linkedNumbers"]), nodes(viewer["linkedNumbers"]), strict=True):
        if now["balance"] is None:
            assert then["balance"] is None
            continue
        assert then["balance"]["available"] == now["balance"]["available"]
        assert (now["balance"]["stale"], then["balance"]["stale"]) == (False, True)
        assert then["remains"] == now["remains"]
        assert then["usage"] == now["usage"]


async def test_n09_last_known_balance_is_what_billing_told_last(
    demo_database: str, demo_people: dict[str, Any], opened: Open
) -> None:
    owner = demo_people["beeline"]["owner"]["msisdn"]
    token = await open_session(demo_database, "beeline", owner)
    connection = await asyncpg.connect(demo_database)
    account = "account_id = (select account_id from line where msisdn = $1)"
    await connection.execute("set session_replication_role = replica")  # or only entries would change a balance
    await connection.execute(f"update ledger_account set balance = 4242, floor = null where {account}", owner)
    async with reader_pool(demo_database, 2) as pool:
        remembered = RememberedBilling(LedgerBilling(), pool)
        await (await opened(demo_database, billing=remembered)).of("beeline", token).data(DASHBOARD)
        await remembered.write()
        first = await connection.fetchrow(f"select available, as_of from balance_snapshot where {account}", owner)
        await (await opened(demo_database, billing=remembered)).of("beeline", token).data(DASHBOARD)
        await remembered.write()
        again = await connection.fetchrow(f"select available, as_of from balance_snapshot where {account}", owner)
    await connection.close()
    assert first is not None
    assert first["available"] == 4242
    assert again == first, "what has not changed is not written again so soon"
    broken = await opened(demo_database, billing=BrokenBilling())
    viewer = (await broken.of("beeline", token).data(DASHBOARD))["viewer"]
    own = next(line for line in nodes(viewer["linkedNumbers"]) if line["msisdn"] == owner)
    assert own["balance"]["available"]["amount"] == "42.42"
    assert own["balance"]["stale"] is True


async def test_f055_balance_is_the_sum_of_the_ledgers_entries(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    signed_in = await cabinet.signed_in("letai", demo_people["letai"]["owner"])
    viewer = (await signed_in.data(DASHBOARD))["viewer"]
    for account in nodes(viewer["personalAccounts"]):
        if account["balance"] is None:
            continue
        minor = await database.fetchval(
            """
select sum(e.amount) from ledger_entry e join ledger_account l on l.id = e.account_id
join personal_account a on a.id = l.account_id where a.operator = 'letai' and a.number = $1
""",
            account["number"],
        )
        assert account["balance"]["available"]["amount"] == f"{minor / 100:.2f}"


async def test_f057_next_charge_is_all_that_falls_on_the_next_date(
    empty_database: str, profiles: Mapping[str, Profile], opened: Open, tmp_path: Path
) -> None:
    records = [family.person("beeline", "ann")]
    soon, later = "+2d 03:00", "+9d 03:00"
    records += family.mobile(
        "beeline",
        "ann",
        0,
        "ann",
        tariff="all-1",
        next_charge_at=soon,
        services=[{"code": "last5", "next_charge_at": later}],
    )
    await family.load(empty_database, profiles, tmp_path, records)
    token = await open_session(empty_database, "beeline", family.number("beeline", 0))
    answer = await (await opened(empty_database)).of("beeline", token).data(DASHBOARD)
    balance = nodes(answer["viewer"]["linkedNumbers"])[0]["balance"]
    assert balance["nextCharge"] == {"amount": "400.00", "currency": "RUB"}
    assert balance["nextChargeAt"] is not None


SPENDING = "{ viewer { household { spending { total { amount currency } } } } }"


async def test_e58_household_spans_two_operators_where_the_profile_allows_it(
    empty_database: str, profiles: Mapping[str, Profile], opened: Open, tmp_path: Path
) -> None:
    """The sixth operator's cabinet links numbers of any; each keeps its own profile and currency."""
    granny, ann = family.number("life", 0), family.number("nomad", 0)
    records = [
        family.person("nomad", "ann"),
        *family.mobile("nomad", "ann", 0, "ann"),
        {**family.person("life", "granny"), "cabinet": {"password": family.PASSWORD}},
        *family.mobile("life", "granny", 0, "granny"),
        family.household("nomad", "smiths", ann="OWNER"),
        family.link("nomad", "smiths", granny, "VIEW", "USAGE", "PAY", "BLOCK", target_operator="life"),
    ]
    await family.load(empty_database, profiles, tmp_path, records)
    visitor = await opened(empty_database)
    token = await open_session(empty_database, "nomad", ann)
    viewer = (await visitor.of("nomad", token).data(DASHBOARD))["viewer"]
    lines = {line["msisdn"]: line for line in nodes(viewer["linkedNumbers"])}
    assert lines[ann]["balance"]["available"] == {"amount": "100.50", "currency": "RUB"}
    assert lines[granny]["balance"]["available"] == {"amount": "100.50", "currency": "BYN"}
    # life:) lets only the contract holder block a number, whoever's cabinet asks.
    assert lines[granny]["myScopes"] == ["VIEW", "USAGE", "PAY"]

    # What both spent is a sum for each currency, and never one of both.
    today = datetime.now(profiles["nomad"].operator.zone).date()
    await fetch(
        empty_database,
        "insert into usage_day (line_id, day, type, unit, volume, sum) "
        "select id, $1, 'CALL', 'MINUTE', 1, 250 from line",
        today,
    )
    spent = (await visitor.of("nomad", token).data(SPENDING))["viewer"]["household"]["spending"]
    assert spent["total"] == [{"amount": "2.50", "currency": "BYN"}, {"amount": "2.50", "currency": "RUB"}]

    # The number's own operator keeps to itself: its holder's cabinet shows nothing of the household's numbers.
    token = await open_session(empty_database, "life", granny)
    viewer = (await visitor.of("life", token).data(DASHBOARD))["viewer"]
    assert [line["msisdn"] for line in nodes(viewer["linkedNumbers"])] == [granny]
    assert viewer["household"] is None


async def test_partial_session_sees_and_pays_own_numbers_only(
    shared_database: str, cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    token = await open_session(shared_database, "beeline", demo_people["beeline"]["owner"]["msisdn"], "PARTIAL")
    viewer = (await cabinet.of("beeline", token).data(DASHBOARD))["viewer"]
    for line in nodes(viewer["linkedNumbers"]):
        assert line["myScopes"] == (["VIEW", "PAY"] if line["isOwn"] else ["PAY"])
        assert line["usage"] is None
        assert (line["balance"] is not None) == line["isOwn"]


async def test_stranger_sees_nothing_of_the_household(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    household = {person["msisdn"] for person in [demo_people["beeline"]["owner"], *demo_people["beeline"]["members"]]}
    for stranger in demo_people["beeline"]["strangers"]:
        viewer = (await (await cabinet.signed_in("beeline", stranger)).data(DASHBOARD))["viewer"]
        assert not household & {line["msisdn"] for line in nodes(viewer["linkedNumbers"])}
