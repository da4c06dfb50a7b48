"""The history of a line's tariffs, and taking a change back (F107, F108, E50)."""

import asyncio
from typing import Any

from services.fees import charge_due
from tests.cabinet import Cabinet
from tests.tariffs import CANCEL, REVERT, bought, codes, kinds, offer, sell
from tests.test_tariff_change import charged, rich
from tests.till import ANN, BOB, CID, EVE, GRANNY, Till

HISTORY = """
query ($line: ID!, $first: Int, $after: String) { node(id: $line) { ... on Line {
  tariff { tariff { code } canRevertTo { code } revertUntil nextChargeAt }
  tariffHistory(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id action at charge { amount } from { code } to { code } configuration { unit amount }
      actor { label role isViewer isOperatorStaff } } }
  }
} } }
"""
NODE = "query ($id: ID!) { node(id: $id) { ... on TariffHistoryEntry { to { code } } } }"


async def seen(cabinet: Cabinet, line: str, **page: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await cabinet.data(HISTORY, line=line, **page))["node"]
    return found


async def revert(cabinet: Cabinet, line: str, entry: str | None = None, key: str = "revert-it-1") -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(REVERT, key=key, line=line, entry=entry))["revertTariff"]
    return payload


async def test_f107_every_change_with_who_did_it_and_what_it_cost(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    await bought(ann, line, 9002, "change-nr-1")
    await bought(ann, line, 9003, "change-nr-2")
    first = (await seen(ann, line, first=1))["tariffHistory"]
    [edge] = first["edges"]
    assert edge["node"] | {"id": 0, "at": 0} == {
        "id": 0, "at": 0, "action": "CHANGE", "charge": {"amount": "200.00"}, "from": {"code": "m500"},
        "to": {"code": "own"},
        "configuration": [{"unit": "MINUTE", "amount": "100"}, {"unit": "BYTE", "amount": "1000"}],
        "actor": {"label": "Ann", "role": None, "isViewer": True, "isOperatorStaff": False},
    }  # fmt: skip
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    rest = (await seen(ann, line, after=first["pageInfo"]["endCursor"]))["tariffHistory"]
    assert [each["node"]["to"]["code"] for each in rest["edges"]] == ["m500"]
    # An entry is there again for who sees the line, and for nobody else.
    entry = edge["node"]["id"]
    assert (await ann.data(NODE, id=entry))["node"] == {"to": {"code": "own"}}
    assert (await (await till.of(EVE)).data(NODE, id=entry))["node"] is None
    # Who has the number after somebody else reads nothing of that time.
    await till.rows("update line set reissued_at = now()")
    assert (await seen(ann, line))["tariffHistory"]["edges"] == []
    assert (await seen(ann, line))["tariff"]["canRevertTo"] is None
    offer(till, history=False)
    assert (await seen(ann, line))["tariffHistory"] is None
    assert (await ann.data(NODE, id=entry))["node"] is None


async def test_e60_the_user_sees_that_an_employee_changed_the_tariff(till: Till) -> None:
    eve, line, staff = await till.of(EVE), await till.line(EVE), await till.of(EVE)
    await till.rows("update session set staff = 'Olga', staff_reason = 'a call', staff_ticket = 'T1' "
                    "where id = (select max(id) from session)")  # fmt: skip
    await sell(till, EVE, 9001)
    await rich(till, EVE)
    await bought(staff, line, 9002, "in-the-office")
    [edge] = (await seen(eve, line))["tariffHistory"]["edges"]
    actor = {"label": "Eve", "role": None, "isViewer": True, "isOperatorStaff": True}
    assert edge["node"]["actor"] == actor
    told = "select details->>'staff', details->>'staff_reason', details->>'staff_ticket' from audit_event"
    assert await till.rows(f"{told} where action = 'TARIFF_CHANGED'") == [("Olga", "a call", "T1")]
    # It is told to the user, and taken back by the user like a change of their own.
    assert any("Пятьсот" in text for text in await till.sent_to(EVE))
    assert (await revert(eve, line))["userErrors"] == []
    own = (await seen(eve, line))["tariffHistory"]["edges"][0]["node"]["actor"]
    assert own == {"label": "Eve", "role": None, "isViewer": True, "isOperatorStaff": False}


async def test_f107_the_user_reads_what_the_household_did(till: Till) -> None:
    ann, granny, line = await till.of(ANN), await till.of(GRANNY), await till.line(GRANNY)
    await sell(till, GRANNY, 9001)
    await rich(till, GRANNY)
    await till.rows("update number_link set scopes = scopes || '{TARIFF}' where 'SERVICES' = any(scopes)")
    await till.rows("update session set stepped_up_at = now()")
    await bought(ann, line, 9002, "by-the-owner")
    [edge] = (await seen(granny, line))["tariffHistory"]["edges"]
    assert edge["node"]["actor"] == {"label": "Ann", "role": "OWNER", "isViewer": False, "isOperatorStaff": False}
    # She may take it back, and that is hers.
    assert (await revert(granny, line))["userErrors"] == []
    assert await charged(till) == [10_000, 50_000]


async def test_f108_what_was_paid_for_goes_on_where_it_was_left(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001, paid=12)
    await rich(till, ANN)
    await till.rows(
        """insert into package_counter (line_id, code, name, unit, source, total, remaining, unlimited,
             resets_at, as_of)
           select l.id, 'old', 'Старый', 'MINUTE', 'TARIFF', 300, 7, false, s.next_charge_at, now()
           from line l join tariff_subscription s on s.line_id = l.id"""
    )
    had = (await seen(ann, line))["tariff"]
    packages = "select code, total::int, remaining::int, resets_at from package_counter"
    old = await till.rows(packages)
    await bought(ann, line, 9002, "change-nr-1")
    now = (await seen(ann, line))["tariff"]
    assert (now["canRevertTo"], now["revertUntil"]) == ({"code": "m300"}, had["nextChargeAt"])
    assert await till.rows(packages) != old

    answers = await asyncio.gather(*(revert(ann, line) for _ in range(5)))
    assert [each["userErrors"] for each in answers] == [[]] * 5
    back = (await seen(ann, line))["tariff"]
    assert back == had | {"canRevertTo": None, "revertUntil": None}
    assert await till.rows(packages) == old
    assert await charged(till) == [10_000, 50_000]
    assert [edge["node"]["action"] for edge in (await seen(ann, line))["tariffHistory"]["edges"]] == [
        "REVERT", "CHANGE",
    ]  # fmt: skip
    # Once: there and back again would be packages for nothing.
    assert kinds(await revert(ann, line, key="revert-it-2")) == ["TariffNotReverted"]
    # When the period that was paid for ends, the next one is charged, and no other.
    await till.rows("update tariff_subscription set next_charge_at = now() - interval '1 second'")
    await charge_due(till.profiles)
    assert await charged(till) == [10_000, 50_000, 30_000]


async def test_f108_back_to_the_initial_state_over_several_changes(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    for number, tariff_id in enumerate((9002, 9003)):
        await bought(ann, line, tariff_id, f"change-nr-{number}")
    [_, first] = (await seen(ann, line))["tariffHistory"]["edges"]
    payload = await revert(ann, line, first["node"]["id"])
    assert (payload["userErrors"], payload["line"]["tariff"]["tariff"]["code"]) == ([], "m300")
    for entry in (first["node"]["id"], None):
        assert kinds(await revert(ann, line, entry, "revert-it-2")) == ["TariffNotReverted"]


async def test_e50_an_archived_tariff_is_not_had_back(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    await bought(ann, line, 9002, "change-nr-1")
    await till.rows("update tariff set archived = true where id = 9001")
    assert (await seen(ann, line))["tariff"]["canRevertTo"] is None
    assert codes(await revert(ann, line)) == ["TARIFF_NOT_AVAILABLE"]
    assert await till.value("select tariff_id from tariff_subscription") == 9002


async def test_f108_what_cannot_be_taken_back_says_so(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await sell(till, ANN, 9001)
    await rich(till, ANN)
    assert kinds(await revert(ann, line)) == ["TariffNotReverted"]
    await bought(ann, line, 9002, "change-nr-1")
    [edge] = (await seen(ann, line))["tariffHistory"]["edges"]
    entry = edge["node"]["id"]
    # Nobody else's, no other line's, no made-up one.
    assert codes(await revert(await till.of(BOB), line, entry)) == ["NOT_FOUND"]
    await sell(till, EVE, 9001)
    assert codes(await revert(await till.of(EVE), await till.line(EVE), entry)) == ["NOT_FOUND"]
    for wrong in ("nonsense", line, "VGFyaWZmSGlzdG9yeUVudHJ5Ojk5OTk5"):
        assert codes(await revert(ann, line, wrong)) == ["NOT_FOUND"]
    # What was paid for is over.
    await till.rows("update tariff_rest set paid_until = now()")
    assert (await seen(ann, line))["tariff"]["canRevertTo"] is None
    assert kinds(await revert(ann, line, entry)) == ["TariffNotReverted"]
    assert kinds((await ann.data(CANCEL, key="cancel-it-1", line=line))["cancelTariffChange"]) == [
        "NoTariffChangeAwaited"
    ]
    offer(till, revert=False)
    assert codes(await revert(ann, line)) == ["FEATURE_DISABLED"]


async def test_f108_a_child_leaves_taking_back_to_the_owner(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    await sell(till, CID, 9001)
    await rich(till, CID)
    await bought(ann, line, 9002, "by-the-owner")
    assert codes(await revert(cid, line)) == ["APPROVAL_REQUIRED"]
    assert (await revert(ann, line))["userErrors"] == []
