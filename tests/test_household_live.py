"""Households as they change, over a socket: told to their members, at once and whenever something happens (N12)."""

from typing import Any

import httpx2

from tests.cabinet import Cabinet
from tests.household import done
from tests.test_subscriptions import OPERATOR, sign_in, signed_in

CHANGED = "subscription { householdChanged { id name invitations { id } pendingTransfer { id } } }"


async def test_household_changed_is_told_to_members_with_what_each_may_see(
    hearth_server: str, demo_people: dict[str, Any]
) -> None:
    people = demo_people[OPERATOR]
    owner, child = people["owner"], next(one for one in people["members"] if one["role"] == "CHILD")
    async with (
        httpx2.AsyncClient(base_url=hearth_server) as http,
        signed_in(hearth_server, owner) as hers,
        signed_in(hearth_server, child) as his,
        signed_in(hearth_server, people["strangers"][0]) as foreign,
    ):
        cabinet = Cabinet(http, OPERATOR, await sign_in(hearth_server, owner))
        await foreign.subscribe("h", CHANGED)
        own = (await foreign.next("h"))["householdChanged"]["id"]
        for socket in (hers, his):
            await socket.subscribe("h", CHANGED)
        first, seen = [(await socket.next("h"))["householdChanged"] for socket in (hers, his)]
        assert (first["invitations"], seen["id"]) == ([], first["id"])
        assert own != first["id"]

        number = people["strangers"][0]["msisdn"]
        sent = await done(cabinet, "inviteMember", householdId=first["id"], msisdn=number, role="VIEWER")
        invitation = sent["invitation"]["id"]
        assert (await hers.next("h"))["householdChanged"]["invitations"] == [{"id": invitation}]
        assert (await his.next("h"))["householdChanged"]["invitations"] == []
        await done(cabinet, "cancelInvitation", invitationId=invitation)
        assert (await hers.next("h"))["householdChanged"]["invitations"] == []
