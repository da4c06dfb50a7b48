"""Households: founding, roles, removal, leaving, dissolving, spending (F050, F052, F160; E18, E27, E31, E34, E58)."""

from datetime import date
from typing import Any

import pytest

from domain.access import HouseholdRole
from domain.household import household_name, invites, spoken
from tests import family
from tests.household import HOUSEHOLD, do, done, households, member, refused, smiths
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

LINKS = """
select l.status, l.primary_slot from number_link l join line on line.id = l.line_id where line.msisdn = $1 order by l.id
"""
LINK = """
insert into number_link
  (household_id, line_id, kind, status, scopes, sim_epoch, contract_epoch, primary_slot, requested_at, confirmed_at)
select h.id, l.id, 'PRIMARY', 'ACTIVE', $2::text[], 1, 1, l.id, now(), now() from household h, line l
where h.ref = 'smiths' and l.msisdn = $1 returning id
"""
LIMIT = """
insert into usage_limit (line_id, unit, per, amount, on_reach, set_by_id, set_at)
select l.id, 'MONEY', case $3::text when '100' then 'DAY' else 'WEEK' end, $3::text::bigint, 'NOTIFY', s.user_id, now()
from line l, line s where l.msisdn = $1 and s.msisdn = $2 returning id
"""
RULE = """
with method as (
  insert into payment_method (operator, user_id, kind, provider, reference, shared, created_at)
  select 'beeline', id, 'CARD', 'bank', gen_random_uuid()::text, false, now() from app_user where id = $1 returning id
)
insert into autopay_rule (operator, user_id, account_id, named, trigger, currency, amount, threshold, method_id, active,
  armed, round, failures, created_at)
select 'beeline', $1, $2, '***', 'BALANCE_BELOW', 'RUB', 10000, 5000, id, true, true, 1, 0, now() from method
returning id
"""
PENDING = """
insert into payment (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee, refunded,
  method_kind, save_method, provider, provider_key, confirmation, created_at, check_at, checks)
values ('beeline', $1, 'k', '', 'TOP_UP', 'PROCESSING', $2, '***', 'RUB', 10000, 0, 0, 'CARD', false, 'bank',
  gen_random_uuid(), 'NONE', now(), now() + interval '1 hour', 0)
"""
USER = "select user_id from line where msisdn = $1"
AUDIT = "select action from audit_event where household_id = $1 order by id"


async def user(till: Till, index: int) -> int:
    key: int = await till.value(USER, family.number("beeline", index))
    return key


async def test_f050_somebody_founds_a_household_and_owns_it(till: Till) -> None:
    eve = await till.of(EVE)
    founded = (await done(eve, "createHousehold", name="  Дом   на горе "))["household"]
    assert (founded["name"], founded["myRole"]) == ("Дом на горе", "OWNER")
    assert [one["role"] for one in founded["members"]] == ["OWNER"]
    renamed = await done(eve, "updateHousehold", householdId=founded["id"], name="Дача", adultsMayInviteViewers=True)
    assert (renamed["household"]["name"], renamed["household"]["adultsMayInviteViewers"]) == ("Дача", True)
    for bad in ("", " \n ", "x" * 101, "a\x00b"):
        assert await refused(eve, "createHousehold", name=bad) == "INVALID_INPUT"
        assert await refused(eve, "updateHousehold", householdId=founded["id"], name=bad) == "INVALID_INPUT"


async def test_i2_children_and_people_without_a_number_own_nothing(till: Till) -> None:
    assert await refused(await till.of(CID), "createHousehold", name="x") == "MINOR_NOT_ALLOWED"
    eve = await till.of(EVE)
    await till.rows("update login set kind = 'CUSTOM_LOGIN' where value = $1", family.number("beeline", EVE))
    assert await refused(eve, "createHousehold", name="x") == "FORBIDDEN"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("updateHousehold", {"householdId": "$household", "name": "x"}),
        ("inviteMember", {"householdId": "$household", "msisdn": "79031234567", "role": "ADULT"}),
        ("changeMemberRole", {"memberId": "$vera", "role": "ADULT"}),
        ("removeMember", {"memberId": "$vera"}),
        ("dissolveHousehold", {"householdId": "$household"}),
        ("nominateSuccessor", {"householdId": "$household", "memberId": "$bob"}),
        ("requestOwnershipTransfer", {"householdId": "$household", "toMemberId": "$bob"}),
    ],
)
async def test_f050_only_the_owner_manages_it_and_strangers_find_nothing(
    till: Till, name: str, given: dict[str, str]
) -> None:
    known = {"$household": await smiths(till), "$vera": await member(till, "vera"), "$bob": await member(till, "bob")}
    named = {key: known.get(value, value) for key, value in given.items()}
    for index in (BOB, CID, VERA):
        assert await refused(await till.of(index), name, **named) == "FORBIDDEN", index
    stranger = await till.of(EVE)
    foreign = await do(stranger, name, **named)
    absent = {key: "nonsense" if value in known.values() else value for key, value in named.items()}
    assert foreign == await do(stranger, name, **absent)
    assert foreign["userErrors"][0]["code"] == "NOT_FOUND"
    for level, operator in (("PARTIAL", "beeline"),):
        assert await refused(await till.of(ANN, level, operator), name, **named) == "FORBIDDEN"


async def test_f050_roles_change_but_not_to_owner_nor_out_of_childhood(till: Till) -> None:
    ann = await till.of(ANN)
    vera, cid, own = [await member(till, name) for name in ("vera", "cid", "ann")]
    changed = await done(ann, "changeMemberRole", memberId=vera, role="ADULT")
    assert {one["displayName"]: one["role"] for one in changed["household"]["members"]}["Vera"] == "ADULT"
    assert await refused(ann, "changeMemberRole", memberId=vera, role="OWNER") == "FORBIDDEN"
    assert await refused(ann, "changeMemberRole", memberId=vera, role="CHILD") == "FORBIDDEN"
    assert await refused(ann, "changeMemberRole", memberId=own, role="ADULT") == "FORBIDDEN"
    for role in ("ADULT", "VIEWER"):
        assert await refused(ann, "changeMemberRole", memberId=cid, role=role) == "MINOR_NOT_ALLOWED"
    household = await till.value("select id from household where ref = 'smiths'")
    assert await till.rows(AUDIT, household) == [("MEMBER_ROLE_CHANGED",)]


async def test_f050_birth_dates_and_lines_are_for_those_who_may_see_them(till: Till) -> None:
    def child(seen: list[dict[str, Any]]) -> dict[str, Any]:
        return next(one for one in seen[0]["members"] if one["displayName"] == "Cid")

    for_owner, for_self, for_adult = [child(await households(await till.of(index))) for index in (ANN, CID, BOB)]
    born = date.fromisoformat(for_owner["birthDate"])
    assert for_owner["becomesAdultOn"] == str(born.replace(year=born.year + 18))
    assert for_self["birthDate"] == for_owner["birthDate"]
    assert (for_adult["birthDate"], for_adult["becomesAdultOn"]) == (None, None)
    assert [line["msisdn"] for line in for_owner["lines"]] == [family.number("beeline", CID)]
    assert "LIMITS" in for_owner["scopes"]
    assert "LIMITS" not in for_adult["scopes"]


async def test_e18_e31_whoever_is_removed_takes_their_lines_and_pays_no_more(till: Till) -> None:
    household = await till.value("select id from household where ref = 'smiths'")
    bob, number = await user(till, BOB), family.number("beeline", BOB)
    await till.value(LINK, number, ["VIEW", "PAY", "AUTOPAY"])
    stops = await till.value(RULE, bob, await till.account(GRANNY))
    stays = await till.value(RULE, bob, await till.account(BOB))
    owners = await till.value(RULE, await user(till, ANN), await till.account(BOB))
    await till.rows(
        """insert into link_request (operator, requester_id, household_id, initiator, target, line_id, kind, scopes,
             text, status, created_at, expires_at)
           select 'beeline', $1, $2, 'session:1', msisdn, id, 'PRIMARY', '{VIEW}', '', 'PENDING', now(),
             now() + interval '5 minutes' from line where msisdn = $3""",
        bob,
        household,
        family.number("beeline", EVE),
    )
    payload = await done(await till.of(ANN), "removeMember", memberId=await member(till, "bob"))
    assert [one["displayName"] for one in payload["household"]["members"]] == ["Ann", "Cid", "Vera"]
    assert await till.rows(LINKS, number) == [("REVOKED", None)]
    assert await till.rows(LINKS, family.number("beeline", GRANNY)) == [("ACTIVE", (await _line(till, GRANNY)))]
    active = dict(await till.rows("select id, active from autopay_rule"))
    assert active == {stops: False, stays: True, owners: False}
    assert await households(await till.of(BOB)) == []
    [told] = await till.sent_to(EVE)
    assert "больше не действует" in told
    assert "больше не в семье" in (await till.sent_to(BOB))[-1]
    assert {"MEMBER_REMOVED", "LINK_REVOKED"} <= {action for (action,) in await till.rows(AUDIT, household)}
    # Whoever holds the number reads it (I16).
    assert await till.value("select count(*) from audit_event where subject_id = $1", bob) == 2
    assert await refused(await till.of(ANN), "removeMember", memberId=await member(till, "bob")) == "NOT_FOUND"
    assert await refused(await till.of(ANN), "removeMember", memberId=await member(till, "ann")) == "LAST_OWNER"


async def _line(till: Till, index: int) -> int:
    key: int = await till.value("select id from line where msisdn = $1", family.number("beeline", index))
    return key


async def test_i12_leaving_moves_no_money_and_lets_payments_finish(till: Till) -> None:
    before = await till.rows("select id, balance from ledger_account order by id")
    await till.rows(PENDING, await user(till, BOB), await till.account(GRANNY))
    pending = await till.rows("select id, status, account_id from payment order by id")
    await done(await till.of(BOB), "leaveHousehold", householdId=await smiths(till))
    assert await till.rows("select id, balance from ledger_account order by id") == before
    assert await till.rows("select id, status, account_id from payment order by id") == pending
    assert len(pending) == 1


async def test_e27_the_owner_goes_last_and_a_child_not_by_itself(till: Till) -> None:
    household = await smiths(till)
    assert await refused(await till.of(ANN), "leaveHousehold", householdId=household) == "LAST_OWNER"
    assert await refused(await till.of(CID), "leaveHousehold", householdId=household) == "FORBIDDEN"
    assert await refused(await till.of(EVE), "leaveHousehold", householdId=household) == "NOT_FOUND"
    for index in (BOB, VERA):
        await done(await till.of(index), "leaveHousehold", householdId=household)
        assert await refused(await till.of(index), "leaveHousehold", householdId=household) == "NOT_FOUND"
    assert await refused(await till.of(ANN), "leaveHousehold", householdId=household) == "LAST_OWNER"
    await done(await till.of(ANN), "removeMember", memberId=await member(till, "cid"))
    await done(await till.of(ANN), "leaveHousehold", householdId=household)
    assert await households(await till.of(ANN)) == []
    assert await till.rows("select status from membership where role = 'OWNER'") == [("LEFT",)]


async def test_e34_whoever_leaves_in_silence_is_told_of_by_the_line_alone(till: Till) -> None:
    await till.value(LINK, family.number("beeline", BOB), ["VIEW"])
    household = await till.value("select id from household where ref = 'smiths'")
    await done(await till.of(BOB), "leaveHousehold", householdId=await smiths(till), silent=True)
    assert await till.rows(AUDIT, household) == [("LINK_REVOKED",)]
    [told] = await till.sent_to(ANN)
    assert "больше не привязан" in told
    assert "Bob" not in told
    # In the leaver's own log it stands.
    left = "select count(*) from audit_event where user_id = $1 and action = 'MEMBER_LEFT'"
    assert await till.value(left, await user(till, BOB)) == 1


async def test_f052_a_household_is_dissolved_when_everybody_had_time_to_go(till: Till) -> None:
    ann, household = await till.of(ANN), await smiths(till)
    dissolve = "mutation ($input: DissolveHouseholdInput!) { dissolveHousehold(input: $input) { userErrors {"
    dissolve += " code ... on HouseholdNotEmpty { dissolvesAt } } } }"
    [first] = (await ann.data(dissolve, input={"householdId": household}))["dissolveHousehold"]["userErrors"]
    [again] = (await ann.data(dissolve, input={"householdId": household}))["dissolveHousehold"]["userErrors"]
    assert first == again
    assert first["code"] == "HOUSEHOLD_NOT_EMPTY"
    assert len(await till.sent_to(BOB)) == 1
    assert (await households(ann))[0]["dissolvesAt"] == first["dissolvesAt"]
    # An invitation takes it back: whoever invites does not dissolve.
    await done(ann, "inviteMember", householdId=household, msisdn=family.number("beeline", EVE), role="ADULT")
    assert (await households(ann))[0]["dissolvesAt"] is None
    assert await refused(ann, "dissolveHousehold", householdId=household) == "HOUSEHOLD_NOT_EMPTY"
    assert await till.rows("select status from invitation") == [("CANCELLED",)]
    await till.rows("update household set dissolves_at = now() - interval '1 second'")
    await done(ann, "dissolveHousehold", householdId=household)
    for index in (ANN, BOB, CID, VERA):
        assert await households(await till.of(index)) == []
    assert await till.value("select count(*) from number_link where status = 'ACTIVE' or primary_slot is not null") == 0
    assert "больше не управляет" in (await till.sent_to(GRANNY))[-1]
    assert await refused(ann, "dissolveHousehold", householdId=household) == "NOT_FOUND"


async def test_f048_what_was_laid_down_for_a_child_falls_with_the_household(till: Till) -> None:
    ann, cid, household = await till.of(ANN), await till.line(CID), await smiths(till)
    assert await refused(ann, "dissolveHousehold", householdId=household) == "HOUSEHOLD_NOT_EMPTY"
    for index in (ANN, CID):
        await till.rows(LIMIT, family.number("beeline", CID), family.number("beeline", index), f"{index + 1}00")
    policy = (
        f'mutation {{ setChildPolicy(input: {{lineId: "{cid}", canTopUpSelf: false}}) {{ userErrors {{ code }} }} }}'
    )
    assert (await ann.data(policy))["setChildPolicy"]["userErrors"] == []
    await till.rows("update household set dissolves_at = now() - interval '1 second'")
    await done(ann, "dissolveHousehold", householdId=household)
    # What the child set for itself is its own.
    assert await till.rows("select amount from usage_limit") == [(300,)]
    assert await till.rows("select id from child_policy") == []


async def test_f160_e58_spending_is_told_by_member_and_month_and_never_across_currencies(till: Till) -> None:
    await till.rows("delete from usage_day")
    spent = "insert into usage_day (line_id, day, type, unit, volume, sum) values ($1, $2, $3, 'MONEY', 1, $4)"
    for index, day, kind, minor in (
        (ANN, "2026-09-03", "CALL", 1050), (ANN, "2026-10-01", "SUBSCRIPTION_FEE", 30000),
        (CID, "2026-09-30", "INTERNET", 700), (GRANNY, "2026-09-05", "CALL", 99), (BOB, "2026-09-05", "CALL", 5),
        (ANN, "2026-09-04", "TOP_UP", 50000), (EVE, "2026-09-05", "CALL", 11),
    ):  # fmt: skip
        await till.rows(spent, await _line(till, index), date.fromisoformat(day), kind, minor)
    query = """
query ($period: DateRangeInput) { viewer { household { spending(period: $period) {
  total { amount currency } byMember { member { displayName } total { amount }
  byMonth { month total { amount } } } } } } }
"""
    period = {"from": "2026-09-01", "to": "2026-10-01"}

    async def of(index: int) -> dict[str, Any]:
        data = await (await till.of(index)).data(query, period=period)
        found: dict[str, Any] = data["viewer"]["household"]["spending"]
        return found

    told = await of(ANN)
    # Granny's link has no USAGE, and Bob has given none.
    assert told["total"] == [{"amount": "317.50", "currency": "RUB"}]
    assert told["byMember"] == [
        {
            "member": {"displayName": "Ann"},
            "total": [{"amount": "310.50"}],
            "byMonth": [
                {"month": "2026-09-01", "total": [{"amount": "10.50"}]},
                {"month": "2026-10-01", "total": [{"amount": "300.00"}]},
            ],
        },
        {
            "member": {"displayName": "Cid"},
            "total": [{"amount": "7.00"}],
            "byMonth": [{"month": "2026-09-01", "total": [{"amount": "7.00"}]}],
        },
    ]
    assert [one["member"]["displayName"] for one in (await of(BOB))["byMember"]] == ["Bob"]
    await till.rows("update line set operator = 'life' where id = $1", await _line(till, CID))
    assert [one["currency"] for one in (await of(ANN))["total"]] == ["RUB"]  # beeline lets in no others
    too_long = await (await till.of(ANN)).ask(query, period={"from": "2020-01-01", "to": "2026-01-01"})
    assert "366" in too_long["errors"][0]["message"]


def test_f050_names_in_messages_are_no_way_to_send_links() -> None:
    assert spoken("Иван https://evil.example/1") == "Иван httpsevilexample"
    assert spoken("+++") == "—"
    assert len(spoken("Я" * 200)) == 24
    assert household_name(" a  b ") == "a b"


def test_f050_who_invites_whom() -> None:
    for wanted in HouseholdRole:
        assert invites(HouseholdRole.OWNER, wanted, adults_invite=False) == (wanted is not HouseholdRole.OWNER)
        assert invites(HouseholdRole.ADULT, wanted, adults_invite=True) == (wanted is HouseholdRole.VIEWER)
        for nobody in (HouseholdRole.CHILD, HouseholdRole.VIEWER, None):
            assert not invites(nobody, wanted, adults_invite=True)


async def test_f050_members_are_read_at_once_however_many_there_are(till: Till) -> None:
    cost = (await (await till.of(ANN)).ask(f"{{ viewer {{ households {{ {HOUSEHOLD} }} }} }}"))["extensions"]["hearth"]
    assert cost["batches"]["lines_by_user_id"] == [4]
    assert set(map(len, cost["batches"].values())) == {1}
