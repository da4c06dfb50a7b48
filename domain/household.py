"""Households: who may do what to whom in them, and what their words look like (SPEC 4.4 MEMBERS, 4.5)."""

from datetime import date

from domain.access import HouseholdRole, age
from domain.profile import Profile

LONGEST_NAME = 100
DISSOLVING_HOURS = 72
"""How long everybody in it knows before a household is dissolved (SPEC 4.5)."""

MAJORITY_NOTICE_DAYS = (30, 3)
"""How many days before it a child's coming of age is told (SPEC 4.5)."""

_LONGEST_SPOKEN = 24


def household_name(text: str) -> str | None:
    """A name of a household as it is kept; None for what is none."""
    name = " ".join(text.split())
    return name if 0 < len(name) <= LONGEST_NAME and name.isprintable() else None


def spoken(display_name: str) -> str:
    """A person's own words for themselves, as strangers read them in a message: nothing that looks like a link."""
    kept = "".join(letter for letter in display_name if letter.isalpha() or letter in " -'’")
    return " ".join(kept.split())[:_LONGEST_SPOKEN].strip() or "—"


def invites(role: HouseholdRole | None, wanted: HouseholdRole, *, adults_invite: bool) -> bool:
    """Whether a member may invite somebody as `wanted`: the owner anybody but an owner, adults a VIEWER if allowed."""
    if wanted is HouseholdRole.OWNER:
        return False
    if role is HouseholdRole.ADULT:
        return adults_invite and wanted is HouseholdRole.VIEWER
    return role is HouseholdRole.OWNER


def is_of_age(born: date | None, profile: Profile, today: date) -> bool:
    """Whether somebody has come of age; who was born when nobody knows is taken for a grown-up."""
    return born is None or age(born, today) >= profile.household.age_of_majority


def comes_of_age_on(born: date, profile: Profile) -> date:
    """The day on which a child becomes an adult, at midnight where the operator is (E38)."""
    year = born.year + profile.household.age_of_majority
    try:
        return born.replace(year=year)
    except ValueError:  # the 29th of February, in a year that has none
        return date(year, 3, 1)


def is_birth_date(born: date, today: date) -> bool:
    """Whether somebody who lives may have been born then."""
    return born <= today and age(born, today) < 130
