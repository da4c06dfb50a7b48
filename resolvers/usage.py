"""What a line used in a period (USAGE), in days of the operator's calendar."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from domain.access import Scope
from domain.periods import Period, PeriodRejected, day_range
from domain.profile import Profile
from execution.batched import Load
from gateways.billing import UsageItem, UsageKey
from loaders.visible import Line
from resolvers.context import Context
from resolvers.errors import invalid_input

LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """Usage by kind within a period."""

    period: Period
    items: list[UsageItem]


def usage(context: Context, line: Line, first: date | None, last: date | None) -> Load[UsageSummary] | None:
    """The usage of a line from `first` to `last`, both included; the running month when nothing is said."""
    if not line.allows(Scope.USAGE):
        return None
    _, key, period = days(context, line, first, last)
    return Load(context.loaders.usage_by_key, key, partial(UsageSummary, period))


def days(context: Context, line: Line, first: date | None, last: date | None) -> tuple[Profile, UsageKey, Period]:
    """The days of a line that are asked about, and its operator's profile; raises where they are no period."""
    scope = context.loaders.scope
    profile = scope.profile_of(line.operator) or scope.profile
    today = scope.today(profile)
    first, last = first or today.replace(day=1), last or today
    if last - first >= timedelta(days=LONGEST_DAYS):
        raise invalid_input(f"`period` must be at most {LONGEST_DAYS} days")
    try:
        period = day_range(first, last, profile.operator.zone)
    except PeriodRejected as error:
        raise invalid_input(f"`period` is not one: {error}") from None
    return profile, UsageKey(line.id, first, last), period
