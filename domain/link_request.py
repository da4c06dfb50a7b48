"""Asking a number's holder for a link: what may be asked for, and of whom (SPEC 4.5, I11)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.access import LinkKind, Scope, delegable
from domain.line import ContractStatus, LineStatus
from domain.link_request_refusals import ScopesNotLinkable
from domain.profile import Profile
from domain.refusals import InputRejected
from domain.sim import cooldown

MOST_REQUESTS_A_DAY = 10
"""How many numbers one user may ask about in a day (SPEC 4.7)."""

SETTLES_AFTER = timedelta(hours=24)
"""How long `access.NOT_AT_ONCE` waits after a code that was typed in the requester's session (E15)."""

LOOKING_AND_PAYING = frozenset({Scope.VIEW, Scope.USAGE, Scope.PAY})
"""What does no harm in wrong hands; of anything wider the number is reminded a day later (SPEC 4.5)."""

_NEEDS_THE_SIM = frozenset({Scope.TARIFF, Scope.AUTOPAY, Scope.DETAILS})


class LinkDirection(StrEnum):
    """Whose question a request for a link is.

    INCOMING: others ask the viewer; OUTGOING: the viewer asks others.
    """

    INCOMING = "INCOMING"
    OUTGOING = "OUTGOING"


@dataclass(frozen=True, slots=True)
class NumberState:
    """What of a number decides whether its holder may be asked."""

    status: LineStatus
    contract_status: ContractStatus
    requests_allowed: bool = True
    sim_changed_at: datetime | None = None
    reissued_at: datetime | None = None


def takes_part(state: NumberState) -> bool:
    """Whether the number is served, so that it can be linked at all."""
    return state.status is LineStatus.ACTIVE and state.contract_status is ContractStatus.ACTIVE


def in_quarantine(profile: Profile, state: NumberState, now: datetime) -> bool:
    """Whether the number passed to another contract too short a while ago: its caller may mean who had it (N3)."""
    quarantine = timedelta(days=profile.linking.number_quarantine_days)
    return state.reissued_at is not None and now < state.reissued_at + quarantine


def may_be_asked(profile: Profile, state: NumberState, now: datetime) -> bool:
    """Whether a code goes to the number; whoever asks is answered alike either way (E5, E16)."""
    changed = cooldown(profile, state.sim_changed_at, now) is not None
    return takes_part(state) and state.requests_allowed and not changed and not in_quarantine(profile, state, now)


def read_scopes(
    profile: Profile, scopes: frozenset[Scope], kind: LinkKind
) -> tuple[Scope, ...] | ScopesNotLinkable | InputRejected:
    """The scopes in the order of SPEC 4.4, where a link of this kind may have all of them (I4, I9, I15)."""
    if not scopes:
        return InputRejected("Say at least one scope", ("scopes",))
    refused = {scope for scope in scopes if not delegable(frozenset({scope}), kind)}
    if not profile.household.details_scope_for_adults:
        refused |= scopes & {Scope.DETAILS}
    if refused:
        return ScopesNotLinkable(in_order(frozenset(refused)))
    return in_order(scopes)


def beyond_password(scopes: frozenset[Scope]) -> bool:
    """Whether a password is not enough for these scopes, and only the SIM is (SPEC 4.5, "Link by password")."""
    return bool(scopes & _NEEDS_THE_SIM)


def in_order(scopes: frozenset[Scope]) -> tuple[Scope, ...]:
    """Scopes as SPEC 4.4 lists them."""
    return tuple(scope for scope in Scope if scope in scopes)


def consents_if_born_by(profile: Profile, today: date) -> date:
    """The last birthday of those who are old enough to answer for their own number (`household.own_consent_age`)."""
    year = today.year - profile.household.own_consent_age
    is_leap_day = (today.month, today.day) == (2, 29)
    return date(year, 2, 28) if is_leap_day else today.replace(year=year)


def of_another_country(typed: str, profile: Profile) -> bool:
    """Whether the number's form alone shows that it is no number of this operator's (E5)."""
    digits = typed.strip().removeprefix("+")
    plain = "".join(each for each in digits if each not in " -()\u00a0")
    foreign = not plain.startswith(profile.operator.msisdn_country_code)
    return typed.strip().startswith("+") and plain.isascii() and plain.isdigit() and 8 <= len(plain) <= 15 and foreign
