"""F044, F051, F161, N1: links are seen and ended by whom they concern; the number's user always may."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cabinet import Cabinet
from tests.newcomers import Newcomer, Newcomers
from tests.test_inbound import post
from tests.test_subscriptions import global_id

LINKS = """
{ viewer { linksToMyNumbers {
  id kind status scopes targetMasked grantedTo isMine myRole suspendedReason line { msisdn }
  consent { method text scopes receiptId }
} } }
"""
HOUSEHOLD = """
query H($status: LinkStatus) { viewer { household {
  links(status: $status) { id status isMine myRole line { msisdn } consent { receiptId } }
  auditLog { edges { node { action actor { label role isViewer } details { key value } line { id } } } }
} } }
"""
REVOKE = """
mutation R($id: ID!, $silent: Boolean! = false) {
  revokeLink(input: {linkId: $id, silent: $silent}) { userErrors { code field } }
}
"""
SCOPES = """
mutation S($id: ID!, $scopes: [Scope!]!) {
  updateLinkScopes(input: {linkId: $id, scopes: $scopes}) {
    link { scopes consent { method scopes } } userErrors { __typename code field }
  }
}
"""
NAME = """
mutation N($id: ID!, $label: String) {
  renameLine(input: {lineId: $id, label: $label}) { line { label } userErrors { code field } }
}
"""
LOG = """
query L($line: ID) { viewer { auditLog(lineId: $line) { totalCount edges { node {
  action actor { label role isViewer isOperatorStaff } line { msisdn } details { key value }
} } } } }
"""
LINES = "{ viewer { linkedNumbers { edges { node { msisdn label myScopes link { id } } } } } }"


@dataclass(frozen=True)
class Family:
    """Ann owns the household and Ben is an adult in it, who asked for the link to Granny; Zoe is somebody else."""

    ann: Newcomer
    ben: Newcomer
    granny: Newcomer
    zoe: Newcomer
    household: int
    link: str


@pytest.fixture
async def family(newcomers: Newcomers, demo_people: dict[str, Any]) -> Family:
    ann, ben, granny, zoe = [await newcomers.arrive("beeline", demo_people) for _ in range(4)]
    household = await newcomers.household("beeline", OWNER=ann, ADULT=ben)
    scopes = ("VIEW", "USAGE", "PAY", "AUTOPAY")
    link = await newcomers.link(household, granny.line_id, *scopes, asked_by=ben)
    return Family(ann, ben, granny, zoe, household, global_id("NumberLink", link))


async def signed_in(cabinet: Cabinet, person: Newcomer) -> Cabinet:
    return await cabinet.signed_in("beeline", person)


async def code(answer: dict[str, Any]) -> list[str]:
    [payload] = answer.values()
    return [error["code"] for error in payload["userErrors"]]


async def numbers(cabinet: Cabinet) -> dict[str, Any]:
    edges = (await cabinet.data(LINES))["viewer"]["linkedNumbers"]["edges"]
    return {edge["node"]["msisdn"]: edge["node"] for edge in edges}


async def test_f051_the_number_s_user_sees_who_manages_it_and_by_which_consent(
    cabinet: Cabinet, family: Family
) -> None:
    [link] = (await (await signed_in(cabinet, family.granny)).data(LINKS))["viewer"]["linksToMyNumbers"]
    assert link["consent"].pop("receiptId")
    assert link == {
        "id": family.link,
        "kind": "PRIMARY",
        "status": "ACTIVE",
        "scopes": ["VIEW", "USAGE", "PAY", "AUTOPAY"],
        "targetMasked": f"***{family.granny.msisdn[-4:]}",
        "grantedTo": f"Новосёл {family.ben.account.removeprefix('newcomer-')} (…{family.ben.msisdn[-2:]})",
        "isMine": True,
        "myRole": None,
        "suspendedReason": None,
        "line": {"msisdn": family.granny.msisdn},
        "consent": {"method": "SMS_CODE", "text": "Yes", "scopes": ["VIEW", "USAGE", "PAY", "AUTOPAY"]},
    }
    for other in (family.ann, family.ben, family.zoe):
        assert (await (await signed_in(cabinet, other)).data(LINKS))["viewer"]["linksToMyNumbers"] == []


async def test_f044_owner_and_adults_see_the_links_of_their_household(cabinet: Cabinet, family: Family) -> None:
    for person, role in ((family.ann, "OWNER"), (family.ben, "ADULT")):
        caller = await signed_in(cabinet, person)
        [link] = (await caller.data(HOUSEHOLD))["viewer"]["household"]["links"]
        assert (link["id"], link["myRole"], link["isMine"]) == (family.link, role, False)
        assert (await numbers(caller))[family.granny.msisdn]["link"] == {"id": family.link}
        assert (await caller.data(HOUSEHOLD, status="REVOKED"))["viewer"]["household"]["links"] == []


@pytest.mark.parametrize("role", ["VIEWER", "CHILD"])
async def test_viewers_and_children_see_no_links(
    cabinet: Cabinet, family: Family, newcomers: Newcomers, demo_people: dict[str, Any], database: Any, role: str
) -> None:
    person = await newcomers.arrive("beeline", demo_people)
    await database.execute(
        "insert into membership (household_id, user_id, role, status, joined_at) values ($1, $2, $3, 'ACTIVE', now())",
        family.household, person.user_id, role,
    )  # fmt: skip
    caller = await signed_in(cabinet, person)
    household = (await caller.data(HOUSEHOLD))["viewer"]["household"]
    assert household == {"links": [], "auditLog": {"edges": []}}
    assert (await caller.data("query N($id: ID!) { node(id: $id) { id } }", id=family.link))["node"] is None
    expected = ["NOT_FOUND"]
    assert await code(await caller.data(REVOKE, id=family.link)) == expected


async def test_n1_the_number_s_user_ends_it_at_once_without_a_proof(
    cabinet: Cabinet, family: Family, database: Any
) -> None:
    granny, ben = await signed_in(cabinet, family.granny), await signed_in(cabinet, family.ben)
    assert family.granny.msisdn in await numbers(ben)
    assert await code(await granny.data(REVOKE, id=family.link)) == []
    assert family.granny.msisdn not in await numbers(ben)
    assert (await granny.data(LINKS))["viewer"]["linksToMyNumbers"] == []
    [gone] = (await ben.data(HOUSEHOLD, status="REVOKED"))["viewer"]["household"]["links"]
    assert gone["line"] is None, "who has no right to a line any more is not shown it"
    # Once more is no error, and tells nobody anything.
    told = await database.fetchval("select count(*) from outbox where kind = 'sms'")
    assert told == 3, "the number, the owner, and who had asked"
    assert await code(await granny.data(REVOKE, id=family.link)) == []
    assert await database.fetchval("select count(*) from outbox where kind = 'sms'") == told


async def test_f044_the_owner_ends_it_and_so_does_who_had_asked(
    cabinet: Cabinet, family: Family, newcomers: Newcomers, demo_people: dict[str, Any]
) -> None:
    other = await newcomers.arrive("beeline", demo_people)
    asked_by_ann = global_id("NumberLink", await newcomers.link(family.household, other.line_id, asked_by=family.ann))
    ben = await signed_in(cabinet, family.ben)
    assert await code(await ben.data(REVOKE, id=asked_by_ann)) == ["FORBIDDEN"]
    assert await code(await ben.data(REVOKE, id=family.link)) == []
    assert await code(await (await signed_in(cabinet, family.ann)).data(REVOKE, id=asked_by_ann)) == []


@pytest.mark.parametrize("foreign", ["link", "unknown", "other type", "garbage"])
async def test_a_foreign_link_is_answered_like_one_that_does_not_exist(
    cabinet: Cabinet, family: Family, foreign: str
) -> None:
    ids = {
        "link": family.link,
        "unknown": global_id("NumberLink", 10**12),
        "other type": global_id("Line", family.granny.line_id),
        "garbage": "💥",
    }
    zoe = await signed_in(cabinet, family.zoe)
    for query, more in ((REVOKE, {}), (SCOPES, {"scopes": ["VIEW"]})):
        [payload] = (await zoe.data(query, id=ids[foreign], **more)).values()
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("NOT_FOUND", ["linkId"])]


async def test_e34_in_silence_the_household_reads_of_the_line_and_of_nobody(
    cabinet: Cabinet, family: Family, database: Any
) -> None:
    granny, ann = await signed_in(cabinet, family.granny), await signed_in(cabinet, family.ann)
    assert await code(await granny.data(REVOKE, id=family.link, silent=True)) == []
    # What the application's own loop has sent already is forgotten by then.
    to = [row["to"] for row in await database.fetch("select body->>'to' as to from outbox where kind = 'sms'")]
    assert len(to) == 2
    assert {each for each in to if each} <= {family.ann.msisdn, family.ben.msisdn}, "nobody reads it on that telephone"
    [event] = (await ann.data(HOUSEHOLD))["viewer"]["household"]["auditLog"]["edges"]
    assert event["node"] == {
        "action": "LINK_REVOKED",
        "actor": None,
        "details": [{"key": "number", "value": family.granny.msisdn[-4:]}],
        "line": None,
    }


async def test_i6_who_uses_the_number_sets_the_scopes_and_the_household_stays_within_them(
    cabinet: Cabinet, family: Family, database: Any
) -> None:
    granny, ben = await signed_in(cabinet, family.granny), await signed_in(cabinet, family.ben)
    narrowed = (await granny.data(SCOPES, id=family.link, scopes=["VIEW", "USAGE", "PAY"]))["updateLinkScopes"]
    assert narrowed == {
        "link": {
            "scopes": ["VIEW", "USAGE", "PAY"],
            "consent": {"method": "TRUSTED_DEVICE", "scopes": ["VIEW", "USAGE", "PAY"]},
        },
        "userErrors": [],
    }
    assert (await numbers(ben))[family.granny.msisdn]["myScopes"] == ["VIEW", "USAGE", "PAY"]
    # What was taken back is not for the household to take again.
    wider = (await ben.data(SCOPES, id=family.link, scopes=["VIEW", "AUTOPAY"]))["updateLinkScopes"]
    assert wider["userErrors"] == [{"__typename": "ConsentRequired", "code": "CONSENT_REQUIRED", "field": ["scopes"]}]
    assert await code(await ben.data(SCOPES, id=family.link, scopes=["VIEW"])) == []
    assert await code(await ben.data(SCOPES, id=family.link, scopes=["VIEW", "PAY"])) == []
    # To let others do more needs a fresh proof.
    assert await code(await granny.data(SCOPES, id=family.link, scopes=["VIEW", "PAY", "SERVICES"])) == [
        "STEP_UP_REQUIRED"
    ]
    await database.execute("update session set stepped_up_at = now() where user_id = $1", family.granny.user_id)
    assert await code(await granny.data(SCOPES, id=family.link, scopes=["VIEW", "PAY", "SERVICES"])) == []
    assert (await numbers(ben))[family.granny.msisdn]["myScopes"] == ["VIEW", "PAY", "SERVICES"]
    consents = await database.fetchval(
        "select count(*) from consent k join number_link n on n.id = k.link_id where n.line_id = $1",
        family.granny.line_id,
    )
    assert consents == 3


@pytest.mark.parametrize("scopes", [[], ["CLOSE"], ["VIEW", "DOCUMENTS"], ["MEMBERS"]])
async def test_i15_what_is_the_contract_holder_s_alone_is_in_no_link(
    cabinet: Cabinet, family: Family, scopes: list[str]
) -> None:
    granny = await signed_in(cabinet, family.granny)
    assert await code(await granny.data(SCOPES, id=family.link, scopes=scopes)) == ["INVALID_INPUT"]


async def test_a_link_that_has_ended_does_not_come_back_by_its_scopes(cabinet: Cabinet, family: Family) -> None:
    granny = await signed_in(cabinet, family.granny)
    await granny.data(REVOKE, id=family.link)
    assert await code(await granny.data(SCOPES, id=family.link, scopes=["VIEW"])) == ["LINK_REVOKED"]


async def test_f161_a_household_and_a_user_call_a_line_what_they_like(cabinet: Cabinet, family: Family) -> None:
    granny, ann = await signed_in(cabinet, family.granny), await signed_in(cabinet, family.ann)
    line = global_id("Line", family.granny.line_id)
    renamed = (await ann.data(NAME, id=line, label="  Бабушка \n 👵🏻 "))["renameLine"]
    assert renamed["line"] == {"label": "Бабушка 👵🏻"}
    assert (await granny.data(NAME, id=line, label="Мой"))["renameLine"]["line"] == {"label": "Мой"}
    assert (await numbers(ann))[family.granny.msisdn]["label"] == "Бабушка 👵🏻"
    assert (await granny.data(NAME, id=line, label=None))["renameLine"]["line"] == {"label": None}
    for label in ("", "👵" * 10_000, "a\0b", "x" * 65):
        assert await code(await ann.data(NAME, id=line, label=label)) == ["INVALID_INPUT"]
    assert await code(await (await signed_in(cabinet, family.zoe)).data(NAME, id=line, label="x")) == ["NOT_FOUND"]


async def test_i16_whoever_is_concerned_reads_who_did_what(cabinet: Cabinet, family: Family) -> None:
    ben = await signed_in(cabinet, family.ben)
    assert await code(await ben.data(SCOPES, id=family.link, scopes=["VIEW"])) == []
    line = global_id("Line", family.granny.line_id)
    log = (await (await signed_in(cabinet, family.granny)).data(LOG, line=line))["viewer"]["auditLog"]
    assert log["totalCount"] == 1
    [event] = [edge["node"] for edge in log["edges"]]
    assert (event["action"], event["line"]) == ("LINK_SCOPES_CHANGED", {"msisdn": family.granny.msisdn})
    assert (event["actor"]["role"], event["actor"]["isViewer"], event["actor"]["isOperatorStaff"]) == (
        "ADULT", False, False,
    )  # fmt: skip
    for stranger, about in ((family.zoe, line), (family.ann, "garbage"), (family.zoe, global_id("User", 1))):
        edges = (await (await signed_in(cabinet, stranger)).data(LOG, line=about))["viewer"]["auditLog"]["edges"]
        assert edges == []
    # The owner reads it in the household's log, and the adult in both.
    [seen] = (await (await signed_in(cabinet, family.ann)).data(HOUSEHOLD))["viewer"]["household"]["auditLog"]["edges"]
    assert seen["node"]["action"] == "LINK_SCOPES_CHANGED"
    mine = (await ben.data(LOG, line=line))["viewer"]["auditLog"]["edges"]
    assert [edge["node"]["actor"]["isViewer"] for edge in mine] == [True]


async def test_n1_a_reply_of_stop_ends_every_link_to_the_number(cabinet: Cabinet, family: Family) -> None:
    ben = await signed_in(cabinet, family.ben)
    told = {"operator": "beeline", "from": f"+{family.granny.msisdn}", "to": "Beeline", "text": " stop\n"}
    assert (await post(cabinet, "/gateway/inbound", told)).status_code == 202
    assert family.granny.msisdn not in await numbers(ben)
    log = (await (await signed_in(cabinet, family.granny)).data(LOG))["viewer"]["auditLog"]["edges"]
    [event] = [edge["node"] for edge in log if edge["node"]["action"] == "LINK_REVOKED"]
    assert {"key": "because", "value": "STOP"} in event["details"]
    # Once more, and from a number that nobody is linked to, there is nothing to end.
    assert (await post(cabinet, "/gateway/inbound", told)).status_code == 202
    stranger = {**told, "from": family.zoe.msisdn}
    assert (await post(cabinet, "/gateway/inbound", stranger)).status_code == 202


async def test_a_partial_session_ends_links_to_its_number_and_no_others(
    cabinet: Cabinet, family: Family, database: Any
) -> None:
    granny, ann = await signed_in(cabinet, family.granny), await signed_in(cabinet, family.ann)
    await database.execute("update session set access_level = 'PARTIAL'")
    assert await code(await ann.data(REVOKE, id=family.link)) == ["FORBIDDEN"]
    assert await code(await granny.data(REVOKE, id=family.link)) == []


async def test_ending_one_link_at_once_from_all_sides_ends_it_once(
    cabinet: Cabinet, family: Family, database: Any
) -> None:
    sides = [await signed_in(cabinet, person) for person in (family.ann, family.ben, family.granny)]
    answers = await asyncio.gather(*(side.data(REVOKE, id=family.link) for side in sides * 2))
    assert [await code(answer) for answer in answers] == [[]] * 6
    assert await database.fetchval("select count(*) from audit_event where action = 'LINK_REVOKED'") == 1
