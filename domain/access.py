"""Who may do what with a line or a personal account (SPEC 4.4); the only place that decides.

Effective right = role in the household ∧ scopes of the link ∧ level of the session ∧ operator profile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The profile names scopes, so it imports this module; here it is only a type.
    from domain.profile import Profile


NOBODY = -1
"""The id of no user: whoever reads as this one sees nothing."""


class Scope(StrEnum):
    """A right over one line or personal account (SPEC 4.4)."""

    VIEW = "VIEW"
    USAGE = "USAGE"
    DETAILS = "DETAILS"
    PAY = "PAY"
    AUTOPAY = "AUTOPAY"
    SERVICES = "SERVICES"
    TARIFF = "TARIFF"
    BLOCK = "BLOCK"
    LIMITS = "LIMITS"
    TRANSFER = "TRANSFER"
    DOCUMENTS = "DOCUMENTS"
    CLOSE = "CLOSE"
    MEMBERS = "MEMBERS"


class HouseholdRole(StrEnum):
    """A member's place in a household."""

    OWNER = "OWNER"
    ADULT = "ADULT"
    CHILD = "CHILD"
    VIEWER = "VIEWER"


class AccessLevel(StrEnum):
    """How far a session reaches: PARTIAL comes from network sign-in and may look and pay (F029)."""

    FULL = "FULL"
    PARTIAL = "PARTIAL"


class LinkKind(StrEnum):
    """PRIMARY: the household that looks after the line; SECONDARY: another that may look and pay (N4)."""

    PRIMARY = "PRIMARY"
    SECONDARY = "SECONDARY"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one household lets the viewer do with a line.

    `role` is the viewer's; `holder_role` that of whoever holds the line, where they are a member too.
    `scopes` are the link's; empty where there is no link (an owner looks after a child's line without one).
    `is_fresh`: it was made a short while ago by a code that somebody else may have talked its holder out of (E15).
    `owner_absent`: nobody decides in the household at the moment.
    """

    role: HouseholdRole
    kind: LinkKind = LinkKind.PRIMARY
    scopes: frozenset[Scope] = frozenset()
    holder_role: HouseholdRole | None = None
    holder_birth_date: date | None = None
    is_fresh: bool = False
    owner_absent: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the viewer stands to a line: the four relations of SPEC 4.1, never merged.

    `holds_it`: the viewer's SIM, or the viewer's service where no person holds one (internet, TV).
    `holds_contract`: the viewer signed the contract. `is_child`: the viewer is a child of a household.
    `has_ended`: the line or its contract was terminated, or the number ported out.
    """

    holds_it: bool = False
    holds_contract: bool = False
    is_child: bool = False
    has_ended: bool = False
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """One column of the table in SPEC 4.4: given to everybody in it, and given where the link has the scope."""

    always: frozenset[Scope]
    by_link: frozenset[Scope]


_S = Scope
_CONTRACT_ONLY = frozenset({_S.DOCUMENTS, _S.CLOSE})
_OWN = frozenset(
    {
        _S.VIEW,
        _S.USAGE,
        _S.DETAILS,
        _S.PAY,
        _S.AUTOPAY,
        _S.SERVICES,
        _S.TARIFF,
        _S.BLOCK,
        _S.LIMITS,
        _S.TRANSFER,
    }
)
# A child asks its owner before SERVICES, TARIFF and TRANSFER take effect: `needs_approval` says so.
_OWN_AS_CHILD = _OWN - {_S.AUTOPAY, _S.LIMITS}
_ASKED_BY_CHILD = frozenset({_S.SERVICES, _S.TARIFF, _S.TRANSFER})
_CONTRACT_HOLDER = frozenset({_S.PAY, _S.TARIFF, _S.BLOCK}) | _CONTRACT_ONLY
# What is left of a line that has ended is its holder's to look back on (E22, E23).
_LOOKING_BACK = frozenset({_S.VIEW, _S.USAGE, _S.DETAILS, _S.DOCUMENTS})
_SECONDARY = frozenset({_S.VIEW, _S.USAGE, _S.PAY})
_PAY = frozenset({_S.PAY})
# What a victim who read a code aloud would lose at once (E15).
NOT_AT_ONCE = frozenset({_S.AUTOPAY, _S.DETAILS})
# What stays of a household's rights while it has no owner (E28), and over a child who has just come of age (4.5).
_LOOK_AND_PAY = frozenset({_S.VIEW, _S.PAY})
_NOTHING: frozenset[Scope] = frozenset()

_ON_CHILD = {
    HouseholdRole.OWNER: _Row(_OWN - {_S.DETAILS}, frozenset({_S.DETAILS})),
    HouseholdRole.ADULT: _Row(_PAY, frozenset({_S.VIEW, _S.USAGE, _S.AUTOPAY, _S.SERVICES, _S.BLOCK, _S.LIMITS})),
    HouseholdRole.VIEWER: _Row(_PAY, frozenset({_S.VIEW, _S.USAGE})),
    HouseholdRole.CHILD: _Row(_NOTHING, _NOTHING),
}
_ON_ADULT = {
    HouseholdRole.OWNER: _Row(_PAY, _OWN),
    HouseholdRole.ADULT: _Row(_PAY, frozenset({_S.VIEW, _S.USAGE, _S.AUTOPAY, _S.SERVICES, _S.TARIFF, _S.BLOCK})),
    HouseholdRole.VIEWER: _Row(_PAY, frozenset({_S.VIEW, _S.USAGE})),
    HouseholdRole.CHILD: _Row(_NOTHING, _NOTHING),
}


def scopes(standing: Standing, level: AccessLevel, profile: Profile, today: date) -> frozenset[Scope]:
    """The rights that are left when role, link, session and profile have all had their say (SPEC 4.4, I8)."""
    rights = _by_relation(standing, profile, today)
    if profile.blocking.contract_holder_only and not standing.holds_contract:
        rights -= {Scope.BLOCK}
    if level is AccessLevel.PARTIAL:
        rights &= frozenset(profile.access.partial_scopes) if standing.holds_it else _PAY
    return rights


def payments_seen(standing: Standing, level: AccessLevel, profile: Profile, today: date) -> bool:
    """Whether the viewer sees who paid what into this: its holder does, and who owns the household of a child (4.4).

    Everybody sees what they paid themselves; a PARTIAL session sees no history at all.
    """
    if level is AccessLevel.PARTIAL:
        return False
    return standing.holds_it or any(_looks_after(grant, profile, today) for grant in standing.grants)


def takes_promises(standing: Standing, level: AccessLevel, profile: Profile, today: date) -> bool:
    """Whether the viewer may have money on trust for this: who uses it, and who owns the household of a child (E48).

    To manage somebody's number or to pay for it is not enough: it is the number that owes.
    """
    return payments_seen(standing, level, profile, today)


def spends_balance(standing: Standing, level: AccessLevel) -> bool:
    """Whether the viewer may give away the money on this (F082): who uses it, in a session of their own, no child.

    PAY is a right to give, and never to take. A child's money is its parents', whom nobody asked.
    """
    return level is AccessLevel.FULL and standing.holds_it and not standing.is_child and not standing.has_ended


def asks_to_spend(standing: Standing, level: AccessLevel) -> bool:
    """Whether the viewer is the child that uses this, and may give its money away once the owner agrees (F053)."""
    return level is AccessLevel.FULL and standing.holds_it and standing.is_child and not standing.has_ended


def widget_scopes(standing: Standing, profile: Profile, today: date) -> frozenset[Scope]:
    """What a widget has of its owner's rights over its one line: to look at it (N13)."""
    return scopes(standing, AccessLevel.FULL, profile, today) & frozenset({Scope.VIEW})


def holds_keys(level: AccessLevel, *, by_staff: bool) -> bool:
    """Whether a session may touch the ways into the cabinet: passwords, logins, contacts, fresh proofs, its end.

    A session that the network opened may not, since it would make itself a full one (F029); nor an employee's, who
    acts for the user and must not become them (E60).
    """
    return level is AccessLevel.FULL and not by_staff


def sees_links(role: HouseholdRole | None) -> bool:
    """Whether a member sees which numbers the household is linked to, and by whose consent; None: no member."""
    return role in (HouseholdRole.OWNER, HouseholdRole.ADULT)


def sees_pool(role: HouseholdRole | None) -> bool:
    """Whether a member sees what is in the pool of the household's gigabytes (F156); a VIEWER looks at single lines."""
    return role in (HouseholdRole.OWNER, HouseholdRole.ADULT, HouseholdRole.CHILD)


def shares_pool(role: HouseholdRole | None, rights: frozenset[Scope]) -> bool:
    """Whether a member says how much of the pool a line may take (F156): the owner, an adult who limits the line."""
    return role is HouseholdRole.OWNER or (role is HouseholdRole.ADULT and Scope.LIMITS in rights)


def ends_link(role: HouseholdRole | None, *, uses_number: bool, asked_for_it: bool) -> bool:
    """Whether somebody may end a link: who uses the number always, the owner, and an adult who had asked (4.4)."""
    return uses_number or role is HouseholdRole.OWNER or (role is HouseholdRole.ADULT and asked_for_it)


def delegable(scopes: frozenset[Scope], kind: LinkKind) -> bool:
    """Whether a link of this kind may have these scopes: what is the contract holder's alone is in none (I4, I15)."""
    return bool(scopes) and scopes <= (_SECONDARY if kind is LinkKind.SECONDARY else _OWN)


def unblocks(standing: Standing, level: AccessLevel, profile: Profile, today: date) -> bool:
    """Whether the viewer may let a blocked line work again (4.4): who holds it, its contract's holder, or the owner of
    a household that may block it. A child blocks what is lost, and does not undo it; nor does another adult.
    """
    if standing.is_child or Scope.BLOCK not in scopes(standing, level, profile, today):
        return False
    if standing.holds_it or standing.holds_contract:
        return True
    owned = tuple(grant for grant in standing.grants if grant.role is HouseholdRole.OWNER)
    return Scope.BLOCK in scopes(Standing(grants=owned), level, profile, today)


def needs_approval(standing: Standing, scope: Scope) -> bool:
    """Whether the viewer has `scope` only as a question to the owner of the household (A in SPEC 4.4)."""
    return standing.holds_it and standing.is_child and scope in _ASKED_BY_CHILD


def proves_for_tariff(standing: Standing, profile: Profile, today: date) -> bool:
    """Whether changing the tariff needs a fresh proof (S in SPEC 4.4): where the right comes by a link to an adult's
    line, and by nothing else.
    """
    of_children = tuple(grant for grant in standing.grants if grant.holder_role is HouseholdRole.CHILD)
    own = replace(standing, grants=of_children)
    return Scope.TARIFF not in scopes(own, AccessLevel.FULL, profile, today)


def _by_relation(standing: Standing, profile: Profile, today: date) -> frozenset[Scope]:
    rights = _NOTHING
    if standing.holds_it:
        rights |= _OWN_AS_CHILD if standing.is_child else _OWN
    if standing.holds_contract and not standing.is_child:
        rights |= _CONTRACT_HOLDER
    if standing.has_ended:
        return rights & _LOOKING_BACK
    for grant in standing.grants:
        rights |= _by_grant(grant, profile, today)
    return rights


def _by_grant(grant: Grant, profile: Profile, today: date) -> frozenset[Scope]:
    by_link = grant.scopes - NOT_AT_ONCE if grant.is_fresh else grant.scopes
    years = _years(grant.holder_birth_date, today)
    # From the day of majority nobody looks after the line without its holder's consent, whatever the role still says.
    grown_up = years is not None and years >= profile.household.age_of_majority
    if grant.holder_role is HouseholdRole.CHILD and not grown_up:
        row = _ON_CHILD[grant.role]
        rights = row.always | (row.by_link & by_link)
        below_consent_age = years is not None and years < profile.household.own_consent_age
        if grant.role is HouseholdRole.OWNER and below_consent_age:
            rights |= {Scope.DETAILS}
    elif grant.holder_role is HouseholdRole.CHILD:
        row = _ON_ADULT[grant.role]
        rights = (row.always | (row.by_link & by_link)) & _LOOK_AND_PAY
        if grant.role is HouseholdRole.OWNER:
            rights |= _LOOK_AND_PAY
    else:
        row = _ON_ADULT[grant.role]
        rights = row.always | (row.by_link & by_link)
        if not profile.household.details_scope_for_adults:
            rights -= {Scope.DETAILS}
    if grant.owner_absent:
        rights &= _LOOK_AND_PAY
    return rights & _SECONDARY if grant.kind is LinkKind.SECONDARY else rights


def _looks_after(grant: Grant, profile: Profile, today: date) -> bool:
    years = _years(grant.holder_birth_date, today)
    minor = years is None or years < profile.household.age_of_majority
    cares = grant.role is HouseholdRole.OWNER and not grant.owner_absent
    return cares and grant.holder_role is HouseholdRole.CHILD and minor


def _years(born: date | None, today: date) -> int | None:
    return None if born is None else age(born, today)


def age(born: date, today: date) -> int:
    """Full years of somebody's life on a day."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
