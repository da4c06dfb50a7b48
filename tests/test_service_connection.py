"""Switching services on at an exact price (F112, F115, N7, E49, I14): what it costs, who may, and only once."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.fees import today
from resolvers.node_id import encode
from tests.fees import MOSCOW
from tests.ledger import posted, top_up
from tests.selling import (
    CONNECT,
    CONNECTED,
    charges,
    codes,
    connect,
    connected,
    disconnect,
    history_of,
    key,
    quoted,
    relate,
    sell,
    services_of,
    token,
)
from tests.session import open_session
from tests.test_usage_limit import put
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till


def local_today() -> date:
    return datetime.now(MOSCOW).date()


async def test_f115_a_quote_says_exactly_what_is_charged_and_so_it_is(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    music = await sell(till, "tunes", 3_000, connection_fee=1_000, included=[{"unit": "BYTE", "amount": 1_000}])
    quote = (await quoted(ann, line, music))["quote"]
    assert (quote["dueNow"], quote["firstMonthTotal"], quote["monthlyTotal"]) == (
        {"amount": "40.00", "currency": "RUB"}, {"amount": "40.00"}, {"amount": "30.00"},
    )  # fmt: skip
    assert [(each["amount"]["amount"], each["period"], each["freeDays"]) for each in quote["lines"]] == [
        ("10.00", "ONCE", 0), ("30.00", "MONTH", 0),
    ]  # fmt: skip
    assert quote["lines"][1]["label"] == "tunes"
    assert len(quote["warnings"]) == 1
    assert "30.00 RUB" in quote["warnings"][0]
    # A quote changes nothing.
    assert (await till.balance(ANN), await services_of(ann, line)) == (10_050, [])

    payload = await connect(ann, line, music, quote=quote["token"])
    assert (payload["userErrors"], payload["clientMutationId"], payload["approval"]) == ([], "m", None)
    found = payload["subscription"]
    begins = today(datetime.now(UTC), MOSCOW)
    due = datetime.fromisoformat(found["nextChargeAt"])
    assert timedelta(days=28) <= due - begins <= timedelta(days=31)
    assert (found["nextCharge"], found["service"], found["line"]) == (
        {"amount": "30.00"}, {"code": "tunes"}, {"id": line},
    )  # fmt: skip
    assert (found["canDisconnect"], found["endedAt"], found["trialEndsAt"], found["validUntil"]) == (
        True, None, None, None
    )  # fmt: skip
    assert found["connectedBy"] == {"label": "Ann", "role": None, "isViewer": True, "isOperatorStaff": False}
    assert await till.balance(ANN) == 10_050 - 4_000
    assert await charges(till) == [1_000, 3_000]
    assert await till.rows("select type, sum from usage_day") == [("SERVICE_FEE", 4_000)]
    packages = "select unit, source, remaining::int, expires_at from package_counter"
    assert await till.rows(packages) == [("BYTE", "SERVICE", 1_000, due)]
    [event] = await history_of(ann, line) or []
    assert (event["action"], event["charge"], event["service"]) == (
        "CONNECT", {"amount": "40.00"}, {"code": "tunes"}
    )  # fmt: skip
    # Nobody is told of what they did themselves; the audit says it.
    assert await till.sent_to(ANN) == []
    audited = "select action, details->>'service', details->>'charge', line_id is not null from audit_event"
    assert await till.rows(audited) == [("SERVICE_CONNECTED", "tunes", "40.00 RUB", True)]
    node = "query ($id: ID!) { node(id: $id) { __typename id } }"
    for each in (found["id"], event["id"]):
        assert (await ann.data(node, id=each))["node"]["id"] == each
        assert (await (await till.of(EVE)).data(node, id=each))["node"] is None


async def test_n7_a_token_is_of_one_change_and_used_once(till: Till) -> None:
    ann, line, other = await till.of(ANN), await till.line(ANN), await till.line(GRANNY)
    one, two = await sell(till, "one", 100), await sell(till, "two", 100)
    good = await token(ann, line, one)
    stolen = await token(await till.of(GRANNY), other, one)
    for wrong in ("", "x", good[:-2], good + "A", stolen, "👍" * 1_000, "a." * 1_000):
        payload = await connect(ann, line, one, quote=wrong or " ")
        assert (codes(payload), payload["subscription"]) == (["CONFLICT"], None)
    assert codes(await connect(ann, line, two, quote=good)) == ["CONFLICT"]
    assert codes(await connect(ann, other, one, quote=good)) == ["CONFLICT"]
    assert await charges(till) == []
    found = (await connect(ann, line, one, quote=good))["subscription"]
    await disconnect(ann, found["id"])
    assert codes(await connect(ann, line, one, quote=good)) == ["CONFLICT"]
    missing = await ann.data(CONNECT.replace(", quoteToken: $token", "").replace(", $token: String", ""),
                             key=key(), line=line, service=one)  # fmt: skip
    assert codes(missing["connectService"]) == ["INVALID_INPUT"]


async def test_n7_a_token_expires(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, line, one = await till.of(ANN), await till.line(ANN), await sell(till, "one", 100)
    monkeypatch.setattr("auth.quote_token.SECONDS", -1)
    assert codes(await connect(ann, line, one)) == ["CONFLICT"]


async def test_n7_an_operator_may_do_without_quotes(till: Till) -> None:
    profile = till.profiles["beeline"]
    services = profile.services.model_copy(update={"require_quote_token": False})
    till.profiles["beeline"] = profile.model_copy(update={"services": services})  # type: ignore[index]
    ann, line, one = await till.of(ANN), await till.line(ANN), await sell(till, "one", 100)
    payload = (await ann.data(CONNECT, key=key(), line=line, service=one, token=None))["connectService"]
    assert (codes(payload), await charges(till)) == ([], [100])


async def test_e49_a_price_that_changed_is_refused_with_the_new_one(till: Till) -> None:
    ann, line, one = await till.of(ANN), await till.line(ANN), await sell(till, "one", 100)
    old = await token(ann, line, one)
    await till.rows("update service set fee = 150 where code = 'one'")
    payload = await connect(ann, line, one, quote=old)
    [error] = payload["userErrors"]
    assert (error["__typename"], error["code"], error["quote"]["dueNow"]["amount"]) == (
        "PriceChanged", "PRICE_CHANGED", "1.50"
    )  # fmt: skip
    assert (await charges(till), await services_of(ann, line)) == ([], [])
    assert codes(await connect(ann, line, one, quote=error["quote"]["token"])) == []
    assert await charges(till) == [150]


async def test_e46_the_same_key_is_the_same_change(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    one, two = await sell(till, "one", 100), await sell(till, "two", 100)
    named, quote = key(), await token(ann, line, one)
    first = await connect(ann, line, one, named=named, quote=quote)
    assert await connect(ann, line, one, named=named, quote=quote) == first
    assert codes(await connect(ann, line, two, named=named)) == ["IDEMPOTENCY_CONFLICT"]
    assert await charges(till) == [100]
    # Somebody else's key of that name is theirs.
    granny = await till.of(GRANNY)
    assert codes(await connect(granny, await till.line(GRANNY), one, named=named)) == []
    off = key()
    gone = await disconnect(ann, first["subscription"]["id"], off)
    assert await disconnect(ann, first["subscription"]["id"], off) == gone
    assert codes(await disconnect(ann, first["subscription"]["id"], named)) == ["IDEMPOTENCY_CONFLICT"]
    assert codes(await connect(ann, line, one, named="short", quote=quote)) == ["INVALID_INPUT"]
    assert codes(await disconnect(ann, first["subscription"]["id"], "к" * 20)) == ["INVALID_INPUT"]


@pytest.mark.parametrize("same_key", [True, False])
async def test_f112_fifty_at_once_are_one_subscription_and_one_charge(till: Till, same_key: bool) -> None:
    ann, line, one = await till.of(ANN), await till.line(ANN), await sell(till, "one", 100, connection_fee=50)
    named = key()
    tokens = await asyncio.gather(*(token(ann, line, one) for _ in range(1 if same_key else 50)))
    tokens *= 50 if same_key else 1
    payloads = await asyncio.gather(
        *(connect(ann, line, one, named=named if same_key else key(), quote=each) for each in tokens)
    )
    good = [payload for payload in payloads if not payload["userErrors"]]
    assert len({payload["subscription"]["id"] for payload in good}) == 1
    assert len(good) == (50 if same_key else 1)
    assert {code for payload in payloads for code in codes(payload)} <= {"SERVICE_ALREADY_ACTIVE"}
    assert await till.value("select count(*) from service_subscription") == 1
    assert await till.value("select count(*) from service_event") == 1
    assert await charges(till) == [50, 100]
    assert await till.balance(ANN) == 10_050 - 150


async def test_n7_one_quote_at_once_under_several_keys_is_one_change(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    pack = await sell(till, "pack", 100, "ONCE", category="INTERNET_EXTENSION")
    # Of what can be bought again and again a quote is good for one.
    quote = await token(ann, line, pack)
    payloads = await asyncio.gather(*(connect(ann, line, pack, quote=quote) for _ in range(8)))
    assert sorted(codes(payload) for payload in payloads) == [[]] + [["CONFLICT"]] * 7
    assert await charges(till) == [100]


async def test_e35_e36_a_limit_that_is_lowered_meanwhile_and_top_ups_at_once(till: Till) -> None:
    granny, line = await till.of(GRANNY), await till.line(GRANNY)
    services = [await sell(till, f"s{n}", 2_000) for n in range(7)]
    await put(granny, line, "100")
    tokens = [await token(granny, line, each) for each in services]
    account = await till.account(GRANNY)
    wishes = [connect(granny, line, each, quote=quote) for each, quote in zip(services[:6], tokens[:6], strict=True)]
    payloads, _, *_ = await asyncio.gather(
        asyncio.gather(*wishes), put(granny, line, "30"), *(posted(top_up(account, 50_000)) for _ in range(2))
    )
    # Whichever came first: no more than the first limit, what is beyond the second came before it, and money is no way
    # around either.
    refused = [code for payload in payloads if isinstance(payload, dict) for code in codes(payload)]
    done = 6 - len(refused)
    assert set(refused) == {"LIMIT_EXCEEDED"}
    assert 1 <= done <= 5
    assert await charges(till) == [2_000] * done
    assert codes(await connect(granny, line, services[6], quote=tokens[6])) == ["LIMIT_EXCEEDED"]
    assert await till.balance(GRANNY) == 10_150 + 100_000 - 2_000 * done
    # Whoever uses the line is told once that it is reached; one service alone does not come near it.
    assert len([text for text in await till.sent_to(GRANNY) if "30.00" in text]) == (done > 1)


async def test_f112_what_the_account_does_not_hold_changes_nothing(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    dear = await sell(till, "dear", 10_000, connection_fee=51, included=[{"unit": "SMS", "amount": 5}])
    quote = (await quoted(ann, line, dear))["quote"]
    assert any("100.51 RUB" in warning for warning in quote["warnings"])
    payload = await connect(ann, line, dear, quote=quote["token"])
    [error] = payload["userErrors"]
    assert (error["__typename"], error["code"], error["price"]) == (
        "ServiceUnpaid", "INSUFFICIENT_FUNDS", {"amount": "100.51"}
    )  # fmt: skip
    tables = ("service_subscription", "service_event", "usage_day", "package_counter", "line_change", "audit_event")
    assert [await till.value(f"select count(*) from {table}") for table in tables] == [0] * 6
    assert (await charges(till), await till.balance(ANN)) == ([], 10_050)
    # To the last kopeck it is sold; a refused token is not a used one.
    await till.rows("update service set connection_fee = 50 where code = 'dear'")
    assert codes(await connect(ann, line, dear)) == []
    assert await till.balance(ANN) == 0


async def test_i14_two_at_once_pass_neither_the_money_nor_the_limit(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    services = [await sell(till, f"s{n}", 3_000) for n in range(6)]
    tokens = [await token(ann, line, each) for each in services]
    wishes = [connect(ann, line, each, quote=quote) for each, quote in zip(services, tokens, strict=True)]
    payloads = await asyncio.gather(*wishes)
    assert sorted(code for payload in payloads for code in codes(payload)) == ["INSUFFICIENT_FUNDS"] * 3
    assert (await till.balance(ANN), await charges(till)) == (1_050, [3_000] * 3)

    granny, hers = await till.of(GRANNY), await till.line(GRANNY)
    await put(granny, hers, "65")
    tokens = [await token(granny, hers, each) for each in services]
    payloads = await asyncio.gather(
        *(connect(granny, hers, each, quote=quote) for each, quote in zip(services, tokens, strict=True))
    )
    assert sorted(code for payload in payloads for code in codes(payload)) == ["LIMIT_EXCEEDED"] * 4
    assert await till.balance(GRANNY) == 10_150 - 6_000
    # At 80 % people are told, once.
    assert len([text for text in await till.sent_to(GRANNY) if "80" in text]) == 1


async def test_f112_services_that_do_not_go_together_are_named(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    one, two, three = [await sell(till, code, 100) for code in ("one", "two", "three")]
    await relate(till, "one", "two", "INCOMPATIBLE")
    await relate(till, "three", "one", "REQUIRES")
    [error] = (await quoted(ann, line, three))["userErrors"]
    assert (error["code"], error["kind"], error["service"], error["other"]) == (
        "SERVICE_INCOMPATIBLE", "REQUIRES", {"code": "three"}, {"code": "one"}
    )  # fmt: skip
    quote = await token(ann, line, two)
    kept = await connected(ann, line, one)
    # Whichever of the two says so, and also where the price was asked before.
    for payload in (await quoted(ann, line, two), await connect(ann, line, two, quote=quote)):
        [error] = payload["userErrors"]
        assert (error["kind"], error["service"], error["other"]) == ("INCOMPATIBLE", {"code": "two"}, {"code": "one"})
    await connected(ann, line, three)
    # What something else needs is not switched off before that.
    [error] = (await disconnect(ann, kept["id"]))["userErrors"]
    assert (error["code"], error["kind"], error["service"], error["other"]) == (
        "SERVICE_INCOMPATIBLE", "REQUIRES", {"code": "one"}, {"code": "three"}
    )  # fmt: skip
    assert await services_of(ann, line) == ["one", "three"]


async def test_f112_only_what_is_sold_for_such_a_line(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    wrong = {
        await sell(till, "old", 100, archived=True): "INVALID_INPUT",
        await sell(till, "tv", 100, kind="TV"): "INVALID_INPUT",
        await sell(till, "theirs", 100, operator="life"): "NOT_FOUND",
        encode("Service", 10**15): "NOT_FOUND",
        encode("Tariff", 1): "NOT_FOUND",
        "👍": "NOT_FOUND",
    }
    for service, code in wrong.items():
        assert codes(await quoted(ann, line, service)) == [code]
        assert codes(await connect(ann, line, service, quote="x")) == [code]
    good = await sell(till, "good", 100)
    assert codes(await quoted(ann, good, good)) == ["NOT_FOUND"]
    for status in ("SUSPENDED_FRAUD", "SUSPENDED_NONPAYMENT", "PORTING_OUT"):
        await till.rows("update line set status = $1", status)
        assert codes(await quoted(ann, line, good)) == ["LINE_BLOCKED"]
        assert codes(await connect(ann, line, good, quote="x")) == ["LINE_BLOCKED"]
    await till.rows("update line set status = 'ACTIVE', sim_changed_at = now()")
    quote = await token(ann, line, good)
    assert codes(await connect(ann, line, good, quote=quote)) == ["COOLDOWN_ACTIVE"]
    assert await charges(till) == []


@pytest.mark.parametrize(
    ("who", "line", "code"),
    [(EVE, ANN, "NOT_FOUND"), (BOB, ANN, "NOT_FOUND"), (VERA, GRANNY, "FORBIDDEN"), (CID, ANN, "NOT_FOUND")],
)
async def test_f112_who_may_not_manage_a_line_changes_nothing(till: Till, who: int, line: int, code: str) -> None:
    service, named = await sell(till, "one", 100), await till.line(line)
    cabinet, owner = await till.of(who), await till.of(line)
    assert codes(await quoted(cabinet, named, service)) == [code]
    stolen = await token(owner, named, service)
    assert codes(await connect(cabinet, named, service, quote=stolen)) == [code]
    found = await connected(owner, named, service)
    hidden = "FORBIDDEN" if who == VERA else "NOT_FOUND"
    assert codes(await disconnect(cabinet, found["id"])) == [hidden]
    assert await charges(till) == [100]


async def test_f029_a_partial_session_manages_nothing_and_sees_no_history(till: Till) -> None:
    service, line = await sell(till, "one", 100), await till.line(ANN)
    found = await connected(await till.of(ANN), line, service)
    partial = await till.of(ANN, "PARTIAL")
    assert codes(await quoted(partial, line, service)) == ["FORBIDDEN"]
    assert codes(await connect(partial, line, service, quote="x")) == ["FORBIDDEN"]
    assert codes(await disconnect(partial, found["id"])) == ["FORBIDDEN"]
    assert (await services_of(partial, line), await history_of(partial, line)) == (["one"], None)
    node = (await partial.data("query ($id: ID!) { node(id: $id) { ... on ServiceSubscription { canDisconnect } } }",
                               id=found["id"]))["node"]  # fmt: skip
    assert node == {"canDisconnect": False}
    event = await till.value("select id from service_event")
    seen = await partial.data("query ($id: ID!) { node(id: $id) { id } }", id=encode("ServiceEvent", event))
    assert seen["node"] is None


async def test_f112_without_a_session_nothing_is_done(till: Till) -> None:
    service, line = await sell(till, "one", 100), await till.line(ANN)
    nobody = till.anybody.of("beeline")
    answer = await nobody.ask(CONNECT, key=key(), line=line, service=service, token="x")
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    stranger = till.anybody.of("life", await open_session(till.url, "beeline", "79030001000"))
    assert "errors" in await stranger.ask(CONNECT, key=key(), line=line, service=service, token="x")


async def test_e51_a_manager_connects_the_user_hears_of_it_and_switches_it_off(till: Till) -> None:
    bob, granny, line = await till.of(BOB), await till.of(GRANNY), await till.line(GRANNY)
    service = await sell(till, "one", 100)
    found = await connected(bob, line, service)
    assert found["connectedBy"] == {"label": "Bob", "role": "ADULT", "isViewer": True, "isOperatorStaff": False}
    [told] = await till.sent_to(GRANNY)
    assert "one" in told
    [event] = await history_of(granny, line) or []
    assert event["actor"] == {"label": "Bob", "role": "ADULT", "isViewer": False, "isOperatorStaff": False}
    # However new the SIM, and however blocked the line.
    await till.rows(
        """update line set sim_changed_at = now(), status = 'BLOCKED_BY_USER', block_reason = 'VACATION',
             blocked_at = now()"""
    )
    payload = await disconnect(granny, found["id"])
    assert (codes(payload), payload["subscription"]["canDisconnect"]) == ([], False)
    assert payload["subscription"]["endedAt"] is not None
    assert await services_of(granny, line) == []
    actions = [(each["action"], each["actor"]["label"]) for each in await history_of(bob, line) or []]
    assert actions == [("DISCONNECT", "Granny"), ("CONNECT", "Bob")]
    audited = "select action, actor_role, subject_id is null from audit_event order by id"
    assert await till.rows(audited) == [("SERVICE_CONNECTED", "ADULT", False), ("SERVICE_DISCONNECTED", None, True)]


async def test_f112_what_was_paid_for_is_not_paid_again(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    service = await sell(till, "one", 3_000, connection_fee=500, included=[{"unit": "SMS", "amount": 9}])
    found = await connected(ann, line, service)
    off = (await disconnect(ann, found["id"]))["subscription"]
    assert (off["paidUntil"], off["nextChargeAt"]) == (found["nextChargeAt"], None)
    assert codes(await disconnect(ann, found["id"])) == ["SERVICE_NOT_ACTIVE"]
    # What is left of its packages can be used until then.
    await till.rows("update package_counter set remaining = 4")
    left = "select remaining::int, expires_at from package_counter"
    until = datetime.fromisoformat(found["nextChargeAt"])
    assert await till.rows(left) == [(4, until)]
    quote = (await quoted(ann, line, service))["quote"]
    assert quote["dueNow"]["amount"] == "0.00"
    assert [each["freeDays"] for each in quote["lines"]] == [(until.astimezone(MOSCOW).date() - local_today()).days]
    back = (await connect(ann, line, service, quote=quote["token"]))["subscription"]
    assert (back["id"], back["nextChargeAt"], back["endedAt"]) == (found["id"], found["nextChargeAt"], None)
    assert await charges(till) == [500, 3_000]
    assert await till.rows(left) == [(4, until)]
    # After that it costs what it costs anybody.
    await disconnect(ann, found["id"])
    await till.rows("update service_subscription set paid_until = now() - interval '1 second'")
    assert (await quoted(ann, line, service))["quote"]["dueNow"]["amount"] == "35.00"


async def test_f109_a_data_plan_is_switched_off_and_what_is_paid_for_stays_to_its_end(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    plan = await sell(till, "spd", 3_000, category="DATA_PACKAGE", included=[{"unit": "BYTE", "amount": 1024}])
    subscription = await connected(ann, line, plan)
    assert await till.value("select remaining from package_counter where code like 'service:%'") == 1024
    assert (await disconnect(ann, subscription["id"]))["userErrors"] == []
    left = await till.rows("select remaining, expires_at > now() from package_counter where code like 'service:%'")
    assert left == [(1024, True)]
    assert (
        await till.rows("select 1 from service_subscription where ended_at is null and next_charge_at is not null")
        == []
    )
    assert await charges(till) == [3_000]


async def test_f113_f116_services_and_their_history_come_in_pages(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    for n in range(3):
        await connected(ann, line, await sell(till, f"s{n}", 100))
    paged = CONNECTED.replace("connectedServices", "connectedServices(first: 2)").replace(
        "serviceHistory {", "serviceHistory(first: 2, after: $after) { pageInfo { endCursor hasNextPage }"
    ).replace("$line: ID!", "$line: ID!, $after: String")  # fmt: skip
    first = (await ann.data(paged, line=line))["node"]
    assert len(first["connectedServices"]["edges"]) == 2
    history = first["serviceHistory"]
    assert (history["totalCount"], history["pageInfo"]["hasNextPage"]) == (3, True)
    second = (await ann.data(paged, line=line, after=history["pageInfo"]["endCursor"]))["node"]["serviceHistory"]
    seen = [edge["node"]["service"]["code"] for page in (history, second) for edge in page["edges"]]
    assert seen == ["s2", "s1", "s0"]
    assert "errors" in await ann.ask(paged.replace("first: 2, after", "first: 101, after"), line=line)
    assert "errors" in await ann.ask(paged, line=line, after="👍")
    # A number that somebody else had before tells nothing of that time (N3).
    await till.rows("update line set reissued_at = now()")
    assert await history_of(ann, line) == []


async def test_f102_what_is_sold_in_a_place_is_connected_there_only(till: Till) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    local = await sell(till, "local", 3_000)
    quote = await token(ann, line, local)
    await till.rows("update service set localities = '{Казань}' where code = 'local'")
    assert codes(await quoted(ann, line, local)) == ["INVALID_INPUT"]
    assert codes(await connect(ann, line, local, quote=quote)) == ["INVALID_INPUT"]
    await till.rows("update line set locality = 'Казань' where msisdn = $1", "79030001000")
    assert codes(await connect(ann, line, local, quote=quote)) == []
