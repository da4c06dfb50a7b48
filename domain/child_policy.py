"""What the owner of a household lets a child's line do, and what no policy can take away (F048, I13). Pure rules."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from domain.access import Scope
from domain.catalogue import ServiceCategory
from domain.msisdn import LONGEST_TYPED, normalize
from domain.profile import Profile
from domain.refusals import InputRejected
from domain.usage_limit import Counted, Ruling, Use, ruling

EMERGENCY = frozenset({"112", "101", "102", "103", "104"})
"""Numbers that are free to call from any telephone, with or without money, limits and permission (E37)."""

ALWAYS_ASKED = (Scope.SERVICES, Scope.TARIFF, Scope.TRANSFER)
"""What every child asks about (SPEC 4.4); a policy can only add to it."""

MOST_NUMBERS = 20
MOST_QUIET_HOURS = 14
OLDEST_RATING = 21

_ASKABLE = frozenset({*ALWAYS_ASKED, Scope.PAY})
_DAY = 24 * 60
_WEEK = 7 * _DAY
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` up to `end` on the operator's clock, beginning on `weekdays` (1 is Monday); past midnight where
    the end is not after the start.
    """

    start: time
    end: time
    weekdays: tuple[int, ...]

    def __contains__(self, local: datetime) -> bool:
        minute = (local.isoweekday() - 1) * _DAY + local.hour * 60 + local.minute
        return any((minute - begins) % _WEEK < self._minutes for begins in self._begin())

    def overlaps(self, other: "QuietHours") -> bool:
        """Whether some minute of the week belongs to both."""
        return any(
            (theirs - mine) % _WEEK < self._minutes or (mine - theirs) % _WEEK < other._minutes
            for mine in self._begin()
            for theirs in other._begin()
        )

    @property
    def _minutes(self) -> int:
        return (_minute(self.end) - _minute(self.start)) % _DAY

    def _begin(self) -> list[int]:
        return [(day - 1) * _DAY + _minute(self.start) for day in self.weekdays]


@dataclass(frozen=True, slots=True)
class Policy:
    """What is said of one line. `max_age_rating` in years; None: whatever there is."""

    blocked_categories: tuple[ServiceCategory, ...] = ()
    max_age_rating: int | None = None
    quiet_hours: tuple[QuietHours, ...] = ()
    approval_needed_for: tuple[Scope, ...] = ALWAYS_ASKED
    can_top_up_self: bool = True
    always_allowed_numbers: tuple[str, ...] = ()


class UseKind(StrEnum):
    """What a line is used for."""

    CALL = "CALL"
    SMS = "SMS"
    DATA = "DATA"
    SERVICE = "SERVICE"
    PAYMENT = "PAYMENT"
    TOP_UP = "TOP_UP"
    BLOCK_AS_LOST = "BLOCK_AS_LOST"
    LINK_NOTICE = "LINK_NOTICE"


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that is about to happen on a line. `number` is the other side's; `scope` what right it takes, where a
    child does it; `approved` by the owner, if so.
    """

    kind: UseKind
    use: Use = field(default_factory=Use)
    number: str | None = None
    category: ServiceCategory | None = None
    age_rating: int | None = None
    scope: Scope | None = None
    approved: bool = False


class LimitAnswer(StrEnum):
    """Whether it may happen now, and otherwise what stands against it."""

    ALLOWED = "ALLOWED"
    ASK_OWNER = "ASK_OWNER"
    LIMIT_REACHED = "LIMIT_REACHED"
    QUIET_HOURS = "QUIET_HOURS"
    CATEGORY_BLOCKED = "CATEGORY_BLOCKED"
    AGE_RATING = "AGE_RATING"


_ALWAYS = frozenset({UseKind.TOP_UP, UseKind.BLOCK_AS_LOST, UseKind.LINK_NOTICE})
_TALK = frozenset({UseKind.CALL, UseKind.SMS})
_QUIET = _TALK | {UseKind.DATA}
_BY_RULING = {
    Ruling.ALLOWED: LimitAnswer.ALLOWED,
    Ruling.ASK_OWNER: LimitAnswer.ASK_OWNER,
    Ruling.BLOCKED: LimitAnswer.LIMIT_REACHED,
}


def is_safe(wish: Wish, policy: Policy | None, hotlines: Iterable[str]) -> bool:
    """Whether it stands on the floor that nothing takes away: emergency, hotlines, parents, top-ups, a lost SIM (I13).

    Whether a child may top up its own line is no matter of the line, but of the payer.
    """
    if wish.kind in _ALWAYS:
        return True
    allowed = {*EMERGENCY, *hotlines, *(policy.always_allowed_numbers if policy else ())}
    digits = {number.removeprefix("+") for number in allowed}
    return wish.kind in _TALK and wish.number is not None and wish.number.removeprefix("+") in digits


def may_happen(
    wish: Wish, policy: Policy | None, limits: Iterable[Counted], local: datetime, hotlines: Iterable[str] = ()
) -> LimitAnswer:
    """Whether something may happen at a moment of the operator's clock.

    `policy` is None on the line of an adult, who has but limits. Billing asks this before a call, a message, a
    connection and a charge, and the API before it spends.
    """
    if is_safe(wish, policy, hotlines):
        return LimitAnswer.ALLOWED
    if policy is not None:
        if wish.kind in _QUIET and any(local in hours for hours in policy.quiet_hours):
            return LimitAnswer.QUIET_HOURS
        if wish.category in policy.blocked_categories:
            return LimitAnswer.CATEGORY_BLOCKED
        if policy.max_age_rating is not None and (wish.age_rating or 0) > policy.max_age_rating:
            return LimitAnswer.AGE_RATING
    said = _BY_RULING[ruling(limits, wish.use, approved=wish.approved)]
    asks = policy is not None and wish.scope in policy.approval_needed_for and not wish.approved
    return LimitAnswer.ASK_OWNER if asks and said is LimitAnswer.ALLOWED else said


def is_minor(birth_date: date | None, today: date, profile: Profile) -> bool:
    """Whether a policy still holds for a child of that birth date: it falls on the day of majority (SPEC 4.5)."""
    if birth_date is None:
        return True
    had_birthday = (today.month, today.day) >= (birth_date.month, birth_date.day)
    return today.year - birth_date.year - (not had_birthday) < profile.household.age_of_majority


@dataclass(frozen=True, slots=True)
class TypedHours:
    """Quiet hours as somebody typed them."""

    start: str
    end: str
    weekdays: Sequence[int]


def read_quiet_hours(typed: Sequence[TypedHours]) -> tuple[QuietHours, ...] | InputRejected:
    """Quiet hours of a week, none of which may overlap with another."""
    field = ("quietHours",)
    if len(typed) > MOST_QUIET_HOURS:
        return InputRejected(f"There are at most {MOST_QUIET_HOURS} quiet hours", field)
    read: list[QuietHours] = []
    for each in typed:
        hours = read_hours(each)
        if isinstance(hours, InputRejected):
            return hours
        if any(hours.overlaps(other) for other in read):
            return InputRejected("Quiet hours must not overlap", field)
        read.append(hours)
    return tuple(read)


def read_hours(typed: TypedHours) -> QuietHours | InputRejected:
    """Hours that come again each week."""
    field = ("quietHours",)
    start, end = _clock(typed.start), _clock(typed.end)
    if start is None or end is None or start == end:
        return InputRejected("Hours go from one time to another, such as 22:00 to 07:00", field)
    days = tuple(sorted(typed.weekdays))
    if not days or len(set(days)) < len(days) or not set(days) <= set(range(1, 8)):
        return InputRejected("Weekdays are 1 (Monday) to 7 (Sunday), each once, and at least one", field)
    return QuietHours(start, end, days)


def read_numbers(typed: Sequence[str], profile: Profile) -> tuple[str, ...] | InputRejected:
    """Numbers that may always be called, as they are stored; the same number twice is one."""
    field = ("alwaysAllowedNumbers",)
    if len(typed) > MOST_NUMBERS:
        return InputRejected(f"There are at most {MOST_NUMBERS} numbers that may always be called", field)
    read = [normalize(text, profile) if len(text) <= LONGEST_TYPED else None for text in typed]
    numbers = tuple(dict.fromkeys(number for number in read if number is not None))
    if None in read:
        return InputRejected("A number that may always be called is written in full, such as +79031234567", field)
    return numbers


def read_age_rating(years: int) -> int | InputRejected:
    """An age rating in years."""
    if 0 <= years <= OLDEST_RATING:
        return years
    return InputRejected(f"An age rating is 0 to {OLDEST_RATING} years", ("maxAgeRating",))


def read_asked(scopes: Iterable[Scope]) -> tuple[Scope, ...] | InputRejected:
    """What the child has to ask about: always the scopes of SPEC 4.4, and those that are named beside them."""
    wanted = set(scopes)
    if not wanted <= _ASKABLE:
        named = ", ".join(scope for scope in Scope if scope in _ASKABLE)
        return InputRejected(f"A child can be made to ask about {named}", ("approvalNeededFor",))
    return tuple(scope for scope in Scope if scope in wanted or scope in ALWAYS_ASKED)


def _clock(text: str) -> time | None:
    found = _CLOCK.fullmatch(text)
    return time(int(found[1]), int(found[2])) if found else None


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
