"""F039, F040, F161 as people meet them: a relative's number is linked with a code, or in its user's own cabinet."""

from typing import Any

import pytest

from tests import family
from tests.linking import (
    ANN,
    BOB,
    CID,
    EVE,
    FRED,
    FREE,
    GRANNY,
    HELP,
    IVAN,
    LOOK,
    OPERATOR,
    PASSWORD,
    REQUESTS,
    TABLET,
    TESS,
    VERA,
    Village,
)

STATES = "select status from number_link where line_id = $1 order by id"


def code_of(payload: dict[str, Any]) -> str:
    [error] = payload["userErrors"]
    return str(error["code"])


async def test_f040_a_code_to_the_number_links_it(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY, *HELP)
    assert (request["status"], request["requestedBy"], request["isIncoming"]) == ("PENDING", "Ann (…00)", False)
    assert request["challenge"]["deliveryStatus"] == "UNKNOWN"
    [asked] = await village.sent_to(GRANNY)
    code, tag = await village.code(request["challenge"]["id"]), request["challenge"]["tag"]
    for part in (
        "Ann (…00)",
        "Помогать",
        "Детализация: нет",
        f"{tag}-{code}",
        "STOP",
    ):
        assert part in asked
    link = (await village.confirm(ann, request))["link"]
    assert (link["kind"], link["status"], link["scopes"]) == ("PRIMARY", "ACTIVE", HELP)
    kept = link["consent"]
    assert (kept["method"], kept["scopes"]) == ("SMS_CODE", HELP)
    assert kept["text"] == asked.replace(f"{tag}-{code}", "••••••"), "word for word, but for the code"
    assert await village.scopes(ann, GRANNY) == [scope for scope in HELP if scope != "AUTOPAY"]
    assert await village.scopes(await village.of(BOB), GRANNY) is not None, "the household has it, not only who asked"
    assert "Ann (…00)" in (await village.sent_to(GRANNY))[1]
    assert "***1006" in (await village.sent_to(ANN))[-1]
    told = "select action from audit_event where line_id = $1 order by id"
    assert [action for (action,) in await village.rows(told, await village.line(GRANNY))] == [
        "LINK_REQUESTED",
        "LINK_CONFIRMED",
    ]


async def test_e1_number_of_another_household_is_told_after_the_proof_only(village: Village) -> None:
    eve, ann = await village.of(EVE), await village.of(ANN)
    await village.linked(eve, GRANNY, *LOOK)
    await village.later(61)
    payload = await village.confirm(ann, await village.asked(ann, GRANNY, *HELP))
    [error] = payload["userErrors"]
    assert (error["code"], error["choices"]) == ("NUMBER_ALREADY_LINKED", ["SECONDARY", "MOVE"])
    assert await village.scopes(ann, GRANNY) is None
    await village.later(61)
    beside = await village.linked(ann, GRANNY, *LOOK, kind="SECONDARY")
    assert beside["kind"] == "SECONDARY"
    assert await village.scopes(eve, GRANNY) == LOOK, "the household that looks after it still does"


async def test_e1_number_moves_by_a_second_confirmation(village: Village) -> None:
    eve, ann = await village.of(EVE), await village.of(ANN)
    await village.linked(eve, GRANNY, *HELP)
    await village.later(61)
    assert (await village.refused(ann, GRANNY, *LOOK, move=True))["code"] == "CONSENT_REQUIRED"
    assert code_of(await village.confirm(ann, await village.asked(ann, GRANNY))) == "NUMBER_ALREADY_LINKED"
    await village.later(61)
    moved = await village.linked(ann, GRANNY, *LOOK, move=True)
    assert "вместо тех" in moved["consent"]["text"]
    line = await village.line(GRANNY)
    assert await village.rows(STATES, line) == [("REVOKED",), ("ACTIVE",)]
    assert await village.scopes(eve, GRANNY) is None
    assert "***1006" in (await village.sent_to(EVE))[-1], "the old household is told"


async def test_i11_e2_e5_e16_every_number_is_answered_alike(village: Village) -> None:
    eve, ann = await village.of(EVE), await village.of(ANN)
    await village.linked(eve, GRANNY, *LOOK)
    await village.later(61)
    await village.run("delete from outbox")
    line = "update line set {} where id = $1"
    await village.run(line.format("link_requests_allowed = false"), await village.line(FRED))
    await village.run(line.format("reissued_at = now() - interval '59 days'"), await village.line(IVAN))
    await village.run(line.format("sim_changed_at = now()"), await village.line(TABLET))
    await village.run(line.format("status = 'TERMINATED'"), await village.line(TESS))
    bodies = set()
    for index in (GRANNY, FREE, FRED, IVAN, TABLET, TESS, BOB):
        payload = await village.ask(ann, index, *HELP)
        for name in ("id", "targetMasked", "expiresAt"):
            payload["linkRequest"].pop(name)
        for name in ("id", "tag"):
            payload["linkRequest"]["challenge"].pop(name)
        bodies.add(str(payload))
    assert len(bodies) == 1, bodies
    sent = await village.rows("select kind, body->>'to' from outbox order by id")
    reached = [to for kind, to in sent if kind == "sms"]
    assert reached == [family.number(OPERATOR, GRANNY), family.number(OPERATOR, BOB)]
    assert [kind for kind, _ in sent].count("void") == 5
    outgoing = await village.requests(ann, "OUTGOING")
    assert {request["status"] for request in outgoing} == {"PENDING"}
    fred = await village.of(FRED)
    assert await village.requests(fred, "INCOMING") == []
    # A code that was never sent opens nothing, even if it is guessed.
    payload = await village.confirm(ann, outgoing[-2])
    assert payload["link"] is None


async def test_e3_own_households_number_needs_no_message(village: Village) -> None:
    ann = await village.of(ANN)
    link = await village.linked(ann, GRANNY, *HELP)
    before = await village.value("select count(*) from outbox")
    for scopes in (HELP, LOOK):
        again = await village.ask(await village.of(BOB), GRANNY, *scopes)
        assert (again["userErrors"], again["linkRequest"], again["link"]["id"]) == ([], None, link["id"])
    assert await village.value("select count(*) from outbox") == before
    await village.later(61)
    wider = await village.linked(ann, GRANNY, *HELP, "TARIFF")
    assert (wider["id"], "TARIFF" in wider["scopes"]) == (link["id"], True), "more than was agreed to is asked for anew"


async def test_e4_own_number_is_accepted_as_it_is(village: Village) -> None:
    ann = await village.of(ANN)
    payload = await village.ask(ann, ANN)
    assert (payload["userErrors"], payload["linkRequest"]) == ([], None)
    assert payload["line"]["msisdn"] == family.number(OPERATOR, ANN)
    assert await village.value("select count(*) from number_link") == 0
    assert await village.value("select count(*) from outbox") == 0


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("+375 29 123-45-67", "NUMBER_NOT_OF_OPERATOR"),
        ("+49 151 12345678", "NUMBER_NOT_OF_OPERATOR"),
        ("12", "INVALID_INPUT"),
        ("", "INVALID_INPUT"),
        ("+7 903", "INVALID_INPUT"),
        ("ninetythree", "INVALID_INPUT"),
    ],
)
async def test_e5_form_alone_tells_another_countrys_number(village: Village, typed: str, code: str) -> None:
    assert (await village.refused(await village.of(ANN), 0, msisdn=typed))["code"] == code


async def test_e6_a_full_household_is_told_before_any_message(village: Village) -> None:
    household = await village.value("select id from household where ref = 'smiths'")
    lines = await village.rows("select id from line where msisdn = any($1)", [
        family.number(OPERATOR, index) for index in (FRED, IVAN, VERA, EVE, TABLET, BOB, CID, TESS, ANN, GRANNY)
    ])  # fmt: skip
    for (line,) in lines:
        await village.run(
            "insert into number_link (household_id, line_id, kind, status, scopes, sim_epoch, contract_epoch, "
            "primary_slot, requested_at, confirmed_at) values ($1, $2, 'PRIMARY', 'ACTIVE', '{PAY}', 1, 1, $2, now(), "
            "now())",
            household,
            line,
        )
    error = await village.refused(await village.of(ANN), FREE)
    assert (error["code"], error["most"]) == ("NUMBER_LIMIT_REACHED", 10)


async def test_ten_requests_a_day_and_none_beyond(village: Village) -> None:
    ann = await village.of(ANN)
    for index in range(FREE, FREE + 10):
        await village.asked(ann, index)
    again = await village.of(ANN)
    assert (await village.refused(again, FREE + 10))["code"] == "RATE_LIMITED"
    await village.asked(await village.of(BOB), FREE + 10)


@pytest.mark.parametrize("change", ["status = 'REMOVED'", "role = 'VIEWER'"])
async def test_e18_who_was_removed_may_not_confirm(village: Village, change: str) -> None:
    bob = await village.of(BOB)
    request = await village.asked(bob, GRANNY)
    user = "(select user_id from login where value = $1)"
    await village.run(f"update membership set {change} where user_id = {user}", family.number(OPERATOR, BOB))
    assert code_of(await village.confirm(bob, request)) == "NOT_A_MEMBER"
    assert await village.value("select count(*) from number_link") == 0
    assert "Ничего не привязано" in (await village.sent_to(GRANNY))[-1]


@pytest.mark.parametrize(
    ("scopes", "kind", "refused"),
    [
        (["VIEW", "DOCUMENTS"], "PRIMARY", ["DOCUMENTS"]),
        (["MEMBERS", "CLOSE"], "PRIMARY", ["CLOSE", "MEMBERS"]),
        (["VIEW", "PAY", "SERVICES", "AUTOPAY"], "SECONDARY", ["AUTOPAY", "SERVICES"]),
    ],
)
async def test_i4_i15_scopes_that_no_such_link_has(
    village: Village, scopes: list[str], kind: str, refused: list[str]
) -> None:
    error = await village.refused(await village.of(ANN), GRANNY, *scopes, kind=kind)
    assert (error["__typename"], error["scopes"], error["field"]) == ("ScopesNotLinkable", refused, ["scopes"])


async def test_i4_no_scopes_at_all(village: Village) -> None:
    ann = await village.of(ANN)
    assert (await village.refused(ann, GRANNY, scopes=[]))["code"] == "INVALID_INPUT"


async def test_who_may_ask_for_a_household(village: Village) -> None:
    for index in (CID, TESS, VERA):
        assert (await village.refused(await village.of(index), GRANNY))["code"] == "FORBIDDEN"
    assert (await village.refused(await village.of(ANN, level="PARTIAL"), GRANNY))["code"] == "FORBIDDEN"
    assert (await village.refused(await village.of(ANN, proven=False), GRANNY))["code"] == "STEP_UP_REQUIRED"
    staff = await village.of(ANN)
    await village.run(
        "update session set staff = 'Olga', staff_reason = 'a call', staff_ticket = 'T1' "
        "where id = (select max(id) from session)"
    )
    assert (await village.refused(staff, GRANNY))["code"] == "FORBIDDEN"
    for wrong in ("nonsense", "SG91c2Vob2xkOjk5OTk5"):
        assert (await village.refused(await village.of(ANN), GRANNY, householdId=wrong))["code"] == "NOT_FOUND"


async def test_i2_a_minor_founds_no_household_by_its_first_link(village: Village) -> None:
    await village.run("update membership set status = 'REMOVED' where role = 'CHILD'")
    tess = await village.of(TESS)
    assert (await village.refused(tess, GRANNY))["code"] == "MINOR_NOT_ALLOWED"
    form = {"login": family.number(OPERATOR, GRANNY), "password": family.PASSWORD, "scopes": LOOK}
    [error] = (await tess.data(PASSWORD, input=form))["linkNumberWithPassword"]["userErrors"]
    assert error["code"] == "MINOR_NOT_ALLOWED"
    assert await village.value("select count(*) from number_link") == 0


async def test_f043_an_app_does_not_link_where_the_operator_lets_the_site_only(village: Village) -> None:
    ann = await village.of(ANN)
    await village.run("update session set channel = 'APP'")
    error = await village.refused(ann, GRANNY)
    assert (error["code"], error["channels"]) == ("LINK_CHANNEL_NOT_ALLOWED", ["SITE"])


async def test_i1_first_link_makes_a_household_with_one_owner(village: Village) -> None:
    fred = await village.of(FRED)
    request = await village.asked(fred, IVAN)
    assert await village.value("select count(*) from household") == 2
    assert (await village.confirm(fred, request))["userErrors"] == []
    await village.later(61)
    await village.linked(fred, GRANNY)
    made = await village.rows(
        "select h.name, m.role, (select count(*) from number_link where household_id = h.id) from household h "
        "join membership m on m.household_id = h.id where h.ref is null"
    )
    assert made == [("Семья: Fred", "OWNER", 2)]


async def test_i6_the_database_refuses_to_change_a_consent(village: Village) -> None:
    await village.linked(await village.of(ANN), GRANNY)
    narrow = await village.rows(
        "select count(*) from number_link l where status = 'ACTIVE' and not exists "
        "(select from consent k where k.link_id = l.id and l.scopes <@ k.scopes)"
    )
    assert narrow == [(0,)]


async def test_i3_no_more_secondary_links_than_the_profile_allows(village: Village) -> None:
    most = village.profiles[OPERATOR].linking.max_secondary_links_per_number
    for index in (EVE, FRED, ANN, IVAN)[:most]:
        await village.linked(await village.of(index), GRANNY, *LOOK, kind="SECONDARY")
        await village.later(61)
    last = await village.of(IVAN)
    payload = await village.confirm(last, await village.asked(last, GRANNY, *LOOK, kind="SECONDARY"))
    assert (code_of(payload), payload["userErrors"][0]["choices"]) == ("NUMBER_ALREADY_LINKED", [])


async def test_requests_come_in_pages_and_foreign_ones_are_not_there(village: Village) -> None:
    ann = await village.of(ANN)
    made = [(await village.asked(ann, index))["id"] for index in (GRANNY, FREE, FRED)]
    first = (await ann.data(REQUESTS, direction="OUTGOING", first=2))["viewer"]["linkRequests"]
    rest = (await ann.data(REQUESTS, direction="OUTGOING", first=2, after=first["pageInfo"]["endCursor"]))["viewer"]
    found = [edge["node"]["id"] for page in (first, rest["linkRequests"]) for edge in page["edges"]]
    assert (found, first["totalCount"]) == (made[::-1], 3)
    look = "query ($id: ID!) { node(id: $id) { id } }"
    for who, seen in ((EVE, False), (BOB, False), (GRANNY, True), (ANN, True)):
        node = (await (await village.of(who)).data(look, id=made[0]))["node"]
        assert (node is not None) == seen
