"""Who may do what with a line or a personal account (SPEC 4.4); the only place that decides.

Effective right = role in the household ∧ scopes of the link ∧ level of the session ∧ operator profile.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    role: HouseholdRole
    kind: LinkKind = LinkKind.PRIMARY
    scopes: frozenset[Scope] = frozenset()
    holder_role: HouseholdRole | None = None
    holder_birth_date: date | None = None


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


def needs_approval(standing: Standing, scope: Scope) -> bool:
    """Whether the viewer has `scope` only as a question to the owner of the household (A in SPEC 4.4)."""
    return standing.holds_it and standing.is_child and scope in _ASKED_BY_CHILD


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
    age = _age(grant.holder_birth_date, today)
    # From the day of majority nobody looks after the line without its holder's consent, whatever the role still says.
    grown_up = age is not None and age >= profile.household.age_of_majority
    if grant.holder_role is HouseholdRole.CHILD and not grown_up:
        row = _ON_CHILD[grant.role]
        rights = row.always | (row.by_link & grant.scopes)
        below_consent_age = age is not None and age < profile.household.own_consent_age
        if grant.role is HouseholdRole.OWNER and below_consent_age:
            rights |= {Scope.DETAILS}
    else:
        row = _ON_ADULT[grant.role]
        rights = row.always | (row.by_link & grant.scopes)
        if not profile.household.details_scope_for_adults:
            rights -= {Scope.DETAILS}
    return rights & _SECONDARY if grant.kind is LinkKind.SECONDARY else rights


def _looks_after(grant: Grant, profile: Profile, today: date) -> bool:
    age = _age(grant.holder_birth_date, today)
    minor = age is None or age < profile.household.age_of_majority
    return grant.role is HouseholdRole.OWNER and grant.holder_role is HouseholdRole.CHILD and minor


def _age(born: date | None, today: date) -> int | None:
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
