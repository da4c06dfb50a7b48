"""When there is no owner: who may claim a household, and what its lines may do meanwhile (F049, E28)."""

from collections.abc import Mapping

import pytest

from auth import cabinet_end
from domain.profile import Profile
from domain.refusals import NotFound
from domain.staff import Staff
from models.audit import TheUser
from models.database import tx
from services import succession
from tests import family
from tests.household import OWNERS, done, households, member, proven, refused, smiths
from tests.till import ANN, BOB, CID, EVE, GRANNY, VERA, Till

STAFF = Staff("Ольга", "свидетельство о смерти", "T-1")
CLAIM = "mutation ($id: ID!) { claimHousehold(input: {householdId: $id}) { household { myRole } userErrors { code"
CLAIM += " ... on OfficeRequired { checklist } } } }"
SCOPES = "{ viewer { linkedNumbers(filter: {own: false}) { edges { node { msisdn myScopes } } } } }"


async def key(till: Till) -> int:
    household: int = await till.value("select id from household where ref = 'smiths'")
    return household


async def gone(till: Till) -> None:
    """Ann's lines have ended, and nobody has seen her for as long as the operator says."""
    number = family.number("beeline", ANN)
    days = till.profiles["beeline"].household.owner_absence_days
    await till.rows("delete from session")
    await till.rows("update line set status = 'TERMINATED' where msisdn = $1", number)
    await till.rows(
        "update app_user set last_signed_in_at = null, created_at = now() - make_interval(days => $1)", days + 1
    )
    await succession.note_absences(till.profiles)


async def nominated(till: Till) -> None:
    ann, bob = await till.of(ANN), await member(till, "bob")
    payload = await done(ann, "nominateSuccessor", householdId=await smiths(till), memberId=bob)
    assert payload["household"]["successor"]["displayName"] == "Bob"


async def test_f049_the_owner_names_an_adult_and_may_think_again(till: Till) -> None:
    ann, household = await till.of(ANN), await smiths(till)
    for name, code in (("cid", "MINOR_NOT_ALLOWED"), ("vera", "FORBIDDEN"), ("ann", "FORBIDDEN")):
        assert await refused(ann, "nominateSuccessor", householdId=household, memberId=await member(till, name)) == code
    assert await refused(ann, "nominateSuccessor", householdId=household, memberId="nonsense") == "NOT_FOUND"
    await nominated(till)
    assert "преемником" in (await till.sent_to(BOB))[-1]
    await done(ann, "changeMemberRole", memberId=await member(till, "bob"), role="VIEWER")
    assert (await households(ann))[0]["successor"] is None
    await done(ann, "changeMemberRole", memberId=await member(till, "bob"), role="ADULT")
    await nominated(till)
    emptied = await done(ann, "nominateSuccessor", householdId=household)
    assert emptied["household"]["successor"] is None


async def test_f049_the_successor_claims_with_a_proof_and_the_operators_word(till: Till) -> None:
    await nominated(till)
    household = await smiths(till)
    assert await refused(await proven(till, BOB), "claimHousehold", householdId=household) == "FORBIDDEN"
    await gone(till)
    assert await refused(await till.of(BOB), "claimHousehold", householdId=household) == "STEP_UP_REQUIRED"
    bob = await proven(till, BOB)
    for index, code in ((VERA, "FORBIDDEN"), (EVE, "NOT_FOUND")):
        assert await refused(await proven(till, index), "claimHousehold", householdId=household) == code
    bob = await proven(till, BOB)
    for _ in range(2):
        [error] = (await bob.data(CLAIM, id=household))["claimHousehold"]["userErrors"]
        assert error == {"code": "OFFICE_REQUIRED", "checklist": list(succession.CHECKLIST)}
    [claim] = await succession.waiting(list(till.profiles))
    assert (claim.id, claim.successor, claim.claim_confirmed_by) == (await key(till), "Bob", None)
    confirmed = await succession.confirm(till.profiles, claim.id, STAFF)
    assert getattr(confirmed, "display_name", None) == "Bob"
    taken = (await bob.data(CLAIM, id=household))["claimHousehold"]
    assert taken == {"household": {"myRole": "OWNER"}, "userErrors": []}
    assert await till.value(OWNERS, await key(till)) == 1
    assert await succession.waiting(list(till.profiles)) == []
    events = await till.rows("select action from audit_event where household_id = $1 order by id", await key(till))
    last = [action for (action,) in events[-3:]]
    assert last == ["HOUSEHOLD_CLAIM_BEGUN", "HOUSEHOLD_CLAIM_CONFIRMED", "HOUSEHOLD_CLAIMED"]
    staff = "select details->>'staff' from audit_event where action = 'HOUSEHOLD_CLAIM_CONFIRMED'"
    assert await till.value(staff) == "Ольга"


async def test_f049_the_papers_of_one_successor_are_not_those_of_another(till: Till) -> None:
    await till.rows("update membership set role = 'ADULT' where role = 'VIEWER'")
    household = await smiths(till)
    await nominated(till)
    await succession.tell_absent(till.profiles, await key(till), STAFF, absent=True)
    assert await refused(await proven(till, BOB), "claimHousehold", householdId=household) == "OFFICE_REQUIRED"
    await succession.confirm(till.profiles, await key(till), STAFF)
    # She is not gone, and thinks again.
    vera = await member(till, "vera")
    await done(await till.of(ANN), "nominateSuccessor", householdId=household, memberId=vera)
    assert await succession.waiting(list(till.profiles)) == []
    assert await refused(await proven(till, VERA), "claimHousehold", householdId=household) == "OFFICE_REQUIRED"
    assert await refused(await proven(till, BOB), "claimHousehold", householdId=household) == "FORBIDDEN"


async def test_e28_without_an_owner_lines_may_be_looked_at_and_paid_for(till: Till) -> None:
    async def scopes(index: int) -> dict[str, set[str]]:
        edges = (await (await till.of(index)).data(SCOPES))["viewer"]["linkedNumbers"]["edges"]
        return {edge["node"]["msisdn"]: set(edge["node"]["myScopes"]) for edge in edges}

    granny, cid = family.number("beeline", GRANNY), family.number("beeline", CID)
    before = await scopes(BOB)
    assert {"VIEW", "PAY", "AUTOPAY", "SERVICES"} <= before[granny]
    await gone(till)
    during = await scopes(BOB)
    assert (during[granny], during[cid]) == ({"VIEW", "PAY"}, {"VIEW", "PAY"})
    bob, household = await till.of(BOB), await smiths(till)
    await till.rows("update household set adults_invite = true")
    given = {"householdId": household, "msisdn": family.number("beeline", EVE), "role": "VIEWER"}
    assert await refused(bob, "inviteMember", **given) == "OWNER_ABSENT"
    # Who leaves may: nobody is held.
    await done(await till.of(VERA), "leaveHousehold", householdId=household)
    # An owner who comes back is the owner.
    await till.of(ANN)
    await succession.note_absences(till.profiles)
    assert await scopes(BOB) == before


@pytest.mark.parametrize("still", ["a line", "a visit"])
async def test_e28_who_has_a_line_or_was_here_is_not_absent(till: Till, still: str) -> None:
    await gone(till)
    await till.rows("update household set owner_absent_since = null")
    if still == "a line":
        await till.rows("update line set status = 'ACTIVE' where msisdn = $1", family.number("beeline", ANN))
    else:
        await till.of(ANN)
    await succession.note_absences(till.profiles)
    assert await till.value("select owner_absent_since from household where ref = 'smiths'") is None


async def test_e28_the_operator_says_that_an_owner_died_or_did_not(till: Till) -> None:
    household = await key(till)
    nobody = await succession.tell_absent(till.profiles, household + 999, STAFF, absent=True)
    assert isinstance(nobody, NotFound)
    await succession.tell_absent(till.profiles, household, STAFF, absent=True)
    assert (await households(await till.of(BOB)))[0]["ownerAbsent"] is True
    # A rule does not take back what the operator said.
    await succession.note_absences(till.profiles)
    assert (await households(await till.of(BOB)))[0]["ownerAbsent"] is True
    refusal = await succession.confirm(till.profiles, household, STAFF)
    assert getattr(refusal, "code", None) == "FORBIDDEN"
    await succession.tell_absent(till.profiles, household, STAFF, absent=False)
    assert (await households(await till.of(BOB)))[0]["ownerAbsent"] is False


async def test_e28_an_owner_whose_cabinet_ends_is_absent_and_stays_the_owner(
    till: Till, profiles: Mapping[str, Profile]
) -> None:
    await nominated(till)
    ann = await till.value("select user_id from login where value = $1", family.number("beeline", ANN))
    actor = TheUser("beeline", ann)
    await tx(lambda connection: cabinet_end.end(connection, profiles["beeline"], actor, "CABINET_DELETED"))
    assert await till.value(OWNERS, await key(till)) == 1
    assert (await households(await till.of(BOB)))[0]["ownerAbsent"] is True
    bob = await proven(till, BOB)
    assert await refused(bob, "claimHousehold", householdId=await smiths(till)) == "OFFICE_REQUIRED"
