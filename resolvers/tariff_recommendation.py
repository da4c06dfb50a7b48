"""Which tariffs would cost a line less, by what it used and by what its user says (F105)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.access import Scope
from domain.money import Money, MoneyRejected, parse_amount
from domain.rerating import Priced, Rated, Shelf, Use, monthly_fee, rate, why
from domain.tariff import as_it_is, put_together
from domain.usage import UsageUnit
from domain.wording import language_of
from loaders.catalogue import Tariff
from loaders.tariffs_for_rating_by_line_id import Rateable, Sold
from loaders.visible import Line
from resolvers.context import Context
from resolvers.errors import invalid_input

MOST = 5
"""The most tariffs that are recommended."""

_GIGABYTE = 2**30
_MOST_ASKED = Decimal(10**6)
_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Survey:
    """What somebody says of their use; None: nothing. `history`: what is not said is taken from what was used."""

    minutes: int | None = None
    messages: int | None = None
    gigabytes: str | None = None
    roaming_days: int | None = None
    history: bool = True


@dataclass(frozen=True, slots=True)
class TariffRecommendation:
    """A tariff, what a month costs with it and with the present one, and why."""

    tariff: Tariff
    estimated_monthly: Money
    current_monthly: Money
    saving: Money
    reason: str


async def recommended(context: Context, line: Line, survey: Survey) -> list[TariffRecommendation] | None:
    """Up to five tariffs that cost less, the cheapest first; an empty list where the present one is the best.

    None without the right to see what the line used, where it has no tariff, and where the operator recommends none.
    """
    said = _said(survey)
    profile = context.profile
    if line.operator != profile.operator.id or not profile.tariffs.recommend:
        return None
    if not (line.allows(Scope.USAGE) and line.allows(Scope.VIEW)):
        return None
    loaders = context.loaders
    sold: Sold = await loaders.tariffs_for_rating_by_line_id.load(line.id)
    present = await loaders.rated_tariff_by_line_id.load(line.id)
    months = await loaders.months_of_use_by_line_id.load(line.id) if survey.history else []
    if present is None:
        return None
    if not months and not said:
        return []
    used = [{**month, **said} for month in months] or [said]
    abroad = _abroad(sold, survey)
    now = _rated(present, used, sold.packages)
    return _best(context, sold, present, used, now, abroad, by_answers=bool(said))


def _best(
    context: Context, sold: Sold, present: Rateable, used: Sequence[Use], now: Rated | None, abroad: int, *,
    by_answers: bool,
) -> list[TariffRecommendation]:  # fmt: skip
    if now is None:
        return []
    profile = context.profile
    viewer = context.viewer
    language = language_of(profile, viewer.language if viewer is not None else None)
    found: list[tuple[int, int, Tariff, bool]] = []
    for other in sold.tariffs:
        rated = _rated(other, used, sold.packages)
        # What somebody uses has to be there; a tariff without it is no cheaper.
        if rated is None or rated.missing:
            continue
        if rated.monthly < now.monthly or now.missing:
            found.append((rated.monthly, other.tariff.id, other.tariff, bool(now.missing)))
    currency = profile.operator.currency
    answers = []
    for monthly, _, tariff, holds_more in sorted(found, key=lambda each: each[:2])[:MOST]:
        saving = Money(now.monthly - monthly, currency)
        reason = why(saving, language, holds_more=holds_more, by_answers=by_answers)
        estimated, current = Money(monthly + abroad, currency), Money(now.monthly + abroad, currency)
        answers.append(TariffRecommendation(tariff, estimated, current, saving, reason))
    return answers


def _rated(tariff: Rateable, used: Sequence[Use], packages: Shelf) -> Rated | None:
    """What the use costs with a tariff; None for one that has no months. What is had already is not chosen anew."""
    fee = monthly_fee(tariff.fee, tariff.every)
    if fee is None:
        return None
    if tariff.configuration is None:
        return rate(Priced(fee, tariff.included, tariff.options), used, packages)
    chosen = as_it_is(tariff.options, tariff.configuration)
    extra = monthly_fee(tariff.options_fee, tariff.every) or 0
    return rate(Priced(fee + extra, put_together(tariff.included, chosen)), used, packages)


def _abroad(sold: Sold, survey: Survey) -> int:
    """What the days abroad come to in a month: the same with every tariff."""
    return (survey.roaming_days or 0) * (sold.roaming_day or 0) // _MONTHS_A_YEAR


def _said(survey: Survey) -> dict[UsageUnit, Decimal]:
    """The answers as use of a month. Raises an error for one that cannot be."""
    counts = {"minutesPerMonth": survey.minutes, "smsPerMonth": survey.messages}
    for name, count in {**counts, "roamingDaysPerYear": survey.roaming_days}.items():
        if count is not None and not 0 <= count <= (366 if name == "roamingDaysPerYear" else _MOST_ASKED):
            raise invalid_input(f"`{name}` must be a number that can be")
    said = {
        unit: Decimal(count)
        for unit, count in ((UsageUnit.MINUTE, survey.minutes), (UsageUnit.SMS, survey.messages))
        if count is not None
    }
    if survey.gigabytes is not None:
        try:
            gigabytes = parse_amount(survey.gigabytes)
        except MoneyRejected:
            gigabytes = Decimal(-1)
        if not 0 <= gigabytes <= _MOST_ASKED:
            raise invalid_input("`gigabytesPerMonth` must be a number that can be, such as 12.5")
        said[UsageUnit.BYTE] = gigabytes * _GIGABYTE
    return said
