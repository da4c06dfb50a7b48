"""Services on a child's line (F053, I14, E36): what it asks for, what stands against it, and what the owner does."""

import asyncio
from typing import Any

from resolvers.node_id import encode
from tests.cabinet import Cabinet
from tests.family import number
from tests.ledger import posted, top_up
from tests.selling import (
    charges,
    codes,
    connect,
    connected,
    disconnect,
    history_of,
    quoted,
    sell,
    services_of,
    token,
)
from tests.test_approval import answer
from tests.test_usage_limit import put
from tests.till import ANN, BOB, CID, Till

QUESTIONS = """
{ viewer { approvalRequests { edges { node { status quote {
  token dueNow { amount } firstMonthTotal { amount } monthlyTotal { amount } warnings
  lines { label amount { amount } period freeDays } } } } } } }
"""
POLICY = """
insert into child_policy (line_id, blocked_categories, max_age_rating, quiet_hours, approval_needed_for,
  can_top_up_self, always_allowed_numbers, set_at)
select id, '{ENTERTAINMENT}', 12, '[]', '{SERVICES,TARIFF,TRANSFER}', true, '{}', now() from line where msisdn = $1
"""


async def asked(payload: dict[str, Any]) -> str:
    """The question that a payload holds."""
    [error] = payload["userErrors"]
    assert (error["__typename"], error["code"], payload["subscription"]) == (
        "ApprovalRequired", "APPROVAL_REQUIRED", None
    )  # fmt: skip
    question: str = payload["approval"]["id"]
    return question


async def questions(cabinet: Cabinet) -> list[tuple[str, dict[str, Any]]]:
    """What became of the viewer's questions, with their prices."""
    edges = (await cabinet.data(QUESTIONS))["viewer"]["approvalRequests"]["edges"]
    return [(edge["node"]["status"], edge["node"]["quote"]) for edge in edges]


async def test_f053_a_child_asks_for_a_service_and_the_owner_pays_exactly_that(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    service = await sell(till, "one", 3_000, connection_fee=500)
    quote = await token(cid, line, service)
    payload = await connect(cid, line, service, quote=quote)
    question = await asked(payload)
    assert payload["approval"] | {"id": None} == {
        "id": None, "title": "one (35.00 RUB)", "status": "PENDING", "action": "CONNECT_SERVICE",
        "price": {"amount": "35.00"},
    }  # fmt: skip
    # Both see what it costs, item by item, and when.
    for cabinet in (ann, cid):
        [(_, price)] = await questions(cabinet)
        price.pop("token")
        assert price == {
            "dueNow": {"amount": "35.00"}, "firstMonthTotal": {"amount": "35.00"}, "monthlyTotal": {"amount": "30.00"},
            "warnings": ["30.00 RUB списывается в каждом периоде, пока услугу не отключат"],
            "lines": [
                {"label": "Подключение: one", "amount": {"amount": "5.00"}, "period": "ONCE", "freeDays": 0},
                {"label": "one", "amount": {"amount": "30.00"}, "period": "MONTH", "freeDays": 0},
            ],
        }  # fmt: skip
    # The same question again is the one that is open, and nothing was done.
    assert await asked(await connect(cid, line, service)) == question
    assert (await charges(till), await services_of(cid, line)) == ([], [])
    answers = await asyncio.gather(*(answer(ann, question) for _ in range(4)))
    assert [codes(each) for each in answers] == [[]] * 4
    assert (await charges(till), await services_of(cid, line)) == ([500, 3_000], ["one"])
    assert await till.balance(CID) == 10_250 - 3_500
    [event] = await history_of(ann, line) or []
    assert (event["actor"]["label"], event["actor"]["role"]) == ("Cid", "CHILD")


async def test_f053_the_owner_may_do_it_at_the_price_that_the_child_was_told(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    service = await sell(till, "one", 3_000)
    await asked(await connect(cid, line, service))
    [(status, price)] = await questions(ann)
    assert status == "PENDING"
    await till.rows("update service set fee = 2_000 where code = 'one'")
    assert codes(await connect(ann, line, service, quote=price["token"])) == ["PRICE_CHANGED"]
    await till.rows("update service set fee = 3_000 where code = 'one'")
    # Each token is of whom it was shown to, and good once.
    [(_, shown)] = await questions(cid)
    assert codes(await connect(ann, line, service, quote=shown["token"])) == ["CONFLICT"]
    assert codes(await connect(ann, line, service, quote=price["token"])) == []
    assert await charges(till) == [3_000]


async def test_i14_the_owner_agrees_to_that_price_and_no_other(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    service = await sell(till, "one", 3_000, trial_days=7)
    question = await asked(await connect(cid, line, service))
    await till.rows("update service set fee = 2_000 where code = 'one'")
    assert codes(await answer(ann, question)) == ["PRICE_CHANGED"]
    assert await services_of(cid, line) == []
    again = await asked(await connect(cid, line, service))
    assert again != question
    assert codes(await answer(ann, again)) == []
    assert (await services_of(cid, line), await charges(till)) == (["one"], [])


async def test_f053_what_became_impossible_stays_asked(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    service = await sell(till, "one", 10_000)
    assert codes(await connect(cid, line, await sell(till, "dear", 20_000))) == ["INSUFFICIENT_FUNDS"]
    question = await asked(await connect(cid, line, service))
    await put(ann, line, "90")
    assert codes(await answer(ann, question)) == ["LIMIT_EXCEEDED"]
    await till.rows("delete from usage_limit")
    await connected(ann, line, service)
    assert codes(await answer(ann, question)) == ["FORBIDDEN"]
    assert await charges(till) == [10_000]


async def test_e36_a_limit_counts_what_is_spent_whoever_tops_up(till: Till) -> None:
    ann, bob, cid, line = await till.of(ANN), await till.of(BOB), await till.of(CID), await till.line(CID)
    service, more = await sell(till, "one", 3_000), await sell(till, "more", 3_000)
    await put(ann, line, "50")
    await connected(ann, line, service)
    await posted(top_up(await till.account(CID), 50_000))
    # However much is on the balance: neither the child nor a manager, and not even the owner, passes it.
    for cabinet in (cid, bob, ann):
        payload = await connect(cabinet, line, more)
        [error] = payload["userErrors"]
        assert (error["code"], error["answer"]) == ("LIMIT_EXCEEDED", "LIMIT_REACHED")
    assert await charges(till) == [3_000]


async def test_f048_what_is_not_for_the_child_is_not_asked_for(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    await till.rows(POLICY, number("beeline", CID))
    games = await sell(till, "fun", 100, category="ENTERTAINMENT")
    old = await sell(till, "old", 100, age_rating=18)
    young = await sell(till, "young", 100, age_rating=12)
    for cabinet in (cid, ann):
        for service, why in ((games, "CATEGORY_BLOCKED"), (old, "AGE_RATING")):
            [error] = (await connect(cabinet, line, service))["userErrors"]
            assert (error["code"], error["answer"]) == ("LIMIT_EXCEEDED", why)
    await asked(await connect(cid, line, young))
    assert codes(await connect(ann, line, young)) == []


async def test_f053_a_child_switches_off_what_is_free_and_asks_about_the_rest(till: Till) -> None:
    ann, cid, line = await till.of(ANN), await till.of(CID), await till.line(CID)
    free = await connected(ann, line, await sell(till, "free"))
    paid = await connected(ann, line, await sell(till, "paid", 100))
    assert codes(await disconnect(cid, free["id"])) == []
    question = await asked(await disconnect(cid, paid["id"]))
    assert await services_of(cid, line) == ["paid"]
    assert codes(await answer(ann, question)) == []
    assert await services_of(cid, line) == []
    again = await asked(await disconnect(cid, (await connected(ann, line, encode("Service", await till.value(
        "select id from service where code = 'paid'"))))["id"]))  # fmt: skip
    assert codes(await answer(ann, again, approve=False)) == []
    assert (await services_of(cid, line), await charges(till)) == (["paid"], [100])


async def test_f115_a_child_sees_the_price_that_it_asks_for(till: Till) -> None:
    cid, line = await till.of(CID), await till.line(CID)
    quote = (await quoted(cid, line, await sell(till, "one", 3_000)))["quote"]
    assert quote["dueNow"]["amount"] == "30.00"
