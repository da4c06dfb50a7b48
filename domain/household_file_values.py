"""What the records of a household file are made of: the types of their values and the words for their faults."""

import re
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import ErrorDetails, PydanticCustomError

from domain.access import Scope
from domain.money import CurrencyCode, Money, MoneyRejected, parse_amount
from domain.relative_date import DateRejected, Day, Moment, parse_day, parse_moment
from domain.usage import UsageUnit

TYPES = "person, contract, account, line, household, link, usage, internet_session, payment, fee"
"""The types of records, as a message lists them."""

_MAX_VOLUME = Decimal(10) ** 15
_TEXT = re.compile(r"[^\s\x00-\x1f]([^\x00-\x1f]*[^\s\x00-\x1f])?")


class Complaint(NamedTuple):
    """What is wrong with one record; `field` is None where it is the record as a whole."""

    field: str | None
    reason: str


class FileUnit(StrEnum):
    """The unit of a volume as it is written; bytes may be written as KB, MB and GB of 1,024."""

    MINUTE = "MINUTE"
    SMS = "SMS"
    MMS = "MMS"
    MONEY = "MONEY"
    BYTE = "BYTE"
    KB = "KB"
    MB = "MB"
    GB = "GB"

    @property
    def unit(self) -> UsageUnit:
        """The unit that is stored."""
        return UsageUnit.BYTE if self in _BYTES else UsageUnit(self.value)

    def stored(self, volume: Decimal) -> Decimal:
        """The volume in the stored unit: whole bytes, minor units of money."""
        if self in _BYTES:
            return (volume * _BYTES[self]).to_integral_value()
        return volume * 100 if self is FileUnit.MONEY else volume


_BYTES = {FileUnit.BYTE: 1, FileUnit.KB: 2**10, FileUnit.MB: 2**20, FileUnit.GB: 2**30}


def _text(longest: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > longest or not _TEXT.fullmatch(value):
            raise PydanticCustomError(
                "text",
                "must have 1 to {longest} characters, none of them a control character, no spaces around them",
                {"longest": longest},
            )
        return value

    return AfterValidator(check)


def _day(value: object) -> Day:
    try:
        return parse_day(value if isinstance(value, str) else "")
    except DateRejected as error:
        raise PydanticCustomError("day", "{reason}", {"reason": str(error)}) from error


def _moment(value: object) -> Moment:
    try:
        return parse_moment(value if isinstance(value, str) else "")
    except DateRejected as error:
        raise PydanticCustomError("moment", "{reason}", {"reason": str(error)}) from error


def _minor(value: object) -> int:
    """Minor units of a decimal amount in quotes. Every currency has two decimals, so any will do here."""
    if not isinstance(value, str):
        raise PydanticCustomError("amount", 'must be an amount in quotes, such as "157.50"')
    try:
        return Money.from_decimal(parse_amount(value), CurrencyCode.RUB).minor
    except MoneyRejected as error:
        raise PydanticCustomError("amount", "{reason}", {"reason": str(error)}) from error


def _volume(value: object) -> Decimal:
    """A volume: a whole number, or text such as "1.25"; a JSON fraction would pass through a float."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("volume", 'must be a whole number or text such as "1.25"')
    try:
        volume = parse_amount(str(value))
    except MoneyRejected as error:
        raise PydanticCustomError("volume", 'must be a whole number or text such as "1.25"') from error
    if not 0 <= volume < _MAX_VOLUME or volume != round(volume, 3):
        raise PydanticCustomError("volume", "must be between 0 and 10^15, with at most three decimals")
    return volume


def _list_of_one(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _ip(value: str) -> str:
    """The one form of an address, with which it is stored."""
    try:
        return str(ip_address(value))
    except ValueError as error:
        raise PydanticCustomError("ip", "must be an address such as 203.0.113.7 or 2001:db8::7") from error


def _without_repeats(values: tuple[Scope, ...]) -> tuple[Scope, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("repeats", "must not name anything twice")
    return values


OperatorId = Annotated[str, _text(32)]
Ref = Annotated[str, _text(64)]
Name = Annotated[str, _text(200)]
HouseholdName = Annotated[str, _text(100)]
Label = Annotated[str, _text(64)]
Identifier = Annotated[str, _text(254)]
IpAddress = Annotated[str, AfterValidator(_ip)]
DayField = Annotated[Day, BeforeValidator(_day)]
MomentField = Annotated[Moment, BeforeValidator(_moment)]
# In minor units.
Amount = Annotated[int, BeforeValidator(_minor)]
PositiveAmount = Annotated[Amount, Field(gt=0)]
NotNegativeAmount = Annotated[Amount, Field(ge=0)]
Volume = Annotated[Decimal, BeforeValidator(_volume)]
OneOrMany = BeforeValidator(_list_of_one)
Scopes = Annotated[tuple[Scope, ...], Field(min_length=1), AfterValidator(_without_repeats)]
# Also the longest key that still fits into the key of a ledger transfer.
Key = Annotated[str, _text(36)]


class Part(BaseModel):
    """What records are made of: exactly these fields, of exactly these types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


# Pydantic speaks of Python's types; whoever corrects a file thinks of JSON or TOML.
_IN_FILE_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "int_type": "must be a whole number",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


def complaint(error: ErrorDetails) -> Complaint:
    """One of pydantic's errors in the words of whoever writes the file."""
    kind, where = error["type"], error["loc"]
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return Complaint("type", f"must be one of {TYPES}")
    if kind == "json_invalid":
        return Complaint(None, f"is not JSON: {error['ctx']['error']}")
    # The first part of the place is the type of the record.
    return Complaint(".".join(str(part) for part in where[1:]) or None, reason(error))


def reason(error: ErrorDetails) -> str:
    """Why pydantic refused a value, in the words of whoever writes the file."""
    if error["type"] in ("enum", "literal_error"):
        return f"must be one of {error['ctx']['expected']}"
    return _IN_FILE_WORDS.get(error["type"], error["msg"])
