"""F161 as a number's user meets it: who asks for the number, yes and no in one's own cabinet, and privacy."""

from typing import Any

import pytest

from services import link_revocation
from services.link_revocation import Stopped
from tests import family
from tests.family import number
from tests.linking import (
    ANN,
    APPROVE,
    BOB,
    CID,
    DECLINE,
    EVE,
    FREE,
    GRANNY,
    HELP,
    LOOK,
    OPERATOR,
    PRIVACY,
    TABLET,
    TESS,
    Village,
)
from tests.test_number_link import REVOKE, SCOPES

MINE = "{ viewer { linksToMyNumbers { id } } }"
HANDED_OVER = """
update membership set role = '{1}' where user_id = (select user_id from line where msisdn = '{0}')
"""
ALLOWED = "query ($id: ID!) { node(id: $id) { ... on Line { linkRequestsAllowed } } }"
STATES = "select status from number_link where line_id = $1 order by id"


def code_of(payload: dict[str, Any]) -> str:
    [error] = payload["userErrors"]
    return str(error["code"])


async def test_e16_number_user_forbids_questions(village: Village) -> None:
    granny, ann = await village.of(GRANNY), await village.of(ANN)
    line = await village.line_id(GRANNY)
    for who in (ann, await village.of(GRANNY, level="PARTIAL")):
        assert code_of((await who.data(PRIVACY, line=line, allow=False))["setLinkPrivacy"]) in (
            "NOT_FOUND",
            "FORBIDDEN",
        )
    assert (await granny.data(PRIVACY, line=line, allow=False))["setLinkPrivacy"]["userErrors"] == []
    assert (await granny.data(ALLOWED, id=line))["node"] == {"linkRequestsAllowed": False}
    await village.asked(ann, GRANNY)
    assert await village.sent_to(GRANNY) == []
    assert await village.requests(granny, "INCOMING") == []
    assert (await granny.data(PRIVACY, line=line, allow=True))["setLinkPrivacy"]["userErrors"] == []
    await village.later(61)
    bob = await village.of(BOB)
    request = await village.asked(bob, GRANNY)
    assert len(await village.sent_to(GRANNY)) == 1
    # It is told to the number's user, and not to whoever looks after the number.
    assert (await village.confirm(bob, request))["userErrors"] == []
    assert (await granny.data(ALLOWED, id=line))["node"] == {"linkRequestsAllowed": True}
    assert (await bob.data(ALLOWED, id=line))["node"] == {"linkRequestsAllowed": None}


async def test_f161_approving_in_ones_own_cabinet_may_narrow(village: Village) -> None:
    ann, granny = await village.of(ANN), await village.of(GRANNY)
    request = await village.asked(ann, GRANNY, *HELP)
    assert "в личном кабинете" in (await village.sent_to(GRANNY))[0]
    [incoming] = await village.requests(granny, "INCOMING")
    assert (incoming["id"], incoming["isIncoming"], incoming["challenge"]) == (request["id"], True, None)
    assert incoming["requestedScopes"] == HELP
    for stranger in (await village.of(EVE), ann, await village.of(BOB)):
        payload = (await stranger.data(APPROVE, id=request["id"], scopes=LOOK))["approveLinkRequest"]
        assert code_of(payload) == "NOT_FOUND"
    lazy = await village.of(GRANNY, proven=False)
    assert (
        code_of((await lazy.data(APPROVE, id=request["id"], scopes=LOOK))["approveLinkRequest"]) == "STEP_UP_REQUIRED"
    )
    partial = await village.of(GRANNY, level="PARTIAL")
    assert code_of((await partial.data(APPROVE, id=request["id"], scopes=LOOK))["approveLinkRequest"]) == "FORBIDDEN"
    wider = (await granny.data(APPROVE, id=request["id"], scopes=[*LOOK, "TARIFF"]))["approveLinkRequest"]
    assert wider["userErrors"][0]["scopes"] == ["TARIFF"]
    approved = (await granny.data(APPROVE, id=request["id"], scopes=["VIEW", "AUTOPAY"]))["approveLinkRequest"]
    assert approved["userErrors"] == []
    assert approved["link"]["scopes"] == ["VIEW", "AUTOPAY"]
    assert approved["link"]["consent"]["method"] == "TRUSTED_DEVICE"
    assert set(await village.scopes(ann, GRANNY) or ()) == {"VIEW", "PAY", "AUTOPAY"}, "nobody was talked into it"
    [shown] = await village.requests(ann, "OUTGOING")
    assert (shown["status"], shown["link"]["id"]) == ("ACTIVE", approved["link"]["id"])
    assert (await village.confirm(ann, request))["link"] is None, "the code is void then"
    again = (await granny.data(APPROVE, id=request["id"], scopes=LOOK))["approveLinkRequest"]
    assert code_of(again) == "CONFLICT"


async def test_e1_number_user_moves_the_number_in_their_own_cabinet(village: Village) -> None:
    eve, ann, granny = await village.of(EVE), await village.of(ANN), await village.of(GRANNY)
    await village.linked(eve, GRANNY)
    await village.later(61)
    request = await village.asked(ann, GRANNY)
    told = (await granny.data(APPROVE, id=request["id"], scopes=LOOK))["approveLinkRequest"]
    assert code_of(told) == "NUMBER_ALREADY_LINKED"
    moved = (await granny.data(APPROVE, id=request["id"], scopes=LOOK, move=True))["approveLinkRequest"]
    assert moved["userErrors"] == []
    assert await village.rows(STATES, await village.line(GRANNY)) == [("REVOKED",), ("ACTIVE",)]


@pytest.mark.parametrize("abuse", [False, True])
async def test_f161_declining_looks_to_who_asked_like_no_answer(village: Village, abuse: bool) -> None:
    ann, granny = await village.of(ANN), await village.of(GRANNY)
    request, other = await village.asked(ann, GRANNY), await village.asked(ann, FREE)
    stranger = await village.of(EVE)
    assert code_of((await stranger.data(DECLINE, id=request["id"]))["declineLinkRequest"]) == "NOT_FOUND"
    partial = await village.of(GRANNY, level="PARTIAL")
    assert (await partial.data(DECLINE, id=request["id"], abuse=abuse))["declineLinkRequest"]["userErrors"] == []
    assert code_of((await granny.data(DECLINE, id=request["id"]))["declineLinkRequest"]) == "CONFLICT"
    assert [each["status"] for each in await village.requests(ann, "OUTGOING")] == ["PENDING", "PENDING"]
    assert [each["status"] for each in await village.requests(granny, "INCOMING")] == ["REVOKED"]
    for each in (request, other):
        assert code_of(await village.confirm(ann, each, "000000")) == "CODE_INVALID"
    assert (await village.confirm(ann, request))["link"] is None
    await village.later(301)
    again, unknown = await village.ask(ann, GRANNY), await village.ask(ann, FREE)
    assert again["userErrors"] == unknown["userErrors"] == []
    assert len(await village.sent_to(GRANNY)) == (1 if abuse else 2), "reported: nothing of theirs reaches her any more"


async def test_own_consent_age_children_answer_for_themselves_from_fourteen(village: Village) -> None:
    eve, cid, tess, ann = await village.of(EVE), await village.of(CID), await village.of(TESS), await village.of(ANN)
    for index in (CID, TESS):
        await village.asked(eve, index, *LOOK, kind="SECONDARY")
    assert [len(await village.sent_to(index)) for index in (ANN, CID, TESS)] == [1, 0, 1]
    assert await village.requests(cid, "INCOMING") == []
    [grown] = await village.requests(tess, "INCOMING")
    [young] = await village.requests(ann, "INCOMING")
    assert (grown["targetMasked"], young["targetMasked"]) == ("***1003", "***1002")
    linked = (await tess.data(APPROVE, id=grown["id"], scopes=LOOK))["approveLinkRequest"]
    assert linked["link"]["consent"]["method"] == "TRUSTED_DEVICE"
    guarded = (await ann.data(APPROVE, id=young["id"], scopes=LOOK))["approveLinkRequest"]
    assert guarded["userErrors"] == []


async def test_e40_a_sim_that_shows_no_sms_is_answered_for_by_its_contract_holder(village: Village) -> None:
    ann, granny = await village.of(ANN), await village.of(GRANNY)
    request = await village.asked(ann, TABLET)
    [incoming] = await village.requests(granny, "INCOMING")
    assert incoming["id"] == request["id"]
    approved = (await granny.data(APPROVE, id=request["id"], scopes=LOOK))["approveLinkRequest"]
    assert approved["link"]["consent"]["method"] == "CONTRACT_HOLDER"
    assert await village.scopes(ann, TABLET) == LOOK


async def test_i8_a_child_s_links_are_for_who_owns_its_household_now(village: Village) -> None:
    eve, ann, cid = await village.of(EVE), await village.of(ANN), await village.of(CID)
    request = await village.asked(eve, CID, *LOOK, kind="SECONDARY")
    link = (await ann.data(APPROVE, id=request["id"], scopes=LOOK))["approveLinkRequest"]["link"]["id"]
    # The child hears of it too (I13).
    assert [len([text for text in await village.sent_to(who) if "Eve" in text]) for who in (ANN, CID)] == [2, 1]
    widen = {"id": link, "scopes": ["VIEW", "PAY", "USAGE"]}
    # A child ends it, and lets nobody do more.
    assert code_of((await cid.data(SCOPES, **widen))["updateLinkScopes"]) == "FORBIDDEN"
    assert len((await ann.data(MINE))["viewer"]["linksToMyNumbers"]) == 1
    await village.run(f"do $$ begin {HANDED_OVER.format(number(OPERATOR, ANN), 'ADULT')}; "
                      f"{HANDED_OVER.format(number(OPERATOR, BOB), 'OWNER')}; end $$")  # fmt: skip
    assert code_of((await ann.data(REVOKE, id=link))["revokeLink"]) == "NOT_FOUND"
    assert (await ann.data(MINE))["viewer"]["linksToMyNumbers"] == []
    bob = await village.of(BOB)
    assert (await bob.data(MINE))["viewer"]["linksToMyNumbers"] == [{"id": link}]
    assert (await bob.data(REVOKE, id=link))["revokeLink"]["userErrors"] == []
    assert await village.rows(STATES, await village.line(CID)) == [("REVOKED",)]


async def test_n1_a_reply_of_stop_refuses_who_asks_and_keeps_the_links_that_there_are(village: Village) -> None:
    ann, eve, granny = await village.of(ANN), await village.of(EVE), await village.of(GRANNY)
    await village.linked(ann, GRANNY)
    request = await village.asked(eve, GRANNY, *LOOK, kind="SECONDARY")
    profile, number = village.profiles[OPERATOR], family.number(OPERATOR, GRANNY)
    assert await link_revocation.stop(profile, number) == Stopped(refused=1)
    # Who asked is not told, and the code that they may have been read aloud opens nothing.
    assert [each["status"] for each in await village.requests(eve, "OUTGOING")] == ["PENDING"]
    assert [each["status"] for each in await village.requests(granny, "INCOMING") if each["id"] == request["id"]] == [
        "REVOKED"
    ]
    assert (await village.confirm(eve, request))["link"] is None
    assert await village.scopes(ann, GRANNY) == LOOK
    assert await link_revocation.stop(profile, number) == Stopped(ended=1)
    assert await village.scopes(ann, GRANNY) is None
    assert await link_revocation.stop(profile, family.number(OPERATOR, FREE)) == Stopped()
