"""What the operator sells, as everybody sees it: filters, search, offers to a line, comparison, bundles and tones."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.profile import Profile
from tests import family
from tests.cabinet import Cabinet
from tests.databases import fetch
from tests.session import open_session

Open = Callable[..., Awaitable[Cabinet]]
People = Mapping[str, Any]

TARIFFS = """
query ($filter: TariffFilter, $first: Int, $after: String) {
  tariffs(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { id code kind archived localities } }
  }
}
"""
SERVICES = """
query ($filter: ServiceFilter, $first: Int, $after: String) {
  services(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id code kind category fee { amount } connectionFee { amount } feePeriod localities } }
  }
}
"""
LINES = """
{ viewer { linkedNumbers(first: 20) { edges { node { ...Line } } }
  personalAccounts(first: 20) { edges { node { lines { ...Line } } } } } }
fragment Line on Line { id tariff { tariff { code } } connectedServices { edges { node { service { code } } } } }
"""
OFFERED = """
query ($id: ID!, $filter: ServiceFilter, $first: Int = 100, $after: String) {
  node(id: $id) { ... on Line { availableServices(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { code kind category ageRating } }
  } } }
}
"""
COMPARED = """
query ($ids: [ID!]!) {
  compareTariffs(ids: $ids) { tariffs { code } rows { key label values differs bestIndex } }
}
"""
TONES = """
query ($search: String, $first: Int = 20, $after: String) {
  ringbackTones(search: $search, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { __typename id title artist fee { amount } feePeriod previewUrl archived } }
  }
}
"""


def nodes(connection: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]


def codes(connection: Mapping[str, Any]) -> list[str]:
    found = [node["code"] for node in nodes(connection)]
    assert connection["totalCount"] == len(found) == len(set(found))
    return found


def global_id(kind: str, key: object) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).rstrip(b"=").decode()


async def tariffs(cabinet: Cabinet, **wanted: Any) -> list[str]:
    return codes((await cabinet.data(TARIFFS, filter=wanted, first=100))["tariffs"])


async def services(cabinet: Cabinet, **wanted: Any) -> list[str]:
    return codes((await cabinet.data(SERVICES, filter=wanted, first=100))["services"])


async def offered(cabinet: Cabinet, line: Mapping[str, Any], **wanted: Any) -> list[str]:
    return codes((await cabinet.data(OFFERED, id=line["id"], filter=wanted))["node"]["availableServices"])


async def lines(cabinet: Cabinet) -> dict[str, dict[str, Any]]:
    """The viewer's lines by their tariffs."""
    viewer = (await cabinet.data(LINES))["viewer"]
    found = nodes(viewer["linkedNumbers"])
    found += [line for account in nodes(viewer["personalAccounts"]) for line in account["lines"]]
    return {line["tariff"]["tariff"]["code"]: line for line in found if line["tariff"]}


async def refusal(cabinet: Cabinet, query: str, **variables: Any) -> tuple[str, str]:
    [error] = (await cabinet.ask(query, **variables))["errors"]
    return error["extensions"]["code"], error["message"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("безлимит", ["video-unlimited", "messengers", "all-apps"]),
        ("БЕЗЛИМИТ на ВИДЕО", ["video-unlimited"]),
        ("видео безлимит", ["video-unlimited", "all-apps"]),
        ("  гб   15 ", ["gb-15"]),
        ("gb-15", ["gb-15"]),
        ("фонотека", ["music"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("нет такого", []),
        ("'; drop table service; --", []),
    ],
)
async def test_f111_services_are_found_by_their_words(cabinet: Cabinet, search: str, found: list[str]) -> None:
    visitor = cabinet.of("tele2")
    said = await services(visitor, search=search)
    if search == "видео безлимит":
        assert "video-unlimited" in said
        return
    assert [code for code in said if code in found] == found
    assert bool(said) == bool(found)


async def test_f102_tariffs_are_found_by_their_words(cabinet: Cabinet) -> None:
    visitor = cabinet.of("beeline")
    assert await tariffs(visitor, search="ВСЕ СЕМЬИ") == ["all-family"], "е is ё"
    assert await tariffs(visitor, search="всё семьи") == ["all-family"]
    assert await tariffs(visitor, search="всё", archived=True) == ["all-0"]
    assert await tariffs(visitor, search=" \t ") == await tariffs(visitor)


@pytest.mark.parametrize("query", [TARIFFS, SERVICES], ids=["tariffs", "services"])
@pytest.mark.parametrize("wanted", [{"search": "x" * 101}, {"search": "a\0b"}, {"locality": "x" * 201}])
async def test_huge_and_odd_searches_are_refused(cabinet: Cabinet, query: str, wanted: dict[str, Any]) -> None:
    code, message = await refusal(cabinet.of("beeline"), query, filter=wanted)
    assert code == "INVALID_INPUT"
    assert "at most" in message or "characters" in message


async def test_f114_nothing_is_both_paid_and_free(cabinet: Cabinet) -> None:
    visitor = cabinet.of("beeline")
    assert (await refusal(visitor, SERVICES, filter={"paidOnly": True, "freeOnly": True}))[0] == "INVALID_INPUT"
    paid, free = await services(visitor, paidOnly=True), await services(visitor, freeOnly=True)
    assert sorted(paid + free) == sorted(await services(visitor))
    assert "last5" in free


async def test_f114_filters_go_together(cabinet: Cabinet) -> None:
    visitor = cabinet.of("beeline")
    wanted = {"categories": ["ROAMING", "INTERNET_EXTENSION"], "kind": "MOBILE", "feePeriod": "MONTH", "paidOnly": True}
    assert await services(visitor, **wanted) == ["extend-auto"]
    assert await services(visitor, categories=[]) == []
    categories = (await visitor.data('{ __type(name: "ServiceCategory") { enumValues { name } } }'))["__type"]
    for category in {each["name"] for each in categories["enumValues"]} - {"RINGBACK"}:
        assert await services(visitor, categories=[category]), category


async def test_f117_roaming_at_home_and_abroad(cabinet: Cabinet) -> None:
    found = await services(cabinet.of("beeline"), categories=["ROAMING"])
    assert {"roaming-national", "roaming-international", "roam-world", "roam-home"} == set(found)


async def test_f102_what_is_not_sold_in_a_place_is_not_listed_there(cabinet: Cabinet) -> None:
    visitor = cabinet.of("letai")
    everywhere = set(await tariffs(visitor, kind="INTERNET", locality="Верхний Услон"))
    assert everywhere == {"internet-415"}
    assert set(await tariffs(visitor, kind="INTERNET", locality=" КАЗАНЬ ")) == {"internet-415", "internet-565"}
    assert set(await tariffs(visitor, kind="INTERNET", locality="Арск")) == {"internet-415", "internet-village"}
    assert len(await tariffs(visitor, kind="INTERNET")) == 3
    assert {"speed-night", "speed-day"} <= set(await services(visitor, locality="Казань"))
    assert not {"speed-night", "speed-day"} & set(await services(visitor, locality="Арск"))
    assert (await refusal(visitor, TARIFFS, filter={"locality": "  "}))[0] == "INVALID_INPUT"


async def test_f102_a_line_is_offered_what_fits_it(cabinet: Cabinet, demo_people: People) -> None:
    owner = await cabinet.signed_in("letai", demo_people["letai"]["owner"])
    mine = await lines(owner)
    home = mine["internet-415"]
    assert await tariffs(owner, availableForLine=home["id"]) == ["internet-565"], "Kazan, and not what it has"
    assert "mobile-12" not in await tariffs(owner, availableForLine=mine["mobile-12"]["id"])
    assert await tariffs(owner, availableForLine=home["id"], kind="MOBILE") == []
    assert await tariffs(owner, availableForLine=home["id"], archived=True) == []


async def test_f114_a_line_is_offered_services_that_it_has_not(cabinet: Cabinet, demo_people: People) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    line = (await lines(owner))["all-3"]
    connected = {node["service"]["code"] for node in nodes(line["connectedServices"])}
    everything = set(await services(owner, kind="MOBILE"))
    assert connected
    assert set(await offered(owner, line)) == everything - connected
    # The catalogue for a line is the line's own list.
    assert await services(owner, availableForLine=line["id"]) == await offered(owner, line)
    wanted = {"categories": ["UNLIMITED"], "search": "безлимит", "paidOnly": True}
    assert await offered(owner, line, **wanted) == ["video", "all-apps"]
    assert await services(owner, availableForLine=line["id"], **wanted) == ["video", "all-apps"]
    refused = await refusal(owner, OFFERED, id=line["id"], filter={"availableForLine": line["id"]})
    assert refused[0] == "INVALID_INPUT"

    whole, after, pages = await offered(owner, line), None, []
    while True:
        page = (await owner.data(OFFERED, id=line["id"], first=7, after=after))["node"]["availableServices"]
        pages += [node["code"] for node in nodes(page)]
        assert page["totalCount"] == len(whole)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert pages == whole


async def test_foreign_and_unknown_lines_are_answered_alike(cabinet: Cabinet, demo_people: People) -> None:
    owner = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    stranger = await cabinet.signed_in("beeline", demo_people["beeline"]["strangers"][0])
    elsewhere = await cabinet.signed_in("tele2", demo_people["tele2"]["owner"])
    line = next(iter((await lines(owner)).values()))["id"]
    other = next(iter((await lines(elsewhere)).values()))["id"]
    unknown = [global_id("Line", 10**12), global_id("Line", 10**30), global_id("Tariff", 1), "", "%", "x" * 10_000]
    told = set()
    for query in (TARIFFS, SERVICES):
        for caller, ids in ((stranger, [line, *unknown]), (cabinet.of("beeline"), [line]), (owner, [other])):
            for each in ids:
                told.add(await refusal(caller, query, filter={"availableForLine": each}))
    assert told == {("NOT_FOUND", "There is no such line of yours")}


async def test_f048_a_childs_line_is_not_offered_what_its_policy_forbids(
    demo_database: str, opened: Open, demo_people: People
) -> None:
    await fetch(
        demo_database,
        """
insert into child_policy (line_id, blocked_categories, max_age_rating, quiet_hours, approval_needed_for,
  can_top_up_self, always_allowed_numbers, set_at)
select id, '{ROAMING,UNLIMITED}', 12, '[]', '{}', true, '{}', now() from line where msisdn = '79051234503'
""",
    )
    visitor = await opened(demo_database)
    token = await open_session(demo_database, "beeline", demo_people["beeline"]["owner"]["msisdn"])
    owner = visitor.of("beeline", token)
    mine = await lines(owner)
    child, own = mine["first-phone"], mine["all-3"]
    seen = nodes((await owner.data(OFFERED, id=child["id"]))["node"]["availableServices"])
    assert seen
    assert not {node["category"] for node in seen} & {"ROAMING", "UNLIMITED"}
    assert max(node["ageRating"] or 0 for node in seen) == 12
    assert await services(owner, availableForLine=child["id"]) == [node["code"] for node in seen]
    assert {"roaming-national", "cinema"} <= set(await offered(owner, own)), "an adult's line has no policy"

    # On the day of majority the policy falls.
    await fetch(demo_database, "update membership set birth_date = '2000-01-01' where role = 'CHILD'")
    assert "cinema" in await offered(owner, child)


async def test_f114_what_was_switched_off_or_ran_out_is_offered_again(
    demo_database: str, opened: Open, demo_people: People
) -> None:
    visitor = await opened(demo_database)
    token = await open_session(demo_database, "beeline", demo_people["beeline"]["owner"]["msisdn"])
    owner = visitor.of("beeline", token)
    line = (await lines(owner))["all-3"]
    assert not {"social", "antispam"} & set(await offered(owner, line))
    ended = """
update service_subscription ss set {} from service s, line l
where s.id = ss.service_id and l.id = ss.line_id and s.code = $1 and l.msisdn = '79031234501'
"""
    await fetch(demo_database, ended.format("ended_at = now(), next_charge_at = null"), "social")
    await fetch(demo_database, ended.format("valid_until = now() - interval '1 second'"), "antispam")
    assert {"social", "antispam"} <= set(await offered(owner, line))
    await fetch(demo_database, "update service set archived = true where code = 'social'")
    assert "social" not in await offered(owner, line)
    await fetch(demo_database, "update line set status = 'TERMINATED' where msisdn = '79031234501'")
    assert await offered(owner, line) == []


async def test_f102_a_line_of_an_unknown_place_is_offered_what_is_sold_everywhere(
    demo_database: str, opened: Open, demo_people: People
) -> None:
    visitor = await opened(demo_database)
    token = await open_session(demo_database, "letai", demo_people["letai"]["owner"]["msisdn"])
    owner = visitor.of("letai", token)
    line = (await lines(owner))["internet-415"]
    assert "speed-night" in await offered(owner, line)
    await fetch(demo_database, "update line set locality = null where kind = 'INTERNET'")
    assert await offered(owner, line) == ["static-ip"]
    assert await tariffs(owner, availableForLine=line["id"]) == []


SHOWN = """
{ services(first: 100) { edges { node {
  code included { unit amount unlimited scope } validDays contentProvider speedMbps archived
  incompatibleWith { code } requires { code incompatibleWith { code } }
} } } }
"""


async def test_f111_a_service_says_what_it_gives_needs_and_does_not_go_with(cabinet: Cabinet) -> None:
    shown = {node["code"]: node for node in nodes((await cabinet.of("beeline").data(SHOWN))["services"])}
    world = shown["roam-world"]
    assert world["requires"] == [{"code": "roaming-international", "incompatibleWith": []}]
    assert [(each["unit"], each["amount"], each["scope"]) for each in world["included"]] == [
        ("BYTE", "1073741824", "за границей"),
        ("MINUTE", "50", "за границей"),
    ]
    assert (world["validDays"], world["contentProvider"], world["archived"]) == (7, None, False)
    # Told of one of them, both say it.
    assert {each["code"] for each in shown["all-apps"]["incompatibleWith"]} == {"social", "video"}
    assert shown["social"]["incompatibleWith"] == shown["video"]["incompatibleWith"] == [{"code": "all-apps"}]
    assert shown["home-turbo"]["speedMbps"] == 900
    assert shown["cinema"]["contentProvider"] == "Большой экран"


async def test_f104_a_tariff_says_what_may_be_chosen(cabinet: Cabinet) -> None:
    query = """{ tariffs(filter: {search: "my-talk"}) { edges { node {
      version speedMbps localities configurable { unit values pricePerStep { amount currency } } } } } }"""
    [tariff] = nodes((await cabinet.of("tele2").data(query))["tariffs"])
    assert tariff["version"] == 1
    assert [(each["unit"], each["pricePerStep"]["amount"]) for each in tariff["configurable"]] == [
        ("BYTE", "40.00"), ("MINUTE", "50.00"), ("SMS", "30.00"),
    ]  # fmt: skip
    assert tariff["configurable"][1]["values"] == ["400", "600", "800", "1000"]


async def test_statements_do_not_depend_on_the_number_of_lines_or_services(
    empty_database: str, profiles: Mapping[str, Profile], opened: Open, tmp_path: Path
) -> None:
    query = """
query ($first: Int!) {
  viewer { linkedNumbers(first: 8) { edges { node {
    availableServices(first: $first) { totalCount edges { node { code incompatibleWith { code } requires { code } } } }
    paid: availableServices(first: $first, filter: {paidOnly: true}) { totalCount edges { node { code } } }
  } } } }
}
"""
    costs = []
    for count, first in ((1, 2), (3, 100), (8, 20)):
        records = [family.person("beeline", "ann")]
        for index in range(count):
            records += family.mobile("beeline", "ann", index, "ann", tariff="all-1")
        await family.load(empty_database, profiles, tmp_path, records)
        visitor = await opened(empty_database)
        token = await open_session(empty_database, "beeline", family.number("beeline", 0))
        answer = await visitor.of("beeline", token).ask(query, first=first)
        assert "errors" not in answer
        found = nodes(answer["data"]["viewer"]["linkedNumbers"])
        assert len(found) == count
        assert len({str(line) for line in found}) == 1, "they are offered the same"
        costs.append(answer["extensions"]["hearth"]["statements"])
    assert len(set(costs)) == 1, costs


async def ids_of(cabinet: Cabinet, *wanted: str) -> list[str]:
    found = nodes((await cabinet.data(TARIFFS, first=100))["tariffs"])
    known = {node["code"]: node["id"] for node in found}
    return [known[code] for code in wanted]


async def test_f103_tariffs_side_by_side(cabinet: Cabinet) -> None:
    visitor = cabinet.of("tele2")
    ids = await ids_of(visitor, "my-online", "my-talk", "unlimited", "family")
    comparison = (await visitor.data(COMPARED, ids=ids))["compareTariffs"]
    assert [tariff["code"] for tariff in comparison["tariffs"]] == ["my-online", "my-talk", "unlimited", "family"]
    rows = {row.pop("key"): row for row in comparison["rows"]}
    assert rows["FEE"] == {
        "label": "Абонентская плата",
        "values": ["500.00 RUB в месяц", "300.00 RUB в месяц", "950.00 RUB в месяц", "1100.00 RUB в месяц"],
        "differs": True,
        "bestIndex": 1,
    }
    assert rows["INCLUDED_BYTE"] == {
        "label": "Интернет",
        "values": ["30 ГБ", "5 ГБ", "без ограничений", "80 ГБ"],
        "differs": True,
        "bestIndex": 2,
    }
    assert (rows["INCLUDED_MINUTE"]["values"], rows["INCLUDED_MINUTE"]["bestIndex"]) == (
        ["500", "400", "700", "1500"],
        3,
    )
    assert rows["UP_TO_BYTE"]["values"] == ["60 ГБ", "15 ГБ", "без ограничений", "80 ГБ"]
    assert rows["FAMILY_SHAREABLE"]["values"] == ["нет", "нет", "нет", "да"]
    assert "CONNECTION_FEE" not in rows, "none of them has one"
    # The order of the question is the order of the answer.
    backwards = (await visitor.data(COMPARED, ids=ids[::-1]))["compareTariffs"]
    assert [tariff["code"] for tariff in backwards["tariffs"]] == ["family", "unlimited", "my-talk", "my-online"]
    assert backwards["rows"][0]["bestIndex"] == 2


@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv"])
async def test_f103_where_nothing_is_compared_it_says_why(cabinet: Cabinet, operator: str) -> None:
    visitor = cabinet.of(operator)
    code, reason = await refusal(visitor, COMPARED, ids=[])
    assert code == "FEATURE_DISABLED"
    features = (await visitor.data("{ operator { features { key enabled reason } } }"))["operator"]["features"]
    assert {"key": "tariffs.compare", "enabled": False, "reason": reason} in features


async def test_f103_what_cannot_be_compared(cabinet: Cabinet) -> None:
    visitor = cabinet.of("tele2")
    one, two = await ids_of(visitor, "my-online", "my-talk")
    [foreign] = await ids_of(cabinet.of("beeline"), "all-1")
    for ids in ([], [one], [one, one], [one, two, one], [one, two, *map(str, range(4))], [one] * 100):
        assert (await refusal(visitor, COMPARED, ids=ids))[0] == "INVALID_INPUT"
    told = {
        await refusal(visitor, COMPARED, ids=[one, other])
        for other in (foreign, global_id("Tariff", 10**12), global_id("Line", 1), "", "\0", "x" * 5000)
    }
    assert told == {("NOT_FOUND", "There is no such tariff among those of `ids`")}


async def test_f103_only_tariffs_of_one_kind_are_compared(opened: Open, demo_database: str, cabinet: Cabinet) -> None:
    await fetch(demo_database, "update tariff set kind = 'TV' where code = 'tablet'")
    visitor = (await opened(demo_database)).of("tele2")
    ids = await ids_of(visitor, "my-online", "tablet")
    assert await refusal(visitor, COMPARED, ids=ids) == (
        "INVALID_INPUT",
        "`ids` must be tariffs for one kind of line",
    )


BUNDLES = """
query ($kinds: [ServiceKind!]) {
  bundles(serviceKinds: $kinds) { __typename id code name kinds fee { amount currency } discountPercent terms archived }
}
"""


async def test_f110_bundles_have_all_the_kinds_that_are_asked_for(cabinet: Cabinet) -> None:
    visitor = cabinet.of("letai")
    everything = (await visitor.data(BUNDLES))["bundles"]
    assert [bundle["code"] for bundle in everything] == ["trio", "home"]
    assert everything[0]["fee"] == {"amount": "659.00", "currency": "RUB"}
    assert everything[0]["discountPercent"] == "15"
    with_mobile = (await visitor.data(BUNDLES, kinds=["TV", "MOBILE"]))["bundles"]
    assert [bundle["code"] for bundle in with_mobile] == ["trio"]
    assert (await visitor.data(BUNDLES, kinds=[]))["bundles"] == everything
    assert (await visitor.data(BUNDLES, kinds=["WIFI"]))["bundles"] == []
    assert (await cabinet.of("tele2").data(BUNDLES))["bundles"] == []


async def test_f126_tones_are_found_by_title_and_artist(cabinet: Cabinet) -> None:
    visitor = cabinet.of("motiv")

    async def titles(search: str | None) -> list[str]:
        return [node["title"] for node in nodes((await visitor.data(TONES, search=search))["ringbackTones"])]

    assert await titles("ЕЛОЧКА") == ["В лесу родилась ёлочка"]
    assert await titles("ёлочка бекман") == ["В лесу родилась ёлочка"]
    assert await titles("бетховен") == ["Лунная соната", "К Элизе"]
    assert len(await titles(None)) == 9
    assert (await refusal(visitor, TONES, search="x" * 101))[0] == "INVALID_INPUT"
    assert (await refusal(visitor, TONES, first=101))[0] == "INVALID_INPUT"
    assert (await refusal(visitor, TONES, after="eA"))[0] == "INVALID_INPUT"
    first = (await visitor.data(TONES, first=4))["ringbackTones"]
    rest = (await visitor.data(TONES, first=5, after=first["pageInfo"]["endCursor"]))["ringbackTones"]
    assert [node["title"] for node in nodes(first) + nodes(rest)] == await titles(None)
    assert first["totalCount"] == rest["totalCount"] == 9
    assert nodes(first)[0]["fee"] == {"amount": "2.00"}
    # A tone is in the list of tones alone.
    assert "ringback" in await services(visitor, categories=["RINGBACK"])
    assert not [code for code in await services(visitor) if code.startswith("tone-")]
    assert (await cabinet.of("beeline").data(TONES))["ringbackTones"]["edges"] == []


async def test_bundles_and_tones_can_be_asked_for_again(cabinet: Cabinet) -> None:
    visitor = cabinet.of("motiv")
    [bundle] = (await visitor.data(BUNDLES))["bundles"]
    tone = nodes((await visitor.data(TONES))["ringbackTones"])[0]
    [service] = nodes((await visitor.data(SERVICES, filter={"categories": ["RINGBACK"]}))["services"])
    again = """query ($ids: [ID!]!) { nodes(ids: $ids) {
      __typename id ... on Bundle { name } ... on RingbackTone { title } } }"""
    assert (await visitor.data(again, ids=[bundle["id"], tone["id"]]))["nodes"] == [
        {"__typename": "Bundle", "id": bundle["id"], "name": bundle["name"]},
        {"__typename": "RingbackTone", "id": tone["id"], "title": tone["title"]},
    ]
    no_tone = base64.urlsafe_b64decode(service["id"] + "==").decode().replace("Service", "RingbackTone")
    none = [global_id(*no_tone.split(":")), global_id("Bundle", 10**12), global_id("RingbackTone", 10**12)]
    assert (await visitor.data(again, ids=none))["nodes"] == [None] * 3
    assert (await cabinet.of("tele2").data(again, ids=[bundle["id"], tone["id"]]))["nodes"] == [None] * 2
