"""Links for guests (F054): made by whom, seeing what, paying how often, and dying with the SIM."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.guest_grant import SCOPES, check
from services import guest_grant
from tests.cabinet import Cabinet
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

CREATE = """
mutation ($line: ID!, $scopes: [Scope!]!, $until: DateTime!, $uses: Int) {
  createGuestGrant(input: {lineId: $line, scopes: $scopes, expiresAt: $until, maxUses: $uses}) {
    grant { id url scopes usesLeft line { id } } userErrors { code field }
  }
}
"""
REVOKE = "mutation ($id: ID!) { revokeGuestGrant(input: {grantId: $id}) { userErrors { code } } }"
MINE = "{ viewer { guestGrants { id url usesLeft } } }"
LOOK = """
query ($token: String!) {
  guestGrant(token: $token) { targetMasked scopes usesLeft balance { available { amount } } }
}
"""
TOP_UP = """
mutation ($key: ID!, $token: String!, $amount: Decimal!, $card: String!) {
  topUp(input: {idempotencyKey: $key, target: {guest: $token}, amount: {amount: $amount, currency: RUB},
    method: CARD, token: $card}) {
    payment { status targetMasked line { id } } userErrors { __typename code field }
  }
}
"""


async def create(cabinet: Cabinet, line: str, *scopes: str, days: float = 7, uses: int | None = None) -> dict[str, Any]:
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    told = {"line": line, "scopes": list(scopes or ("VIEW", "PAY")), "until": until, "uses": uses}
    payload: dict[str, Any] = (await cabinet.data(CREATE, **told))["createGuestGrant"]
    return payload


async def made(cabinet: Cabinet, line: str, *scopes: str, uses: int | None = None) -> str:
    """What the link ends in."""
    payload = await create(cabinet, line, *scopes, uses=uses)
    assert payload["userErrors"] == []
    before, slash, token = payload["grant"]["url"].rpartition("/pay/")
    assert (before.startswith("http"), slash) == (True, "/pay/")
    return str(token)


async def look(till: Till, token: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (await till.anybody.of("beeline").data(LOOK, token=token))["guestGrant"]
    return found


async def top_up(
    cabinet: Cabinet, token: str, key: str = "as-a-guest-1", amount: str = "100", card: str = "tok_mir_2204"
) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(TOP_UP, key=key, token=token, amount=amount, card=card))["topUp"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_f054_guest_looks_without_a_cabinet_and_sees_the_masked_number_only(till: Till) -> None:
    cid, line = await till.of(CID), await till.line(CID)
    token = await made(cid, line, uses=2)
    assert await look(till, token) == {
        "targetMasked": "***1002", "scopes": ["VIEW", "PAY"], "usesLeft": 2,
        "balance": {"available": {"amount": "102.50"}},
    }  # fmt: skip
    assert (await look(till, await made(cid, line, "PAY")) or {})["balance"] is None
    [_, mine] = (await cid.data(MINE))["viewer"]["guestGrants"]
    assert (mine["url"], mine["usesLeft"]) == (None, 2)
    stored = await till.rows("select token_hash::text, g::text from guest_grant g")
    assert not any(token in text for row in stored for text in row)


async def test_f054_guest_pays_and_uses_are_counted_by_payments(till: Till) -> None:
    token = await made(await till.of(CID), await till.line(CID), uses=2)
    eve = await till.of(EVE)
    paid = await top_up(eve, token)
    assert paid == {
        "payment": {"status": "COMPLETED", "targetMasked": "***1002", "line": None}, "userErrors": []
    }  # fmt: skip
    # Retries of one key are one payment, and one use.
    assert await asyncio.gather(*(top_up(eve, token) for _ in range(5))) == [paid] * 5
    assert (await look(till, token) or {})["usesLeft"] == 1
    assert codes(await top_up(eve, token, "as-a-guest-2")) == []
    assert codes(await top_up(eve, token, "as-a-guest-3")) == ["NOT_FOUND"]
    assert codes(await top_up(eve, token)) == []  # what is paid stays so
    assert (await till.balance(CID), await look(till, token)) == (10_250 + 20_000, None)


async def test_f054_payers_at_once_use_it_no_oftener_than_it_is_good_for(till: Till) -> None:
    token = await made(await till.of(CID), await till.line(CID), uses=3)
    eve, bob = await till.of(EVE), await till.of(BOB)
    told = [((eve, bob)[n % 2], token, f"at-once-{n // 2}") for n in range(12)]
    answers = await asyncio.gather(*(top_up(*each) for each in told), *(top_up(*each) for each in told))
    assert await till.balance(CID) == 10_250 + 30_000
    assert await till.rows("select uses_left from guest_grant") == [(0,)]
    assert {tuple(codes(each)) for each in answers} == {(), ("NOT_FOUND",)}


async def test_f054_a_refused_payment_is_no_use(till: Till) -> None:
    token = await made(await till.of(CID), await till.line(CID), uses=1)
    eve = await till.of(EVE)
    await till.rows("update personal_account set status = 'TERMINATED' where number = 'A2'")
    assert codes(await top_up(eve, token)) == ["PAYMENT_RESTRICTED"]
    assert codes(await top_up(eve, token, amount="0.01")) == ["AMOUNT_TOO_SMALL"]
    assert (await look(till, token) or {})["usesLeft"] == 1


@pytest.mark.parametrize(
    "end",
    [
        "update guest_grant set revoked_at = now()",
        "update guest_grant set expires_at = now()",
        "update guest_grant set uses_left = 0",
        "update line set sim_epoch = sim_epoch + 1",
        "update contract set epoch = epoch + 1",
        "update line set status = 'TERMINATED'",
    ],
)
async def test_f054_dead_links_are_told_alike(till: Till, end: str) -> None:
    token = await made(await till.of(CID), await till.line(CID))
    await till.rows(end)
    assert await look(till, token) is None
    refused = [await top_up(await till.of(EVE), each) for each in (token, "x" * 43, "ключ", "x" * 5000)]
    assert [each["userErrors"] for each in refused] == [
        [{"__typename": "GuestGrantRejected", "code": "NOT_FOUND", "field": ["target", "guest"]}]
    ] * 4


async def test_f054_links_that_may_only_look_pay_nothing_and_another_operator_knows_none(till: Till) -> None:
    token = await made(await till.of(CID), await till.line(CID), "VIEW")
    assert codes(await top_up(await till.of(EVE), token)) == ["NOT_FOUND"]
    assert (await till.anybody.of("tele2").data(LOOK, token=token))["guestGrant"] is None


async def test_f054_guesses_are_counted(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_grant, "GUESSES_PER_NETWORK", 3)
    token = await made(await till.of(CID), await till.line(CID))
    for n in range(3):
        assert await look(till, f"guess-{n}") is None
    answer = await till.anybody.of("beeline").ask(LOOK, token=token)
    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert codes(await top_up(await till.of(EVE), token)) == ["RATE_LIMITED"]


@pytest.mark.parametrize(
    ("who", "whose", "answer"),
    [
        (ANN, ANN, []), (CID, CID, []), (ANN, CID, []),
        (BOB, CID, ["FORBIDDEN"]), (ANN, GRANNY, ["FORBIDDEN"]), (VERA, CID, ["FORBIDDEN"]), (EVE, CID, ["NOT_FOUND"]),
    ],
)  # fmt: skip
async def test_f054_who_makes_links(till: Till, who: int, whose: int, answer: list[str]) -> None:
    assert codes(await create(await till.of(who), await till.line(whose))) == answer
    assert codes(await create(await till.of(ANN, "PARTIAL"), await till.line(ANN))) == ["FORBIDDEN"]


async def test_f054_revoked_by_who_made_it_and_by_who_uses_the_line(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    for remover in (ann, cid):
        grant = (await create(ann, line))["grant"]["id"]
        for other in (BOB, EVE):
            payload = (await (await till.of(other)).data(REVOKE, id=grant))["revokeGuestGrant"]
            assert codes(payload) == ["NOT_FOUND"]
        for _ in range(2):
            assert codes((await remover.data(REVOKE, id=grant))["revokeGuestGrant"]) == []
        assert (await ann.data(MINE))["viewer"]["guestGrants"] == []


async def test_f054_links_are_not_without_end(till: Till) -> None:
    cid, line = await till.of(CID), await till.line(CID)
    answers = await asyncio.gather(*(create(cid, line) for _ in range(24)))
    assert sorted(map(codes, answers)) == [[]] * 20 + [["FORBIDDEN"]] * 4


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scopes", "after", "uses", "field"),
    [
        ([], 1, None, "scopes"), (["USAGE"], 1, None, "scopes"), (["VIEW", "CLOSE"], 1, None, "scopes"),
        (["VIEW"], 0, None, "expiresAt"), (["VIEW"], -1, None, "expiresAt"), (["VIEW"], 30.001, None, "expiresAt"),
        (["VIEW"], 1, 0, "maxUses"), (["VIEW"], 1, -5, "maxUses"), (["VIEW"], 1, 101, "maxUses"),
        (["VIEW"], 30, 100, None), (["VIEW", "PAY"], 1, 1, None),
    ],
)  # fmt: skip
def test_f054_what_a_link_may_be(scopes: Any, after: float, uses: int | None, field: str | None) -> None:
    refused = check(scopes, NOW + timedelta(days=after), uses, NOW)
    assert (refused.field if refused else None) == ((field,) if field else None)
    assert check(SCOPES, datetime(2026, 1, 2), None, NOW) is not None
