"""What the sections of an operator profile are made of: one base class and the types of their values.

TOML knows no amounts, enums or tuples, so these are read from its text and lists on purpose; every other
value has to have its own type already (`"5"` and `true` are no numbers).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    Strict,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from domain.money import MoneyRejected, parse_amount

CONTRADICTION = "contradiction"
"""The type of the pydantic error whose `ctx["found"]` holds the contradictions of one section."""

T = TypeVar("T")


class Contradiction(NamedTuple):
    """Two values of one profile that cannot both hold."""

    key: str
    """The key to correct, relative to its section."""
    reason: str


class Section(BaseModel):
    """One table of a profile: exactly its keys, of exactly their types, for ever as they were read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def contradictions(self) -> Iterator[Contradiction]:
        """What of this section cannot hold together; the sections that can go wrong say it here."""
        return iter(())

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        if found := list(self.contradictions()):
            raise PydanticCustomError(CONTRADICTION, "the values contradict each other", {"found": found})
        return self


@dataclass(frozen=True, slots=True)
class Between:
    """The bounds of a number, both included; the documentation of the keys is generated from them too."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        if not self.low <= value <= self.high:
            raise PydanticCustomError(
                "between", "must be between {low} and {high}", {"low": self.low, "high": self.high}
            )
        return value


def _written_as(pattern: str, meaning: str) -> AfterValidator:
    """Text that matches the whole of `pattern`; `meaning` finishes the sentence 'must be …'."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise PydanticCustomError("written_as", "must be {meaning}", {"meaning": meaning})
        return value

    return AfterValidator(check)


def _none_if_empty(value: object) -> object:
    """A profile has every key, so an empty text stands for 'this operator has none'."""
    return None if value == "" else value


def _amount(value: object) -> Decimal:
    """A decimal amount from its text; a TOML float would already have lost its kopecks."""
    if not isinstance(value, str):
        raise PydanticCustomError("amount", 'must be an amount in quotes, such as "157.50"')
    try:
        amount = parse_amount(value)
    except MoneyRejected as error:
        raise PydanticCustomError("amount", "{reason}", {"reason": str(error)}) from error
    if amount != round(amount, 2):
        raise PydanticCustomError("amount", "must have at most two decimals")
    return amount


def _zone_name(value: str) -> str:
    """The name of a time zone that this machine's database knows."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise PydanticCustomError("zone", "must be an IANA time zone, such as Europe/Moscow") from error
    return value


def _without_repeats(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("repeats", "must not name anything twice")
    return values


def _day_span(days: tuple[int, ...]) -> tuple[int, ...]:
    """Either no days, or the first and the last day of a stretch of the month."""
    if days and not (len(days) == 2 and 1 <= days[0] <= days[1] <= 31):
        raise PydanticCustomError("day_span", "must be [] or [from, to] with 1 ≤ from ≤ to ≤ 31")
    return days


def _at_least_one(values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:
        raise PydanticCustomError("at_least_one", "must name at least one")
    return values


# A member of an enum, given by its value.
Choice = Annotated[T, Strict(False)]
# A list without repeats whose order counts; `Choices[T]` is one of members of an enum.
Several = Annotated[tuple[T, ...], Strict(False), AfterValidator(_without_repeats)]
Choices = Several[Annotated[T, Strict(False)]]
SomeChoices = Annotated[Choices[T], AfterValidator(_at_least_one)]
# A list of members of an enum whose order does not count.
ChoiceSet = Annotated[frozenset[Annotated[T, Strict(False)]], Strict(False)]

Positive = Annotated[int, Between(1, 1_000_000)]
Count = Annotated[int, Between(0, 1_000_000)]
DaySpan = Annotated[tuple[int, ...], Strict(False), AfterValidator(_day_span)]

_IN_TEXT = BeforeValidator(_amount)
_MAY_BE_EMPTY = BeforeValidator(_none_if_empty)
Amount = Annotated[Decimal, _IN_TEXT, Between(0, 10**9)]
OptionalAmount = Annotated[Amount | None, _MAY_BE_EMPTY]
Percent = Annotated[Decimal, _IN_TEXT, Between(0, 100)]

Text = Annotated[str, _written_as(r"\S(.{0,62}\S)?", "1 to 64 characters without spaces around them")]
OptionalText = Annotated[Text | None, _MAY_BE_EMPTY]
Digits = Annotated[str, _written_as(r"[0-9]{3,15}", "3 to 15 digits")]
OptionalDigits = Annotated[Digits | None, _MAY_BE_EMPTY]
Phone = Annotated[str, _written_as(r"\+?[0-9]{3,15}", "3 to 15 digits with or without a plus")]
Messenger = Annotated[str, _written_as(r"[a-z]+:\S{1,64}", "written as messenger:address")]
Ussd = Annotated[str, _written_as(r"\*[0-9*]{1,20}#", "a USSD code, such as *100#")]
OptionalUssd = Annotated[Ussd | None, _MAY_BE_EMPTY]
OperatorId = Annotated[str, _written_as(r"[a-z][a-z0-9-]{0,31}", "a lower-case name of letters and digits")]
Country = Annotated[str, _written_as(r"[A-Z]{2}", "a country code of ISO 3166, such as RU")]
CountryCode = Annotated[str, _written_as(r"[1-9][0-9]{0,2}", "an E.164 country code without a plus")]
Prefix = Annotated[str, _written_as(r"\+?[0-9]{1,4}", "up to 4 digits with or without a plus")]
Keyword = Annotated[str, _written_as(r"[A-ZА-ЯЁ]{2,20}", "one word of 2 to 20 capital letters")]
ZoneName = Annotated[str, AfterValidator(_zone_name)]
