"""Asking to buy (F053, I14): what a child may ask, who answers, and that exactly that is done once."""

import asyncio
from typing import Any

import asyncpg
import pytest

from models.database import tx
from services import approval
from tests.cabinet import Cabinet
from tests.session import open_session
from tests.sockets import opened, tell
from tests.test_balance_payment import PAY, to
from tests.test_usage_limit import put
from tests.till import ANN, BOB, CID, EVE, VERA, Till

ASK = PAY.replace(
    "... on BalanceTooLow { available { amount } }",
    "... on ApprovalRequired { approval { id title status price { amount } requestedBy { displayName } } }",
)
RESOLVE = """
mutation ($id: ID!, $approve: Boolean!, $comment: String) {
  resolveApproval(input: {approvalId: $id, approve: $approve, comment: $comment}) {
    approval { id status comment } userErrors { __typename code field }
  }
}
"""
LIST = """
query ($status: ApprovalStatus) {
  viewer { approvalRequests(status: $status) {
    totalCount edges { node { id action title status price { amount } line { id } } }
  } }
}
"""


async def ask(cabinet: Cabinet, line: str, amount: str = "100", target: int = EVE) -> dict[str, Any]:
    told = {"key": "asked-for-it", "from": line, "target": to(target), "amount": amount}
    [error] = (await cabinet.data(ASK, **told))["payFromBalance"]["userErrors"]
    found: dict[str, Any] = error
    return found


async def answer(
    cabinet: Cabinet, question: str, *, approve: bool = True, comment: str | None = None
) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(RESOLVE, id=question, approve=approve, comment=comment))[
        "resolveApproval"
    ]
    return payload


async def listed(cabinet: Cabinet, status: str | None = None) -> list[dict[str, Any]]:
    found = (await cabinet.data(LIST, status=status))["viewer"]["approvalRequests"]
    assert found["totalCount"] == len(found["edges"])
    return [edge["node"] for edge in found["edges"]]


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_f053_child_asks_owner_agrees_and_exactly_that_is_done(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    asked = await ask(cid, line)
    assert (asked["__typename"], asked["code"]) == ("ApprovalRequired", "APPROVAL_REQUIRED")
    question = asked["approval"]
    assert question | {"id": None} == {
        "id": None, "title": "100.00 RUB → ***1005", "status": "PENDING", "price": {"amount": "100.00"},
        "requestedBy": {"displayName": "Cid"},
    }  # fmt: skip
    assert (await till.balance(CID), await till.balance(EVE)) == (10_250, 10_550)
    [told] = await till.sent_to(ANN)
    assert "100.00 RUB → ***1005" in told
    [seen] = await listed(ann, "PENDING")
    assert (seen["id"], seen["line"]["id"], seen["action"]) == (question["id"], line, "PAY_FROM_BALANCE")
    assert await listed(cid) == [seen]

    agreed = await answer(ann, question["id"], comment="Хорошо 👍")
    assert agreed == {
        "approval": {"id": question["id"], "status": "APPROVED", "comment": "Хорошо 👍"}, "userErrors": []
    }  # fmt: skip
    assert (await till.balance(CID), await till.balance(EVE)) == (250, 20_550)
    assert "100.00 RUB" in (await till.sent_to(CID))[-1]
    # Again is nothing new, and the other answer comes too late.
    assert await answer(ann, question["id"]) == agreed
    assert codes(await answer(ann, question["id"], approve=False)) == ["CONFLICT"]
    assert (await till.balance(CID), await listed(ann, "PENDING")) == (250, [])
    actions = "select action from audit_event where line_id is not null order by id"
    assert await till.rows(actions) == [("APPROVAL_ASKED",), ("APPROVAL_APPROVED",)]


async def test_f053_answers_at_once_do_it_once(till: Till) -> None:
    ann, cid = await till.of(ANN), await till.of(CID)
    question = (await ask(cid, await till.line(CID)))["approval"]["id"]
    answers = await asyncio.gather(*(answer(ann, question, approve=n % 2 == 0) for n in range(10)))
    assert sorted(map(codes, answers)) == [[]] * 5 + [["CONFLICT"]] * 5
    assert await till.balance(CID) in (10_250, 250)


async def test_f053_the_same_asked_at_once_is_one_question(till: Till) -> None:
    cid, line = await till.of(CID), await till.line(CID)
    asked = await asyncio.gather(*(ask(cid, line) for _ in range(8)))
    assert len({each["approval"]["id"] for each in asked}) == 1
    assert len(await till.sent_to(ANN)) == 1


async def test_i14_another_price_is_another_question_and_the_first_falls(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    first, second = [(await ask(cid, line, amount))["approval"]["id"] for amount in ("100", "101")]
    assert codes(await answer(ann, first)) == ["CONFLICT"]
    assert [each["status"] for each in await listed(ann)] == ["PENDING", "CANCELLED"]
    assert codes(await answer(ann, second)) == []
    assert await till.balance(CID) == 10_250 - 10_100


@pytest.mark.parametrize(
    ("who", "code"), [(CID, "FORBIDDEN"), (BOB, "NOT_FOUND"), (VERA, "NOT_FOUND"), (EVE, "NOT_FOUND")]
)
async def test_f053_only_the_owner_answers(till: Till, who: int, code: str) -> None:
    question = (await ask(await till.of(CID), await till.line(CID)))["approval"]["id"]
    other = await till.of(who)
    assert codes(await answer(other, question)) == [code]
    assert [each["id"] for each in await listed(other)] == ([question] if who == CID else [])
    partial = await till.of(ANN, "PARTIAL")
    assert (codes(await answer(partial, question)), await listed(partial)) == (["FORBIDDEN"], [])


@pytest.mark.parametrize("comment", ["👍" * 10_000, "x" * 501, "\0"])
async def test_f053_comments_are_short(till: Till, comment: str) -> None:
    question = (await ask(await till.of(CID), await till.line(CID)))["approval"]["id"]
    payload = await answer(await till.of(ANN), question, comment=comment)
    assert payload["userErrors"] == [{"__typename": "InputRejected", "code": "INVALID_INPUT", "field": ["comment"]}]


async def test_f053_after_a_day_it_is_too_late(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    question = (await ask(cid, line))["approval"]["id"]
    await till.rows("update approval_request set expires_at = now() - interval '1 second'")
    assert [each["status"] for each in await listed(ann)] == ["EXPIRED"]
    assert codes(await answer(ann, question)) == ["CONFLICT"]
    await approval.expire()
    assert await till.rows("select status from approval_request") == [("EXPIRED",)]
    assert (await ask(cid, line))["approval"]["id"] != question


async def test_i14_what_is_not_there_any_more_is_not_given_and_stays_asked(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    question = (await ask(cid, line, "100"))["approval"]["id"]
    await put(ann, line, "99")
    assert codes(await answer(ann, question)) == ["LIMIT_EXCEEDED"]
    await put(ann, line, "99", action="ASK_OWNER")  # and now the owner says so
    await till.rows(
        "update ledger_account set reserved = 5000 where account_id = $1 and kind = 'PERSONAL'", await till.account(CID)
    )
    assert codes(await answer(ann, question)) == ["FORBIDDEN"]
    assert [each["status"] for each in await listed(ann)] == ["PENDING"]
    await till.rows("update ledger_account set reserved = 0")
    assert codes(await answer(ann, question)) == []
    assert await till.balance(CID) == 250


async def test_i14_more_than_the_limit_or_the_balance_is_not_even_asked(till: Till) -> None:
    cid, line = await till.of(CID), await till.line(CID)
    assert (await ask(cid, line, "1000"))["code"] == "INSUFFICIENT_FUNDS"
    await put(await till.of(ANN), line, "100")
    assert (await ask(cid, line, "101"))["code"] == "LIMIT_EXCEEDED"
    assert await till.rows("select 1 from approval_request") == []


async def test_f053_questions_are_not_without_end(till: Till) -> None:
    cid, line = await till.of(CID), await till.line(CID)
    await till.rows(
        "insert into approval_request (household_id, line_id, requested_by_id, scope, action, title, subject, "
        "subject_key, status, created_at, expires_at) select h.id, l.id, l.user_id, 'PAY', 'X', 'x', '{}', n::text, "
        "'PENDING', now(), now() + interval '1 hour' from household h, line l, generate_series(1, 10) n "
        "where l.msisdn = '79030001002'"
    )
    assert (await ask(cid, line))["code"] == "RATE_LIMITED"


@pytest.mark.parametrize("end", ["removed", "closed", "dissolved"])
async def test_f053_what_ends_the_household_ends_its_questions(till: Till, end: str) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    question = (await ask(cid, line))["approval"]["id"]
    if end == "removed":
        await till.rows("update membership set status = 'REMOVED' where role = 'CHILD'")
    elif end == "dissolved":
        await till.rows("update household set dissolved_at = now()")
    else:
        household = await till.value("select id from household")
        await tx(lambda connection: approval.close_approvals(connection, households=[household]))
        assert [each["status"] for each in await listed(cid)] == ["CANCELLED"]
    assert codes(await answer(ann, question)) == [["CONFLICT"], ["NOT_FOUND"]][end == "dissolved"]
    assert await till.balance(CID) == 10_250


async def test_f053_nonsense_is_no_question(till: Till) -> None:
    ann = await till.of(ANN)
    for nonsense in ("", "x" * 1000, await till.line(CID), "🦊"):
        assert codes(await answer(ann, nonsense)) == ["NOT_FOUND"]


FOLLOW = """
subscription { approvalRequested { title status requestedBy { displayName } line { msisdn } } }
"""
_CHILDS_LINE = """
select l.id, m.household_id, l.user_id, l.msisdn from membership m join line l on l.user_id = m.user_id
join household h on h.id = m.household_id where m.role = 'CHILD' and h.operator = 'beeline' order by l.id limit 1
"""
_QUESTION = """
insert into approval_request (household_id, line_id, requested_by_id, scope, action, title, subject, subject_key,
  status, created_at, expires_at)
values ($1, $2, $3, 'PAY', 'X', $4, '{}', $4, 'PENDING', now(), now() + interval '1 hour')
"""


async def test_f155_owner_hears_of_every_question_and_of_its_answer(
    hearth_server: str, process_database: str, demo_people: dict[str, Any]
) -> None:
    owner = demo_people["beeline"]["owner"]
    behind = await asyncpg.connect(process_database)
    [(line_id, household, child, msisdn)] = await behind.fetch(_CHILDS_LINE)
    await behind.execute(_QUESTION, household, line_id, child, "first")
    token = await open_session(process_database, "beeline", owner["msisdn"])
    try:
        async with opened(hearth_server) as client:
            await client.init(authorization=f"Bearer {token}", operator="beeline")
            await client.subscribe("a", FOLLOW)
            first = (await client.next("a"))["approvalRequested"]
            assert (first["title"], first["status"], first["line"]["msisdn"]) == ("first", "PENDING", msisdn)
            # Two at once are told of both, one by one.
            async with behind.transaction():
                for title in ("second", "third"):
                    await behind.execute(_QUESTION, household, line_id, child, title)
                await tell(behind, f"approval:{household}")
            told = [(await client.next("a"))["approvalRequested"]["title"] for _ in range(2)]
            assert told == ["second", "third"]
            await behind.execute("update approval_request set status = 'DECLINED' where title = 'first'")
            await tell(behind, f"approval:{household}")
            answered = (await client.next("a"))["approvalRequested"]
            assert (answered["title"], answered["status"]) == ("first", "DECLINED")
            assert await client.silent()
    finally:
        await behind.execute("delete from approval_request")
        await behind.close()
