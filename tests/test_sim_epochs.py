"""Another SIM, holder or operator: what was agreed with the one before (N3, I7, E13, E14, E22–E26, E30)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateways.sim_registry import RegistryUnavailable
from gateways.simulators.sim_registry import News, SimulatedRegistry
from models.database import tx
from resolvers.node_id import encode
from services import contract_change, fees, link_rest, number_reassignment, porting, sim_change, sim_guard, sim_watch
from tests import family
from tests.cabinet import Cabinet
from tests.holdings import had, have_of_everything
from tests.test_sign_in import REQUEST_CODE, WITH_CODE
from tests.till import ANN, BOB, EVE, GRANNY, Till

NUMBER = partial(family.number, "beeline")
LINES = "{ viewer { linkedNumbers { edges { node { id msisdn isOwn myScopes status } } } } }"
SIGN_IN = """
mutation ($identifier: String!) {
  signInWithPassword(input: {identifier: $identifier, password: "Hearth2026"}) {
    accessToken session { accessLevel } userErrors { code } } }
"""
TRUST = """
mutation ($line: ID!, $password: String!) {
  trustSim(input: {lineId: $line, password: $password}) { line { id } userErrors { code } } }
"""
SET_AUTOPAY = """
mutation ($line: ID!, $method: ID!, $active: Boolean! = true) {
  setAutopay(input: {lineId: $line, trigger: BALANCE_BELOW, threshold: {amount: "50", currency: RUB},
    amount: {amount: "100", currency: RUB}, paymentMethodId: $method, active: $active}) {
    rule { id } userErrors { __typename code ... on CooldownActive { allowedAt } } } }
"""
CARD = """
mutation { addPaymentMethod(input: {kind: CARD, token: "tok_mir_2204"}) { method { id } userErrors { code } } }
"""
LINK = "select status, suspended_reason, primary_slot is not null from number_link where line_id = $1"


async def key(till: Till, index: int) -> int:
    found: int = await till.value("select id from line where msisdn = $1", NUMBER(index))
    return found


async def happens(till: Till, news: Callable[..., Awaitable[Any]], *subjects: int) -> Any:
    """News of the operator's, as one transaction acts on them."""
    return await tx(lambda connection: news(connection, till.profiles["beeline"], *subjects))


async def numbers(cabinet: Cabinet) -> set[str | None]:
    edges = (await cabinet.data(LINES))["viewer"]["linkedNumbers"]["edges"]
    return {edge["node"]["msisdn"] for edge in edges}


async def sign_in_by_code(till: Till, index: int) -> tuple[dict[str, Any], str]:
    visitor = till.anybody.of("beeline")
    asked = (await visitor.data(REQUEST_CODE, identifier=NUMBER(index)))["requestSignInCode"]
    answer = await visitor.data(WITH_CODE, challenge=asked["challenge"]["id"], code=await till.code())
    return answer["signInWithCode"], asked["challenge"]["id"]


async def level(till: Till, index: int) -> str:
    """How far the newest session of a number's user reaches."""
    sql = "select s.access_level from session s join login g using (user_id) where g.value = $1 order by s.id desc"
    found: str = (await till.rows(sql, NUMBER(index)))[0][0]
    return found


async def test_e13_i7_a_new_sim_rests_links_and_voids_codes(till: Till) -> None:
    ann, granny = await till.of(ANN), await key(till, GRANNY)
    visitor = till.anybody.of("beeline")
    asked = (await visitor.data(REQUEST_CODE, identifier=NUMBER(GRANNY)))["requestSignInCode"]
    code = await till.code()
    assert NUMBER(GRANNY) in await numbers(ann)
    assert await happens(till, sim_change.changed, granny)

    assert NUMBER(GRANNY) not in await numbers(ann)
    assert await till.rows(LINK, granny) == [("SUSPENDED", "SIM_CHANGED", True)]
    answer = await visitor.data(WITH_CODE, challenge=asked["challenge"]["id"], code=code)
    assert [error["code"] for error in answer["signInWithCode"]["userErrors"]] == ["CODE_EXPIRED"]
    [rests] = [text for text in await till.sent_to(ANN) if "приостановлен" in text]
    assert NUMBER(GRANNY) not in rests
    logged = await till.rows("select action from audit_event where line_id = $1 order by id", granny)
    assert logged == [("LINK_SUSPENDED",), ("SIM_CHANGED",)]
    # A new consent brings the same link back, of the SIM of now.
    [(link,)] = await till.rows("select id from number_link where line_id = $1", granny)
    assert await tx(lambda connection: link_rest.resume(connection, till.profiles["beeline"], link))
    assert not await tx(lambda connection: link_rest.resume(connection, till.profiles["beeline"], link))
    assert NUMBER(GRANNY) in await numbers(ann)


async def test_e13_autopay_waits_for_a_new_sim_to_cool_down(till: Till) -> None:
    ann = await till.of(ANN)
    await till.rows("update session set stepped_up_at = now()")
    method = (await ann.data(CARD))["addPaymentMethod"]["method"]["id"]
    line = await till.line(ANN)
    await happens(till, sim_change.changed, await key(till, ANN))

    async def told(**more: Any) -> list[dict[str, Any]]:
        answer = (await ann.data(SET_AUTOPAY, line=line, method=method, **more))["setAutopay"]
        errors: list[dict[str, Any]] = answer["userErrors"]
        return errors

    [held_up] = await told()
    assert (held_up["__typename"], held_up["code"]) == ("CooldownActive", "COOLDOWN_ACTIVE")
    waits = datetime.fromisoformat(held_up["allowedAt"]) - datetime.now(UTC)
    assert timedelta(hours=23) < waits <= timedelta(hours=24)
    assert await told(active=False) == []
    await till.rows("update line set sim_changed_at = sim_changed_at - interval '24 hours'")
    assert await told() == []


@pytest.mark.parametrize(
    ("password", "session_is_new", "said"),
    [(family.PASSWORD, False, []), ("wrong", False, ["BAD_CREDENTIALS"]), (family.PASSWORD, True, ["FORBIDDEN"])],
)
async def test_e13_an_old_session_and_the_password_trust_a_new_sim(
    till: Till, password: str, session_is_new: bool, said: list[str]
) -> None:
    ann, line = await till.of(ANN), await till.line(ANN)
    await happens(till, sim_change.changed, await key(till, ANN))
    if session_is_new:
        ann = await till.of(ANN)
    answer = (await ann.data(TRUST, line=line, password=password))["trustSim"]
    assert [error["code"] for error in answer["userErrors"]] == said
    cooling = partial(sim_guard.cooling, profile=till.profiles["beeline"], lines=[await key(till, ANN)])
    assert (await tx(cooling) is None) == (said == [])
    # Somebody else's is nobody's.
    foreign = (await ann.data(TRUST, line=await till.line(EVE), password=family.PASSWORD))["trustSim"]
    assert [error["code"] for error in foreign["userErrors"]] == ["NOT_FOUND"]


async def test_e14_who_signs_in_by_a_new_sim_looks_and_pays(till: Till) -> None:
    before = await till.of(ANN)
    sql = "select user_id from login where value = $1"
    await till.rows(
        "insert into contact (operator, user_id, kind, value, verified_at) values ('beeline', $1, 'EMAIL', $2, now())",
        await till.value(sql, NUMBER(ANN)), "ann@example.org",
    )  # fmt: skip
    await happens(till, sim_change.changed, await key(till, ANN))
    answer, _ = await sign_in_by_code(till, ANN)
    assert answer["userErrors"] == []
    assert await level(till, ANN) == "PARTIAL"
    # The session of before is as it was, and hears of it where the new SIM does not.
    assert NUMBER(ANN) in await numbers(before)
    mails = await till.rows("select body->>'to' from outbox where kind = 'email'")
    assert mails == [("ann@example.org",)] * 2

    # A password that was there before proves more than the SIM; one that came by it does not.
    by_password = partial(till.anybody.of("beeline").data, SIGN_IN, identifier=NUMBER(ANN))
    assert (await by_password())["signInWithPassword"]["session"]["accessLevel"] == "FULL"
    await till.rows(
        "insert into audit_event (operator, user_id, action, details, at) "
        "select 'beeline', user_id, 'PASSWORD_CHANGED', '{}', now() from login where value = $1", NUMBER(ANN),
    )  # fmt: skip
    assert (await by_password())["signInWithPassword"]["session"]["accessLevel"] == "PARTIAL"
    await till.rows("update line set sim_changed_at = sim_changed_at - interval '24 hours'")
    assert (await by_password())["signInWithPassword"]["session"]["accessLevel"] == "FULL"


async def test_e23_a_number_that_leaves_rests_and_then_ends_its_links(till: Till) -> None:
    ann, granny = await till.of(ANN), await key(till, GRANNY)
    assert await happens(till, porting.begun, granny)
    assert not await happens(till, porting.begun, granny)
    assert await till.rows(LINK, granny) == [("SUSPENDED", "PORTING_OUT", True)]
    assert NUMBER(GRANNY) not in await numbers(ann)
    assert await happens(till, porting.done, granny)
    assert not await happens(till, porting.done, granny)
    assert await till.rows(LINK, granny) == [("TERMINATED", None, False)]
    assert await till.value("select status from line where id = $1", granny) == "PORTED_OUT"


async def test_e24_recycled_number_shows_nothing_of_its_old_holder(till: Till) -> None:
    """Not by any list and not by `node`, to whoever has the number now; and nothing of theirs to the household."""
    ann, granny_before, balance = await till.of(ANN), await till.of(GRANNY), await till.balance(GRANNY)
    old, account = await key(till, GRANNY), await till.account(GRANNY)
    contract = await till.value("select contract_id from personal_account where id = $1", account)
    link = await till.value("select id from number_link where line_id = $1", old)
    service = await have_of_everything(till.url, old)
    new = await happens(till, number_reassignment.reassigned, old)
    assert await happens(till, number_reassignment.reassigned, old) is None

    assert await till.rows(LINK, old) == [("TERMINATED", None, False)]
    # What the line had has ended with it, and nothing was charged for that; its history stays.
    assert await had(till.url, old, new) == []
    assert await till.rows("select line_id, service_id, action, charge from service_event") == [
        (old, service, "DISCONNECT", 0)
    ]
    assert (await fees.charge_due(till.profiles), await till.balance(GRANNY)) == (0, balance)
    assert NUMBER(GRANNY) not in await numbers(ann)
    assert (await granny_before.data(LINES))["viewer"] is None
    epoch = "select c.epoch, l.reissued_at is not null from line l join personal_account a on a.id = l.account_id "
    epoch += "join contract c on c.id = a.contract_id where l.id = $1"
    assert await till.rows(epoch, new) == [(2, True)]

    signed_in, _ = await sign_in_by_code(till, GRANNY)
    assert signed_in["userErrors"] == []
    stranger = till.anybody.of("beeline", signed_in["accessToken"])
    [edge] = (await stranger.data(LINES))["viewer"]["linkedNumbers"]["edges"]
    assert (edge["node"]["id"], edge["node"]["isOwn"]) == (encode("Line", new), True)
    ids = [
        encode(kind, of)
        for kind, of in (("Line", old), ("PersonalAccount", account), ("Contract", contract), ("NumberLink", link))
    ]
    for hidden in ids:
        assert (await stranger.data("query ($id: ID!) { node(id: $id) { id } }", id=hidden))["node"] is None
    everything = """
{ viewer { personalAccounts { edges { node { id payments { totalCount } balance { available { amount } } } } }
  linksToMyNumbers { id } payments { totalCount } auditLog { edges { node { action } } } } }
"""
    seen = (await stranger.data(everything))["viewer"]
    assert [edge["node"]["payments"]["totalCount"] for edge in seen["personalAccounts"]["edges"]] == [0]
    assert (seen["linksToMyNumbers"], seen["payments"]["totalCount"]) == ([], 0)
    assert {edge["node"]["action"] for edge in seen["auditLog"]["edges"]} == {"REGISTERED", "SIGNED_IN"}
    for hidden in (encode("Line", new), edge["node"]["id"]):
        assert (await ann.data("query ($id: ID!) { node(id: $id) { id } }", id=hidden))["node"] is None
    # Nobody wrote to the number about what it used to be.
    assert not any("Smiths" in text for text in await till.sent_to(GRANNY))


@pytest.mark.parametrize("has_email", [True, False])
async def test_e25_the_old_user_keeps_what_else_is_proven(till: Till, has_email: bool) -> None:
    user = await till.value("select user_id from login where value = $1", NUMBER(EVE))
    if has_email:
        await till.rows(
            "insert into contact (operator, user_id, kind, value, verified_at) "
            "values ('beeline', $1, 'EMAIL', 'eve@example.org', now())", user,
        )  # fmt: skip
    await happens(till, number_reassignment.reassigned, await key(till, EVE))
    assert await till.rows("select value from login where user_id = $1", user) == []
    frozen = await till.value("select frozen_at is not null from app_user where id = $1", user)
    assert frozen == (not has_email)
    answer = (await till.anybody.of("beeline").data(SIGN_IN, identifier=NUMBER(EVE)))["signInWithPassword"]
    assert [error["code"] for error in answer["userErrors"]] == ["BAD_CREDENTIALS"]
    # Beeline's people come in by the number of their contract, too: it is not theirs any more, but it named them.
    answer = (await till.anybody.of("beeline").data(SIGN_IN, identifier=f"C{EVE}"))["signInWithPassword"]
    told = [error["code"] for error in answer["userErrors"]]
    assert told == (["ACCOUNT_TERMINATED"] if has_email else ["LOCKED_OUT"])


async def test_e26_another_contract_holder_asks_the_number_again(till: Till) -> None:
    ann, granny = await till.of(ANN), await key(till, GRANNY)
    contract = await till.value(
        "select contract_id from personal_account a join line l on l.account_id = a.id where l.id = $1", granny
    )
    eve = await till.value("select id from person where ref = 'eve'")
    assert await happens(till, contract_change.holder_changed, contract, eve)
    assert not await happens(till, contract_change.holder_changed, contract, eve)
    assert await till.rows(LINK, granny) == [("SUSPENDED", "CONTRACT_CHANGED", True)]
    assert NUMBER(GRANNY) not in await numbers(ann)
    # Whoever uses the number goes on; what its contract's holder may has moved at once.
    edges = (await (await till.of(GRANNY)).data(LINES))["viewer"]["linkedNumbers"]["edges"]
    [own] = [edge["node"] for edge in edges]
    assert "VIEW" in own["myScopes"]
    assert "DOCUMENTS" not in own["myScopes"]
    edges = (await (await till.of(EVE)).data(LINES))["viewer"]["linkedNumbers"]["edges"]
    [held] = [edge["node"] for edge in edges if edge["node"]["msisdn"] == NUMBER(GRANNY)]
    assert held["myScopes"] == ["PAY", "TARIFF", "BLOCK", "DOCUMENTS", "CLOSE"]


async def test_e30_a_transfer_ends_with_the_targets_sim(till: Till) -> None:
    await till.rows(
        "insert into ownership_transfer (household_id, from_member_id, to_member_id, requested_at, expires_at) "
        "select o.household_id, o.id, b.id, now(), now() + interval '1 day' from membership o, membership b, login g "
        "where o.role = 'OWNER' and b.user_id = g.user_id and g.value = $1", NUMBER(BOB),
    )  # fmt: skip
    await happens(till, sim_change.changed, await key(till, ANN))
    assert await till.value("select cancelled_at from ownership_transfer") is None
    await happens(till, sim_change.changed, await key(till, BOB))
    assert await till.value("select cancelled_at from ownership_transfer") is not None


async def test_overdue_links_rest(till: Till) -> None:
    granny = await key(till, GRANNY)
    await till.rows("update number_link set reverify_by = now() where line_id = $1", granny)
    assert await link_rest.rest_overdue(till.profiles) == 1
    assert await link_rest.rest_overdue(till.profiles) == 0
    assert await till.rows(LINK, granny) == [("SUSPENDED", "REVERIFY_OVERDUE", True)]


async def test_news_of_the_registry_are_acted_on_once(till: Till, tmp_path: Path) -> None:
    registry, granny, eve = SimulatedRegistry(tmp_path), await key(till, GRANNY), await key(till, EVE)
    await sim_watch.ask(registry, till.profiles)
    registry.happened(NUMBER(GRANNY), News.SWAP)
    registry.happened(NUMBER(EVE), News.REASSIGN)
    for _ in range(2):
        await sim_guard.refresh(registry, till.profiles["beeline"], lines=[granny])
        await till.rows("update sim_check set asked_at = asked_at - interval '1 hour'")
        await sim_watch.ask(registry, till.profiles)
    assert await till.value("select sim_epoch from line where id = $1", granny) == 2
    assert await till.value("select status from line where id = $1", eve) == "TERMINATED"
    [(line_id, epoch)] = await till.rows("select id, sim_epoch from line where msisdn = $1", NUMBER(EVE))
    assert (line_id != eve, epoch) == (True, 2)
    # The next swap is news again.
    registry.happened(NUMBER(GRANNY), News.SWAP)
    await sim_guard.refresh(registry, till.profiles["beeline"], lines=[granny])
    assert await till.value("select sim_epoch from line where id = $1", granny) == 3


class Silent(SimulatedRegistry):
    async def sim_changed_since(self, asked: Any) -> Any:
        raise RegistryUnavailable("away")


async def test_a_silent_registry_holds_nobody_up_and_is_asked_again(till: Till, tmp_path: Path) -> None:
    granny = await key(till, GRANNY)
    await sim_guard.refresh(Silent(tmp_path), till.profiles["beeline"], lines=[granny])
    with pytest.raises(RegistryUnavailable):
        await sim_watch.ask(Silent(tmp_path), till.profiles)
    assert await till.rows("select 1 from sim_check") == []
