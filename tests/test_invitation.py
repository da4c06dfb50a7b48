"""Invitations: to whom, by whom, and that nobody else can use one (F050, F161; I5, I11, E32, E33, E39)."""

import asyncio
from datetime import date, timedelta

import pytest

from tests import family
from tests.cabinet import Cabinet
from tests.household import do, done, households, link, refused, smiths
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

MINE = "{ viewer { invitations { id householdName invitedBy role } } }"


async def invite(till: Till, index: int = EVE, role: str = "ADULT", **more: object) -> str:
    """The token that somebody gets from Ann."""
    number = family.number("beeline", index)
    payload = await done(
        await till.of(ANN), "inviteMember", householdId=await smiths(till), msisdn=number, role=role, **more
    )
    assert payload["invitation"]["targetMasked"] == f"***{number[-4:]}"
    return await link(till)


async def mine(cabinet: Cabinet) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (await cabinet.data(MINE))["viewer"]["invitations"]
    return found


async def test_f050_somebody_is_invited_and_joins(till: Till) -> None:
    token = await invite(till)
    eve = await till.of(EVE)
    [seen] = await mine(eve)
    assert (seen["householdName"], seen["invitedBy"], seen["role"]) == ("Smiths", "Ann", "ADULT")
    joined = (await done(eve, "acceptInvitation", invitation={"token": token}))["household"]
    assert (joined["name"], joined["myRole"]) == ("Smiths", "ADULT")
    assert await mine(eve) == []
    assert "теперь в семье" in (await till.sent_to(ANN))[-1]
    assert await refused(eve, "acceptInvitation", invitation={"token": token}) == "INVITATION_EXPIRED"


async def test_e33_forwarded_used_expired_and_unknown_ones_are_answered_alike(till: Till) -> None:
    token = await invite(till)
    eve, granny = await till.of(EVE), await till.of(GRANNY)
    [seen] = await mine(eve)
    unknown = await do(granny, "acceptInvitation", invitation={"token": "x" * 43})
    assert unknown["userErrors"][0]["code"] == "INVITATION_EXPIRED"
    for named in ({"token": token}, {"invitationId": seen["id"]}, {"invitationId": "nonsense"}, {"token": ""}):
        assert await do(granny, "acceptInvitation", invitation=named) == unknown
        assert (await do(granny, "declineInvitation", invitation=named))["userErrors"] == unknown["userErrors"]
    assert await mine(granny) == []
    await till.rows("update invitation set expires_at = now()")
    assert await do(eve, "acceptInvitation", invitation={"token": token}) == unknown
    assert await mine(eve) == []
    again = await invite(till)
    await done(eve, "acceptInvitation", invitation={"token": again})


async def test_f161_the_newest_counts_and_may_be_taken_back_or_declined(till: Till) -> None:
    ann, eve = await till.of(ANN), await till.of(EVE)
    first = await invite(till)
    second = await invite(till, role="VIEWER")
    assert await refused(eve, "acceptInvitation", invitation={"token": first}) == "INVITATION_EXPIRED"
    [[open_]] = [found["invitations"] for found in await households(ann)]
    assert open_["role"] == "VIEWER"
    for index in (BOB, EVE):
        assert await refused(await till.of(index), "cancelInvitation", invitationId=open_["id"]) == "NOT_FOUND"
    await done(ann, "cancelInvitation", invitationId=open_["id"])
    await done(ann, "cancelInvitation", invitationId=open_["id"])
    assert await refused(eve, "acceptInvitation", invitation={"token": second}) == "INVITATION_EXPIRED"
    third = await invite(till)
    await done(eve, "declineInvitation", invitation={"token": third})
    assert await refused(eve, "acceptInvitation", invitation={"token": third}) == "INVITATION_EXPIRED"
    assert await till.rows("select status from invitation order by id") == [
        ("CANCELLED",),
        ("CANCELLED",),
        ("DECLINED",),
    ]


async def test_i11_the_answer_does_not_tell_who_has_a_cabinet(till: Till) -> None:
    ann, household = await till.of(ANN), await smiths(till)
    told = []
    for number in (family.number("beeline", EVE), "79035550000", family.number("beeline", BOB)):
        payload = await done(ann, "inviteMember", householdId=household, msisdn=number, role="VIEWER")
        told.append({key: value for key, value in payload["invitation"].items() if key in ("role", "status")})
        await done(ann, "cancelInvitation", invitationId=payload["invitation"]["id"])
    assert told[0] == told[1] == told[2]
    assert await till.value("select count(*) from outbox where body->>'text' like '%invitation?token=%'") == 3


async def test_f050_by_an_address_that_is_proven(till: Till) -> None:
    ann, household = await till.of(ANN), await smiths(till)
    payload = await done(ann, "inviteMember", householdId=household, email=" Eve@Example.org ", role="ADULT")
    assert payload["invitation"]["targetMasked"] == "e***@example.org"
    token, eve = await link(till), await till.of(EVE)
    bind = """
insert into contact (operator, user_id, kind, value, verified_at)
select 'beeline', user_id, 'EMAIL', 'eve@example.org', $2 from login where value = $1
"""
    await till.rows(bind, family.number("beeline", EVE), None)
    assert await refused(eve, "acceptInvitation", invitation={"token": token}) == "INVITATION_EXPIRED"
    await till.rows("update contact set verified_at = now()")
    await done(eve, "acceptInvitation", invitation={"token": token})


async def test_f050_adults_invite_viewers_where_the_owner_allows(till: Till) -> None:
    ann, bob, household = await till.of(ANN), await till.of(BOB), await smiths(till)
    given = {"householdId": household, "msisdn": family.number("beeline", EVE)}
    assert await refused(bob, "inviteMember", role="VIEWER", **given) == "FORBIDDEN"
    await done(ann, "updateHousehold", householdId=household, adultsMayInviteViewers=True)
    for role in ("ADULT", "OWNER"):
        assert await refused(bob, "inviteMember", role=role, **given) == "FORBIDDEN"
    assert await refused(await till.of(VERA), "inviteMember", role="VIEWER", **given) == "FORBIDDEN"
    await done(bob, "inviteMember", role="VIEWER", **given)
    # What is not allowed any more is not accepted any more.
    await done(ann, "updateHousehold", householdId=household, adultsMayInviteViewers=False)
    token = await link(till)
    assert await refused(await till.of(EVE), "acceptInvitation", invitation={"token": token}) == "INVITATION_EXPIRED"


async def test_i2_nobody_is_invited_as_an_owner_and_grown_ups_are_no_children(till: Till) -> None:
    ann, household = await till.of(ANN), await smiths(till)
    given = {"householdId": household, "msisdn": family.number("beeline", EVE)}
    assert await refused(ann, "inviteMember", role="OWNER", **given) == "FORBIDDEN"
    child, today = {"role": "CHILD", **given}, date.today()
    for born in (None, "1990-01-01", str(today + timedelta(days=2)), "1850-01-01"):
        assert await refused(ann, "inviteMember", birthDate=born, **child) == "INVALID_INPUT", born
    assert await refused(ann, "inviteMember", householdId=household, role="ADULT") == "INVALID_INPUT"
    both = {"msisdn": given["msisdn"], "email": "a@example.org"}
    assert await refused(ann, "inviteMember", householdId=household, role="ADULT", **both) == "INVALID_INPUT"
    # What the operator knows of somebody's age counts before what a relative says.
    token = await invite(till, role="CHILD", birthDate=str(today - timedelta(days=3000)))
    await till.rows("update person set birth_date = '1990-01-01' where ref = 'eve'")
    eve = await till.of(EVE)
    assert await refused(eve, "acceptInvitation", invitation={"token": token}) == "FORBIDDEN"
    await till.rows("update person set birth_date = $1 where ref = 'eve'", today - timedelta(days=3000))
    grown_up = await invite(till, role="ADULT")
    assert await refused(eve, "acceptInvitation", invitation={"token": grown_up}) == "MINOR_NOT_ALLOWED"


async def test_e32_i5_joining_leaves_the_other_household_as_it_was(till: Till) -> None:
    eve = await till.of(EVE)
    own = (await done(eve, "createHousehold", name="Own"))["household"]
    sql = "select m.household_id, m.user_id, m.role, m.status, m.joined_at from membership m where household_id <> $1"
    joined = await till.value("select id from household where ref = 'smiths'")
    before = await till.rows(sql, joined)
    links = await till.rows("select * from number_link order by id")
    token = await invite(till)
    await done(eve, "acceptInvitation", invitation={"token": token})
    assert [found["id"] for found in await households(eve)] == [own["id"], await smiths(till)]
    assert await till.rows(sql, joined) == before
    assert await till.rows("select * from number_link order by id") == links
    assert await refused(eve, "acceptInvitation", invitation={"token": await invite(till)}) == "ALREADY_IN_HOUSEHOLD"


async def test_e39_two_parents_cannot_both_have_the_child(till: Till) -> None:
    granny = await till.of(GRANNY)
    other = (await done(granny, "createHousehold", name="Granny's"))["household"]
    given = {"role": "CHILD", "birthDate": str(date.today() - timedelta(days=4000))}
    number = family.number("beeline", CID)
    cid = await till.of(CID)
    await done(granny, "inviteMember", householdId=other["id"], msisdn=number, **given)
    assert await refused(cid, "acceptInvitation", invitation={"token": await link(till)}) == "FORBIDDEN"
    # Nor once it is in no household, while the holder of its contract has another one.
    await till.rows("update membership set status = 'REMOVED' where role = 'CHILD'")
    assert await refused(cid, "acceptInvitation", invitation={"token": await link(till)}) == "FORBIDDEN"


async def test_f050_a_household_holds_so_many_even_when_all_join_at_once(till: Till) -> None:
    ann, household = await till.of(ANN), await smiths(till)
    tokens = [await invite(till, index) for index in (EVE, GRANNY)]
    given = {"householdId": household, "role": "VIEWER"}
    assert await refused(ann, "inviteMember", msisdn="79035550001", **given) == "LIMIT_EXCEEDED"
    most = till.profiles["beeline"].household.max_members
    assert most == 6
    await till.rows("insert into person (operator, ref, name) values ('beeline', 'sixth', 'Sixth')")
    await till.rows(
        """insert into app_user (operator, person_id, display_name, language, must_change_password, created_at)
           select 'beeline', id, 'Sixth', 'ru', false, now() from person where ref = 'sixth'"""
    )
    await till.rows(
        """insert into membership (household_id, user_id, role, status, joined_at)
           select h.id, u.id, 'VIEWER', 'ACTIVE', now() from household h, app_user u
           where h.ref = 'smiths' and u.display_name = 'Sixth'"""
    )
    both = [await till.of(index) for index in (EVE, GRANNY)]
    answers = await asyncio.gather(
        *(do(one, "acceptInvitation", invitation={"token": token}) for one, token in zip(both, tokens, strict=True))
    )
    codes = sorted(error["code"] for answer in answers for error in answer["userErrors"])
    assert codes == ["LIMIT_EXCEEDED"]


async def test_e16_a_number_is_not_flooded(till: Till) -> None:
    most = till.profiles["beeline"].auth.otp.max_sms_per_number_per_hour
    for _ in range(most):
        await invite(till)
    ann, household = await till.of(ANN), await smiths(till)
    number = family.number("beeline", EVE)
    assert await refused(ann, "inviteMember", householdId=household, msisdn=number, role="ADULT") == "RATE_LIMITED"


@pytest.mark.parametrize("level", ["PARTIAL"])
async def test_f029_sessions_that_the_network_opened_join_nothing(till: Till, level: str) -> None:
    token = await invite(till)
    eve = await till.of(EVE, level)
    assert await mine(eve) == []
    assert await refused(eve, "acceptInvitation", invitation={"token": token}) == "FORBIDDEN"
