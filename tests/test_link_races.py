"""What happens at the same moment: one winner for a number, one question for a double click (E20, E21, I3).

`HEARTH_LINK_ROUNDS` says how often each is tried: 10 times where nothing is said, and 200 for a proof.
"""

import asyncio
import os
from typing import Any

from tests.cabinet import Cabinet
from tests.linking import ANN, APPROVE, EVE, FRED, GRANNY, IVAN, LOOK, VERA, Village

ROUNDS = int(os.environ.get("HEARTH_LINK_ROUNDS", "10"))
END = "update number_link set status = 'REVOKED', primary_slot = null, ended_at = now() where status = 'ACTIVE'"


async def anew(village: Village) -> None:
    """Nothing is linked, and nobody has asked for too much yet."""
    await village.run(END)
    await village.run("truncate counter, outbox")
    await village.later(301)


async def asked_in_turn(village: Village, cabinets: list[Cabinet], *scopes: str, **more: Any) -> list[dict[str, Any]]:
    """A request of each, all with a code that still counts."""
    requests = []
    for cabinet in cabinets:
        requests.append(await village.asked(cabinet, GRANNY, *scopes, **more))
        await village.later(61)
    return requests


def codes(payloads: list[dict[str, Any]]) -> list[str]:
    return sorted(error["code"] for payload in payloads for error in payload["userErrors"])


async def test_e20_two_households_confirm_at_once(village: Village) -> None:
    cabinets = [await village.of(ANN), await village.of(EVE)]
    line = await village.line(GRANNY)
    for _ in range(ROUNDS):
        await anew(village)
        requests = await asked_in_turn(village, cabinets)
        payloads = await asyncio.gather(*map(village.confirm, cabinets, requests))
        assert codes(payloads) == ["NUMBER_ALREADY_LINKED"]
        [loser] = [payload for payload in payloads if payload["link"] is None]
        assert loser["userErrors"][0]["choices"] == ["SECONDARY", "MOVE"]
        held = await village.rows(
            "select nl.scopes, count(k.id) from number_link nl left join consent k on k.link_id = nl.id "
            "where nl.primary_slot = $1 group by nl.id",
            line,
        )
        assert held == [(LOOK, 1)], "no partial state"


async def test_e20_a_code_and_an_answer_in_the_cabinet_at_once_make_one_link(village: Village) -> None:
    ann, granny = await village.of(ANN), await village.of(GRANNY)
    for _ in range(ROUNDS):
        await anew(village)
        request = await village.asked(ann, GRANNY)
        before = await village.value("select count(*) from consent")
        by_code, in_cabinet = await asyncio.gather(
            village.confirm(ann, request), granny.data(APPROVE, id=request["id"], scopes=LOOK)
        )
        made = [each["link"] for each in (by_code, in_cabinet["approveLinkRequest"]) if each["link"]]
        assert len(made) == 1
        assert await village.value("select count(*) from consent") == before + 1


async def test_e21_the_same_request_twice_is_one_question(village: Village) -> None:
    ann = await village.of(ANN)
    for _ in range(ROUNDS):
        await anew(village)
        before = await village.value("select count(*) from link_request")
        twice = await asyncio.gather(*(village.asked(ann, GRANNY) for _ in range(3)))
        assert len({(request["id"], request["challenge"]["id"]) for request in twice}) == 1
        assert len(await village.sent_to(GRANNY)) == 1
        assert await village.value("select count(*) from link_request") == before + 1


async def test_e21_other_scopes_within_the_pause_are_another_question_and_wait(village: Village) -> None:
    """Whoever reads the one message agrees to what stands in it, whatever is asked for meanwhile."""
    ann, granny = await village.of(ANN), await village.of(GRANNY)
    first = await village.asked(ann, GRANNY)
    wider = await village.asked(ann, GRANNY, "VIEW", "TARIFF")
    assert (wider["id"] != first["id"], wider["challenge"]["id"]) == (True, first["challenge"]["id"])
    assert len(await village.sent_to(GRANNY)) == 1
    link = (await village.confirm(ann, wider))["link"]
    assert (link["scopes"], link["consent"]["scopes"]) == (LOOK, LOOK)
    states = {each["id"]: each["status"] for each in await village.requests(granny, "INCOMING")}
    assert states == {first["id"]: "ACTIVE", wider["id"]: "PENDING"}
    # The other question still has to be answered by itself.
    approved = (await granny.data(APPROVE, id=wider["id"], scopes=["VIEW", "TARIFF"]))["approveLinkRequest"]
    assert (approved["userErrors"], approved["link"]["scopes"]) == ([], ["VIEW", "TARIFF"])


async def test_i3_secondary_links_have_a_limit_however_many_confirm_at_once(village: Village) -> None:
    most = village.profiles["beeline"].linking.max_secondary_links_per_number
    cabinets = [await village.of(index) for index in (ANN, EVE, FRED, IVAN)]
    for _ in range(ROUNDS):
        await anew(village)
        requests = await asked_in_turn(village, cabinets, *LOOK, kind="SECONDARY")
        payloads = await asyncio.gather(*map(village.confirm, cabinets, requests))
        assert codes(payloads) == ["NUMBER_ALREADY_LINKED"] * (len(cabinets) - most)
        active = "select count(*) from number_link where line_id = $1 and status = 'ACTIVE'"
        assert await village.value(active, await village.line(GRANNY)) == most


async def test_i1_two_first_links_at_once_make_one_household(village: Village) -> None:
    here, elsewhere = await village.of(FRED), await village.of(FRED)
    requests = [await village.asked(here, GRANNY), await village.asked(elsewhere, VERA)]
    payloads = await asyncio.gather(*map(village.confirm, (here, elsewhere), requests))
    assert codes(payloads) == []
    owned = "select count(*) from household where ref is null"
    assert await village.value(owned) == 1


async def test_i10_one_code_given_many_times_at_once_links_once(village: Village) -> None:
    ann = await village.of(ANN)
    request = await village.asked(ann, GRANNY)
    payloads = await asyncio.gather(*(village.confirm(ann, request) for _ in range(6)))
    assert len([payload for payload in payloads if payload["link"]]) == 1
    assert set(codes(payloads)) == {"CODE_ALREADY_USED"}
