"""Requests for links as they change, over real sockets: to whoever asks and to whoever is asked (N12)."""

from typing import Any

import httpx2

from tests.cabinet import Cabinet
from tests.databases import fetch
from tests.linking import ASK, DECLINE
from tests.test_subscriptions import OPERATOR, sign_in, signed_in

CHANGED = "subscription { linkRequestUpdated { id status isIncoming } }"


async def test_f161_link_request_updated_is_told_to_both_sides_and_to_nobody_else(
    hearth_server: str, process_database: str, demo_people: dict[str, Any]
) -> None:
    people = demo_people[OPERATOR]
    owner, (stranger, *others) = people["owner"], people["strangers"]
    async with (
        httpx2.AsyncClient(base_url=hearth_server) as http,
        signed_in(hearth_server, owner) as hers,
        signed_in(hearth_server, stranger) as his,
        signed_in(hearth_server, others[0]) as foreign,
    ):
        asker = Cabinet(http, OPERATOR, await sign_in(hearth_server, owner))
        asked = Cabinet(http, OPERATOR, await sign_in(hearth_server, stranger))
        await fetch(process_database, "update session set stepped_up_at = now()")
        form = {"msisdn": stranger["msisdn"], "scopes": ["VIEW"]}
        payload = (await asker.data(ASK, input=form))["requestNumberLink"]
        assert payload["userErrors"] == []
        request = payload["linkRequest"]["id"]
        for socket, is_incoming in ((hers, False), (his, True)):
            await socket.subscribe("r", CHANGED)
            told = {"id": request, "status": "PENDING", "isIncoming": is_incoming}
            assert await socket.next("r") == {"linkRequestUpdated": told}
        await foreign.subscribe("r", CHANGED)
        assert await foreign.receive() == {"id": "r", "type": "complete"}
        assert (await asked.data(DECLINE, id=request))["declineLinkRequest"]["userErrors"] == []
        # Who asked is not told that somebody said no.
        assert await hers.silent()
