"""The vocabulary of what an operator sells: tariffs and services."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from domain.money import CurrencyCode, Money
from domain.usage import UsageUnit


class FeePeriod(StrEnum):
    """How often a fee is charged."""

    DAY = "DAY"
    MONTH = "MONTH"
    ONCE = "ONCE"
    PER_USE = "PER_USE"


class ServiceRelationKind(StrEnum):
    """What one service means to another."""

    INCOMPATIBLE = "INCOMPATIBLE"
    REQUIRES = "REQUIRES"


class ServiceAction(StrEnum):
    """What happened to a service of a line (F116)."""

    CONNECT = "CONNECT"
    DISCONNECT = "DISCONNECT"
    EXTEND = "EXTEND"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    TRIAL_START = "TRIAL_START"
    TRIAL_END = "TRIAL_END"


class TariffAction(StrEnum):
    """What happened to the tariff of a line (F107)."""

    CHANGE = "CHANGE"
    CONFIGURE = "CONFIGURE"
    REVERT = "REVERT"


class ServiceCategory(StrEnum):
    """Where a service stands in the catalogue's filter (F114)."""

    SMS_MMS_PACKAGE = "SMS_MMS_PACKAGE"
    DATA_PACKAGE = "DATA_PACKAGE"
    MINUTE_PACKAGE = "MINUTE_PACKAGE"
    UNLIMITED = "UNLIMITED"
    ENTERTAINMENT = "ENTERTAINMENT"
    ROAMING = "ROAMING"
    CALL_MANAGEMENT = "CALL_MANAGEMENT"
    INTERNET_EXTENSION = "INTERNET_EXTENSION"
    TRUST_PAYMENT = "TRUST_PAYMENT"
    SECURITY = "SECURITY"
    RINGBACK = "RINGBACK"
    TV = "TV"
    OTHER = "OTHER"


class Allowance(NamedTuple):
    """What a tariff or a service includes of one unit in each period.

    `scope` says where or for what it counts, None: everywhere.
    """

    unit: UsageUnit
    amount: Decimal
    unlimited: bool = False
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class TariffOption:
    """How much of a unit may be chosen (F104).

    The values ascend from what the tariff includes; each step above the first adds `price_per_step` to its fee.
    """

    unit: UsageUnit
    values: tuple[Decimal, ...]
    price_per_step: Money


def read_allowances(stored: Iterable[Mapping[str, Any]]) -> tuple[Allowance, ...]:
    """What a tariff or a service includes, as the database keeps it."""
    return tuple(
        Allowance(
            unit=UsageUnit(each["unit"]),
            amount=Decimal(str(each.get("amount", 0))),
            unlimited=bool(each.get("unlimited", False)),
            scope=each.get("scope"),
        )
        for each in stored
    )


def tariff_option(stored: Mapping[str, Any], currency: CurrencyCode) -> TariffOption:
    """What may be chosen of a tariff, as the database keeps it."""
    return TariffOption(
        unit=UsageUnit(stored["unit"]),
        values=tuple(map(Decimal, stored["values"])),
        price_per_step=Money(stored["price_per_step"], currency),
    )
