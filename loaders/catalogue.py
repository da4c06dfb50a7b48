"""Tariffs and services as the catalogue shows them; fees in minor units of their operator's currency."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.catalogue import Allowance, FeePeriod, ServiceCategory, TariffOption, read_allowances, tariff_option
from domain.line import ServiceKind
from domain.money import CurrencyCode, Money
from loaders.scope import ReadScope

TARIFF_COLUMNS = """
t.id, t.operator, t.code, t.name, t.kind, t.fee, t.fee_period, t.connection_fee, t.included, t.terms,
t.family_shareable, t.archived, t.version, t.options, t.localities, t.speed_mbps
"""

SERVICE_COLUMNS = """
s.id, s.operator, s.code, s.name, s.kind, s.category, s.description, s.fee, s.fee_period, s.connection_fee,
s.terms, s.trial_days, s.age_rating, s.archived, s.included, s.valid_days, s.content_provider, s.localities,
s.speed_mbps
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
    version: int
    options_json: list[dict[str, Any]]
    localities: list[str]
    speed_mbps: int | None


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
    archived: bool
    included_json: list[dict[str, Any]]
    valid_days: int | None
    content_provider: str | None
    localities: list[str]
    speed_mbps: int | None


@dataclass(frozen=True, slots=True)
class Tariff:
    """A version of a tariff plan (F102)."""

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
    version: int
    configurable: list[TariffOption]
    localities: list[str]
    speed_mbps: int | None


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
    archived: bool
    included: list[Allowance]
    valid_days: int | None
    content_provider: str | None
    localities: list[str]
    speed_mbps: int | None


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
        included=[*read_allowances(row.included_json)],
        terms=row.terms or None,
        family_shareable=row.family_shareable,
        archived=row.archived,
        version=row.version,
        configurable=[tariff_option(item, currency) for item in row.options_json],
        localities=row.localities,
        speed_mbps=row.speed_mbps,
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
        archived=row.archived,
        included=[*read_allowances(row.included_json)],
        valid_days=row.valid_days,
        content_provider=row.content_provider,
        localities=row.localities,
        speed_mbps=row.speed_mbps,
    )


def _currency(scope: ReadScope, operator: str) -> CurrencyCode:
    profile = scope.profile_of(operator) or scope.profile
    return profile.operator.currency
