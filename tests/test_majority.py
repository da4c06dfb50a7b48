"""A child comes of age: at local midnight, once, with word of it before (E38, F048, F052)."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import AccessLevel, Grant, HouseholdRole, Scope, Standing, age, scopes
from domain.household import comes_of_age_on, is_of_age
from domain.periods import midnight
from domain.profile import Profile, read_profile
from services import majority
from tests import family
from tests.conftest import ROOT
from tests.household import done, households, refused, smiths
from tests.till import ANN, CID, Till

BORN = date(2008, 2, 29)
DAY = date(2026, 3, 1)
_BEELINE = read_profile(ROOT / "operators/beeline/profile.toml")
SCOPES = "{ viewer { linkedNumbers(filter: {own: false}) { edges { node { msisdn myScopes } } } } }"


def at(till: Till, day: date, seconds: int = 0) -> datetime:
    """That many seconds after midnight where the operator is."""
    return midnight(day, till.profiles["beeline"].operator.zone) + timedelta(seconds=seconds)


async def born(till: Till) -> None:
    await till.rows("update membership set birth_date = $1 where role = 'CHILD'", BORN)


async def test_e38_at_local_midnight_and_not_a_second_earlier_once(till: Till) -> None:
    await born(till)
    assert await majority.come_of_age(till.profiles, at(till, DAY, -1)) == 0
    assert await majority.come_of_age(till.profiles, at(till, DAY)) == 1
    assert await majority.come_of_age(till.profiles, at(till, DAY, 5)) == 0
    [seen] = await households(await till.of(CID))
    assert (seen["myRole"], seen["members"][2]["birthDate"]) == ("ADULT", None)
    said = [text for text in await till.sent_to(CID) if "теперь совершеннолетний" in text]
    assert len(said) == 1
    assert await till.value("select count(*) from audit_event where action = 'CAME_OF_AGE'") == 1
    await done(await till.of(CID), "leaveHousehold", householdId=await smiths(till))


async def test_e38_word_of_it_comes_30_and_3_days_before_to_both(till: Till) -> None:
    await born(till)
    for days, told in ((40, 0), (31, 0), (30, 1), (29, 1), (4, 1), (3, 2), (3, 2), (1, 2)):
        await majority.come_of_age(till.profiles, at(till, DAY - timedelta(days=days), 3600))
        for index in (CID, ANN):
            assert len(await till.sent_to(index)) == told, days


async def test_e38_policies_fall_and_the_owner_looks_and_pays_until_the_new_adult_decides(till: Till) -> None:
    await born(till)
    line = await till.value("select id from line where msisdn = $1", family.number("beeline", CID))
    await till.rows(
        """insert into child_policy (line_id, blocked_categories, quiet_hours, approval_needed_for, can_top_up_self,
             always_allowed_numbers, set_at) values ($1, '{}', '[]', '{}', true, '{}', now())""",
        line,
    )
    limit = """insert into usage_limit (line_id, unit, per, amount, on_reach, set_by_id, set_at)
      select $1, 'MONEY', $2, 1, 'NOTIFY', user_id, now() from login where value = $3"""
    await till.rows(limit, line, "DAY", family.number("beeline", ANN))
    await till.rows(limit, line, "WEEK", family.number("beeline", CID))
    # The household looks after a child without a link too.
    await till.rows("update number_link set status = 'REVOKED', primary_slot = null where line_id = $1", line)
    await majority.come_of_age(till.profiles, at(till, DAY))
    assert await till.value("select count(*) from child_policy") == 0
    assert await till.rows("select per from usage_limit") == [("WEEK",)]
    edges = (await (await till.of(ANN)).data(SCOPES))["viewer"]["linkedNumbers"]["edges"]
    mine = {edge["node"]["msisdn"]: set(edge["node"]["myScopes"]) for edge in edges}[family.number("beeline", CID)]
    # Ann signed the contract, which is another relation.
    assert mine == {"VIEW", "PAY", "TARIFF", "BLOCK", "DOCUMENTS", "CLOSE"}
    link = "select id, scopes, primary_slot from number_link where line_id = $1 and status = 'ACTIVE'"
    [(key, given_, slot)] = await till.rows(link, line)
    assert (given_, slot) == (["VIEW", "PAY"], line)
    assert await till.rows("select scopes, method from consent where link_id = $1", key) == [
        (["VIEW", "PAY"], "CONTRACT_HOLDER")
    ]


async def test_e38_a_link_that_there_was_is_narrowed(till: Till) -> None:
    await born(till)
    line = await till.value("select id from line where msisdn = $1", family.number("beeline", CID))
    await majority.come_of_age(till.profiles, at(till, DAY))
    [(given_,)] = await till.rows("select scopes from number_link where line_id = $1", line)
    assert set(given_) == {"VIEW", "PAY"}


async def test_e38_a_child_of_age_whose_day_nobody_noticed_is_an_adult_by_law(till: Till) -> None:
    """The worker was away: rights are those of the day all the same, and the role may be set by hand."""
    await till.rows("update membership set birth_date = '2000-01-01' where role = 'CHILD'")
    await done(await till.of(CID), "leaveHousehold", householdId=await smiths(till))
    assert await refused(await till.of(CID), "leaveHousehold", householdId=await smiths(till)) == "NOT_FOUND"


@pytest.mark.parametrize("role", [HouseholdRole.OWNER, HouseholdRole.ADULT, HouseholdRole.VIEWER])
def test_e38_from_midnight_on_others_look_and_pay(profiles: dict[str, Profile], role: HouseholdRole) -> None:
    everything = frozenset(Scope) - {Scope.DOCUMENTS, Scope.CLOSE, Scope.MEMBERS}
    grant = Grant(role, scopes=everything, holder_role=HouseholdRole.CHILD, holder_birth_date=BORN)
    for day, looks in ((date(2026, 2, 28), False), (DAY, True)):
        rights = scopes(Standing(grants=(grant,)), AccessLevel.FULL, profiles["beeline"], day)
        assert (rights == {Scope.VIEW, Scope.PAY}) is looks
    without = Grant(role, holder_role=HouseholdRole.CHILD, holder_birth_date=BORN)
    rights = scopes(Standing(grants=(without,)), AccessLevel.FULL, profiles["beeline"], DAY)
    assert rights == ({Scope.VIEW, Scope.PAY} if role is HouseholdRole.OWNER else {Scope.PAY})


@given(st.dates(date(1920, 1, 1), date(2100, 1, 1)))
def test_e38_the_day_is_the_first_on_which_one_is_of_age(day: date) -> None:
    profile = _BEELINE
    adult = comes_of_age_on(day, profile)
    assert is_of_age(day, profile, adult)
    assert not is_of_age(day, profile, adult - timedelta(days=1))
    assert age(day, adult) == profile.household.age_of_majority
