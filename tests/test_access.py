"""The table of SPEC 4.4, cell by cell: role, link, session and profile taken together."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.access import AccessLevel, Grant, HouseholdRole, LinkKind, Scope, Standing, needs_approval, scopes
from domain.profile import Profile

TODAY = date(2026, 11, 21)
OWNER, ADULT, CHILD, VIEWER = HouseholdRole.OWNER, HouseholdRole.ADULT, HouseholdRole.CHILD, HouseholdRole.VIEWER
EVERY_SCOPE = frozenset(Scope)

# The table as SPEC prints it: Y always, L where the link has the scope, - never; by column.
COLUMNS = ["own", "child own", "owner on child", "adult on child", "owner on adult", "adult on adult", "viewer"]
TABLE = {
    #                  own  child OonC AonC OonA AonA VIEWER
    Scope.VIEW:       ["Y", "Y",  "Y", "L", "L", "L", "L"],
    Scope.USAGE:      ["Y", "Y",  "Y", "L", "L", "L", "L"],
    Scope.DETAILS:    ["Y", "Y",  "L", "-", "L", "-", "-"],
    Scope.PAY:        ["Y", "Y",  "Y", "Y", "Y", "Y", "Y"],
    Scope.AUTOPAY:    ["Y", "-",  "Y", "L", "L", "L", "-"],
    Scope.SERVICES:   ["Y", "Y",  "Y", "L", "L", "L", "-"],
    Scope.TARIFF:     ["Y", "Y",  "Y", "-", "L", "L", "-"],
    Scope.BLOCK:      ["Y", "Y",  "Y", "L", "L", "L", "-"],
    Scope.LIMITS:     ["Y", "-",  "Y", "L", "L", "-", "-"],
    Scope.TRANSFER:   ["Y", "Y",  "Y", "-", "L", "-", "-"],
    Scope.DOCUMENTS:  ["-", "-",  "-", "-", "-", "-", "-"],
    Scope.CLOSE:      ["-", "-",  "-", "-", "-", "-", "-"],
    Scope.MEMBERS:    ["-", "-",  "-", "-", "-", "-", "-"],
}  # fmt: skip


def column(name: str, link: frozenset[Scope]) -> Standing:
    """How somebody in that column of the table stands to a line, by a link with those scopes."""
    match name:
        case "own":
            return Standing(holds_it=True)
        case "child own":
            return Standing(holds_it=True, is_child=True)
        case "owner on child":
            return Standing(grants=(Grant(OWNER, scopes=link, holder_role=CHILD),))
        case "adult on child":
            return Standing(grants=(Grant(ADULT, scopes=link, holder_role=CHILD),))
        case "owner on adult":
            return Standing(grants=(Grant(OWNER, scopes=link, holder_role=ADULT),))
        case "adult on adult":
            return Standing(grants=(Grant(ADULT, scopes=link, holder_role=ADULT),))
        case _:
            return Standing(grants=(Grant(VIEWER, scopes=link, holder_role=ADULT),))


@pytest.fixture(params=["beeline", "letai", "life", "motiv", "tele2"])
def profile(request: pytest.FixtureRequest, profiles: Mapping[str, Profile]) -> Profile:
    return profiles[request.param]


@pytest.mark.parametrize("index", range(len(COLUMNS)), ids=COLUMNS)
@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("level", list(AccessLevel))
def test_every_cell_of_the_table(profile: Profile, index: int, scope: Scope, level: AccessLevel) -> None:
    cell = TABLE[scope][index]
    for link in (frozenset[Scope](), EVERY_SCOPE, EVERY_SCOPE - {scope}, frozenset({scope})):
        standing = column(COLUMNS[index], link)
        expected = cell == "Y" or (cell == "L" and scope in link)
        if scope is Scope.BLOCK and profile.blocking.contract_holder_only:
            expected = False
        if level is AccessLevel.PARTIAL:
            mine = profile.access.partial_scopes if standing.holds_it else {Scope.PAY}
            expected = expected and scope in mine
        assert (scope in scopes(standing, level, profile, TODAY)) is expected, link


@pytest.mark.parametrize("scope", list(Scope))
def test_contract_holder_pays_and_ends_but_does_not_look(profile: Profile, scope: Scope) -> None:
    held = {Scope.PAY, Scope.TARIFF, Scope.BLOCK, Scope.DOCUMENTS, Scope.CLOSE}
    rights = scopes(Standing(holds_contract=True), AccessLevel.FULL, profile, TODAY)
    assert (scope in rights) is (scope in held)


def test_blocking_is_the_contract_holders_where_the_profile_says_so(profiles: Mapping[str, Profile]) -> None:
    for profile in profiles.values():
        holder = scopes(Standing(holds_it=True, holds_contract=True), AccessLevel.FULL, profile, TODAY)
        user = scopes(Standing(holds_it=True), AccessLevel.FULL, profile, TODAY)
        assert Scope.BLOCK in holder
        assert (Scope.BLOCK in user) is not profile.blocking.contract_holder_only


@pytest.mark.parametrize(
    ("born", "seen"),
    [
        (date(2012, 11, 22), True),  # fourteen tomorrow
        (date(2012, 11, 21), False),  # fourteen today
        (date(2016, 1, 1), True),
        (None, False),
    ],
)
def test_owner_sees_a_childs_details_below_the_age_of_consent(
    profiles: Mapping[str, Profile], born: date | None, seen: bool
) -> None:
    grant = Grant(OWNER, holder_role=CHILD, holder_birth_date=born)
    rights = scopes(Standing(grants=(grant,)), AccessLevel.FULL, profiles["beeline"], TODAY)
    assert (Scope.DETAILS in rights) is seen


def test_owner_looks_after_nobody_who_has_come_of_age(profile: Profile) -> None:
    for born, looked_after in ((date(2008, 11, 22), True), (date(2008, 11, 21), False)):
        grant = Grant(OWNER, holder_role=CHILD, holder_birth_date=born)
        rights = scopes(Standing(grants=(grant,)), AccessLevel.FULL, profile, TODAY)
        assert (Scope.LIMITS in rights) is looked_after
        # Until the new adult decides, the owner keeps looking and paying (SPEC 4.5).
        assert {Scope.VIEW, Scope.PAY} <= rights
        assert looked_after or rights == {Scope.VIEW, Scope.PAY}


def test_e22_line_that_has_ended_is_only_looked_back_on(profile: Profile) -> None:
    grants = (Grant(OWNER, scopes=EVERY_SCOPE, holder_role=ADULT),)
    assert scopes(Standing(grants=grants, has_ended=True), AccessLevel.FULL, profile, TODAY) == frozenset()
    holder = Standing(holds_it=True, holds_contract=True, has_ended=True)
    assert scopes(holder, AccessLevel.FULL, profile, TODAY) == {
        Scope.VIEW, Scope.USAGE, Scope.DETAILS, Scope.DOCUMENTS,
    }  # fmt: skip


def test_i09_details_of_an_adult_follow_from_no_other_scope(profile: Profile) -> None:
    rights = scopes(column("owner on adult", EVERY_SCOPE - {Scope.DETAILS}), AccessLevel.FULL, profile, TODAY)
    assert Scope.DETAILS not in rights


standings = st.builds(
    Standing,
    holds_it=st.booleans(),
    holds_contract=st.booleans(),
    is_child=st.booleans(),
    has_ended=st.booleans(),
    grants=st.lists(
        st.builds(
            Grant,
            role=st.sampled_from(HouseholdRole),
            kind=st.sampled_from(LinkKind),
            scopes=st.frozensets(st.sampled_from(Scope)),
            holder_role=st.none() | st.sampled_from(HouseholdRole),
            holder_birth_date=st.none() | st.dates(date(2005, 1, 1), TODAY),
        ),
        max_size=3,
    ).map(tuple),
)


@given(standing=standings)
def test_i04_secondary_link_gives_at_most_view_usage_and_pay(
    profiles: Mapping[str, Profile], standing: Standing
) -> None:
    by_link = Standing(grants=tuple(grant for grant in standing.grants if grant.kind is LinkKind.SECONDARY))
    rights = scopes(by_link, AccessLevel.FULL, profiles["beeline"], TODAY)
    assert rights <= {Scope.VIEW, Scope.USAGE, Scope.PAY}


@given(standing=standings)
def test_i08_taking_a_factor_away_never_adds_a_right(profiles: Mapping[str, Profile], standing: Standing) -> None:
    for profile in profiles.values():
        full = scopes(standing, AccessLevel.FULL, profile, TODAY)
        assert scopes(standing, AccessLevel.PARTIAL, profile, TODAY) <= full
        for index in range(len(standing.grants)):
            fewer = Standing(
                standing.holds_it,
                standing.holds_contract,
                standing.is_child,
                standing.has_ended,
                standing.grants[:index] + standing.grants[index + 1 :],
            )
            assert scopes(fewer, AccessLevel.FULL, profile, TODAY) <= full


@given(standing=standings)
def test_i15_contract_holders_rights_cannot_be_delegated(profiles: Mapping[str, Profile], standing: Standing) -> None:
    rights = scopes(standing, AccessLevel.FULL, profiles["beeline"], TODAY)
    holder = standing.holds_contract and not standing.is_child
    assert (Scope.DOCUMENTS in rights) is holder
    assert (Scope.CLOSE in rights) is (holder and not standing.has_ended)


def test_child_asks_before_it_spends() -> None:
    child = Standing(holds_it=True, is_child=True)
    assert {scope for scope in Scope if needs_approval(child, scope)} == {Scope.SERVICES, Scope.TARIFF, Scope.TRANSFER}
    assert not any(needs_approval(Standing(holds_it=True), scope) for scope in Scope)
