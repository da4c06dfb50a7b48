"""Tariffs and services as the catalogue shows them; fees in minor units of their operator's currency."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from domain.catalogue import FeePeriod, ServiceCategory
from domain.line import ServiceKind
from domain.money import CurrencyCode, Money
from domain.usage import UsageUnit
from loaders.scope import ReadScope

TARIFF_COLUMNS = """
t.id, t.operator, t.code, t.name, t.kind, t.fee, t.fee_period, t.connection_fee, t.included, t.terms,
t.family_shareable, t.archived
"""

SERVICE_COLUMNS = """
s.id, s.operator, s.code, s.name, s.kind, s.category, s.description, s.fee, s.fee_period, s.connection_fee,
s.terms, s.trial_days, s.age_rating
"""


class TariffRow(NamedTuple):
    """A row of `TARIFF_COLUMNS`."""

    id: int
    operator: str
    code: str
    name: str
    kind: ServiceKind
    fee_minor: int
    fee_period: FeePeriod
    connection_fee_minor: int
    included_json: list[dict[str, Any]]
    terms: str
    family_shareable: bool
    archived: bool


class ServiceRow(NamedTuple):
    """A row of `SERVICE_COLUMNS`."""

    id: int
    operator: str
    code: str
    name: str
    kind: ServiceKind
    category: ServiceCategory
    description: str
    fee_minor: int
    fee_period: FeePeriod
    connection_fee_minor: int
    terms: str
    trial_days: int | None
    age_rating: int | None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a tariff includes of one unit each period."""

    unit: UsageUnit
    amount: Decimal
    unlimited: bool
    scope: str | None


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff plan (F102)."""

    id: int
    code: str
    name: str
    kind: ServiceKind
    fee: Money
    fee_period: FeePeriod
    connection_fee: Money
    included: list[Allowance]
    terms: str | None
    family_shareable: bool
    archived: bool


@dataclass(frozen=True, slots=True)
class Service:
    """A service that can be switched on (F111)."""

    id: int
    code: str
    name: str
    kind: ServiceKind
    category: ServiceCategory
    description: str
    fee: Money
    fee_period: FeePeriod
    connection_fee: Money
    terms: str | None
    trial_days: int | None
    age_rating: int | None


def tariff(scope: ReadScope, row: TariffRow) -> Tariff:
    """A tariff in the currency of its operator."""
    currency = _currency(scope, row.operator)
    return Tariff(
        id=row.id,
        code=row.code,
        name=row.name,
        kind=ServiceKind(row.kind),
        fee=Money(row.fee_minor, currency),
        fee_period=FeePeriod(row.fee_period),
        connection_fee=Money(row.connection_fee_minor, currency),
        included=[_allowance(item) for item in row.included_json],
        terms=row.terms or None,
        family_shareable=row.family_shareable,
        archived=row.archived,
    )


def service(scope: ReadScope, row: ServiceRow) -> Service:
    """A service in the currency of its operator."""
    currency = _currency(scope, row.operator)
    return Service(
        id=row.id,
        code=row.code,
        name=row.name,
        kind=ServiceKind(row.kind),
        category=ServiceCategory(row.category),
        description=row.description,
        fee=Money(row.fee_minor, currency),
        fee_period=FeePeriod(row.fee_period),
        connection_fee=Money(row.connection_fee_minor, currency),
        terms=row.terms or None,
        trial_days=row.trial_days,
        age_rating=row.age_rating,
    )


def _allowance(item: dict[str, Any]) -> Allowance:
    return Allowance(
        unit=UsageUnit(item["unit"]),
        amount=Decimal(str(item.get("amount", 0))),
        unlimited=bool(item.get("unlimited", False)),
        scope=item.get("scope"),
    )


def _currency(scope: ReadScope, operator: str) -> CurrencyCode:
    profile = scope.profile_of(operator) or scope.profile
    return profile.operator.currency
