"""What a tariff is made of, how one is put together, and what a change to it costs (F104, F106). Pure rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from domain.catalogue import Allowance, FeePeriod
from domain.language import Language
from domain.line import ServiceKind
from domain.money import CurrencyCode, Money, MoneyRejected, parse_amount
from domain.quote import PriceLine, PriceQuote, priced
from domain.refusals import InputRejected
from domain.usage import UsageUnit
from domain.wording import Wording

MOST_OPTIONS = 10
"""The most options that are chosen in one change: there is one for each unit."""

_CONNECTION = Wording("{name}: connection")
_OPTIONS = Wording("{name}: what was chosen")


class Option(NamedTuple):
    """How much of a unit may be chosen; each step above the first of the values adds to the fee, in minor units."""

    unit: UsageUnit
    values: tuple[Decimal, ...]
    price_per_step: int


class Chosen(NamedTuple):
    """How much of a unit was chosen."""

    unit: UsageUnit
    value: Decimal


Configuration = tuple[Chosen, ...]
"""What was chosen of each of a tariff's options, in their order: two that mean the same are equal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a tariff, as it is sold; fees in minor units."""

    id: int
    code: str
    name: str
    kind: ServiceKind
    fee: int
    every: FeePeriod
    connection_fee: int
    included: tuple[Allowance, ...]
    options: tuple[Option, ...]
    archived: bool

    def choose(self, wanted: Iterable[Chosen]) -> Configuration | InputRejected:
        """What was chosen with the first value of every option that was not named."""
        values: dict[UsageUnit, Decimal] = {}
        field = ("options",)
        for unit, value in wanted:
            option = next((each for each in self.options if each.unit is unit), None)
            if option is None:
                return InputRejected(f"Of {unit} nothing can be chosen in this tariff", field)
            if unit in values:
                return InputRejected(f"{unit} was chosen twice", field)
            if value not in option.values:
                return InputRejected(f"Of {unit} can be chosen: {', '.join(map(_plain, option.values))}", field)
            values[unit] = value
        return tuple(Chosen(each.unit, values.get(each.unit, each.values[0])) for each in self.options)

    def as_it_is(self, stored: Sequence[Mapping[str, Any]]) -> Configuration:
        """What a subscription has chosen, as the database keeps it; what is not offered any more is left out."""
        return as_it_is(self.options, stored)

    def options_fee(self, chosen: Configuration) -> int:
        """What was chosen adds this to the fee, in minor units."""
        by_unit = {each.unit: each for each in self.options}
        return sum(by_unit[unit].values.index(value) * by_unit[unit].price_per_step for unit, value in chosen)

    def holds(self, chosen: Configuration) -> tuple[Allowance, ...]:
        """What it includes, as it was put together."""
        return put_together(self.included, chosen)

    def price(
        self, chosen: Configuration, currency: CurrencyCode, today: date, language: Language, *,
        free_days: int = 0, warnings: Iterable[str] = (),
    ) -> PriceQuote:  # fmt: skip
        """What changing to it costs; where it begins later, all but the connection is free for so many days."""
        lines = [
            PriceLine(self.name, Money(self.fee, currency), self.every, free_days),
            PriceLine(
                _OPTIONS.text(language, name=self.name),
                Money(self.options_fee(chosen), currency),
                self.every,
                free_days,
            ),
        ]
        connection = PriceLine(
            _CONNECTION.text(language, name=self.name), Money(self.connection_fee, currency), FeePeriod.ONCE
        )
        first, *rest = lines
        shown = [first, *(line for line in [*rest, connection] if line.amount.minor)]
        return priced(shown, currency, today, warnings)


def as_it_is(options: Iterable[Option], stored: Iterable[Mapping[str, Any]]) -> Configuration:
    """What a subscription has chosen of these options: of one that it says nothing of, the first value."""
    had = dict(read_chosen(stored))
    return tuple(
        Chosen(each.unit, had[each.unit] if had.get(each.unit) in each.values else each.values[0]) for each in options
    )


def put_together(included: Iterable[Allowance], chosen: Iterable[Chosen]) -> tuple[Allowance, ...]:
    """What is included, with what was chosen in the place of what there is of the same unit everywhere."""
    values = dict(chosen)
    kept = tuple(each for each in included if each.unit not in values or each.scope is not None)
    return (*(Allowance(unit, value) for unit, value in values.items()), *kept)


def read_options(stored: Iterable[Mapping[str, Any]]) -> tuple[Option, ...]:
    """What may be chosen, as the catalogue keeps it: a list of {unit, values, price_per_step}."""
    return tuple(
        Option(
            UsageUnit(each["unit"]),
            tuple(Decimal(str(value)) for value in each["values"]),
            int(each["price_per_step"]),
        )
        for each in stored
    )


def read_chosen(stored: Iterable[Mapping[str, Any]]) -> Configuration:
    """What was chosen, as a subscription keeps it: a list of {unit, value}."""
    return tuple(Chosen(UsageUnit(each["unit"]), Decimal(str(each["value"]))) for each in stored)


def stored(chosen: Iterable[Chosen]) -> list[dict[str, str]]:
    """What was chosen, as a subscription keeps it; amounts as text, since a JSON number might be read as a float."""
    return [{"unit": str(unit), "value": _plain(value)} for unit, value in chosen]


def typed(options: Sequence[tuple[UsageUnit, str]]) -> tuple[Chosen, ...] | InputRejected:
    """What somebody typed as a choice, for `Plan.choose` to look at."""
    if len(options) > MOST_OPTIONS:
        return InputRejected(f"At most {MOST_OPTIONS} options are chosen at once", ("options",))
    try:
        return tuple(Chosen(unit, parse_amount(value)) for unit, value in options)
    except MoneyRejected:
        return InputRejected("A value is written in digits, such as 600", ("options",))


class Named(NamedTuple):
    """A change as the token of its quote names it: which version of which tariff, put together how."""

    tariff_id: int
    chosen: Configuration

    def __str__(self) -> str:
        return f"tariff:{self.tariff_id}:{';'.join(f'{unit}={_plain(value)}' for unit, value in self.chosen)}"

    @classmethod
    def read(cls, what: str) -> Self | None:
        """The change that a token names; None where it names one of another kind."""
        kind, _, rest = what.partition(":")
        tariff_id, _, listed = rest.partition(":")
        if kind != "tariff":
            return None
        pairs = (each.split("=") for each in listed.split(";") if each)
        return cls(int(tariff_id), tuple(Chosen(UsageUnit(unit), Decimal(value)) for unit, value in pairs))


def days_until(begins: datetime, now: datetime, zone: ZoneInfo) -> int:
    """How many days of the operator's calendar there are before something begins."""
    return max(0, (begins.astimezone(zone).date() - now.astimezone(zone).date()).days)


def _plain(value: Decimal) -> str:
    return f"{value:f}"
