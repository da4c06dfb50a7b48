"""What a household spent: totals by currency, by member and by month (F160, E58)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from domain.money import CurrencyCode, Money
from domain.periods import Period, PeriodRejected, day_range
from loaders.households_by_user_id import Household, Member
from loaders.spending_by_key import Charges, SpendingKey
from resolvers.context import Context
from resolvers.errors import invalid_input
from resolvers.usage import LONGEST_DAYS


@dataclass(frozen=True, slots=True)
class MonthSpending:
    """What was spent in a calendar month, as far as it lies within the period."""

    month: date
    total: list[Money]


@dataclass(frozen=True, slots=True)
class MemberSpending:
    """What the lines of a member spent; of nobody: linked lines that no member uses."""

    member: Member | None
    total: list[Money]
    by_month: list[MonthSpending]


@dataclass(frozen=True, slots=True)
class HouseholdSpending:
    """What the lines that the viewer may see the use of spent."""

    period: Period
    total: list[Money]
    by_member: list[MemberSpending]


async def spending(
    context: Context, household: Household, first: date | None, last: date | None
) -> HouseholdSpending | None:
    """What was spent from `first` to `last`, both included, the running month by default; None without any USAGE."""
    scope = context.loaders.scope
    today = scope.today(scope.profile)
    first, last = first or today.replace(day=1), last or today
    if last - first >= timedelta(days=LONGEST_DAYS):
        raise invalid_input(f"`period` must be at most {LONGEST_DAYS} days")
    try:
        period = day_range(first, last, scope.profile.operator.zone)
    except PeriodRejected as error:
        raise invalid_input(f"`period` is not one: {error}") from None
    charges = await context.loaders.spending_by_key.load(SpendingKey(household.id, first, last))
    if charges is None:
        return None
    members: list[Member | None] = [*household.members, None]
    by_member = [_of(member, [each for each in charges if each.member_id == _id(member)]) for member in members]
    return HouseholdSpending(period, _totals(charges), [each for each in by_member if each.total])


def _of(member: Member | None, charges: list[Charges]) -> MemberSpending:
    months = sorted({each.month for each in charges})
    by_month = [MonthSpending(month, _totals(each for each in charges if each.month == month)) for month in months]
    return MemberSpending(member, _totals(charges), by_month)


def _totals(charges: Iterable[Charges]) -> list[Money]:
    """One sum for each currency."""
    sums: dict[CurrencyCode, Money] = {}
    for each in charges:
        currency = each.amount.currency
        sums[currency] = sums.get(currency, Money(0, currency)) + each.amount
    return [sums[currency] for currency in sorted(sums)]


def _id(member: Member | None) -> int | None:
    return None if member is None else member.id
