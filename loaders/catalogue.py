"""Tariffs and services as the catalogue shows them; fees in minor units of their operator's currency.

Many lines have the same few of them: what was read of one is made into an object once, whoever it is read for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import orjson

from domain.catalogue import Allowance, FeePeriod, ServiceCategory, TariffOption, read_allowances, tariff_option
from domain.line import ServiceKind
from domain.money import CurrencyCode, Money
from domain.tariff import Option, read_options
from loaders.scope import ReadScope

TARIFF_COLUMNS = """
t.id, t.operator, t.code, t.name, t.kind, t.fee, t.fee_period, t.connection_fee, t.included::text, t.terms,
t.family_shareable, t.archived, t.version, t.options::text, to_json(t.localities)::text, t.speed_mbps
"""

SERVICE_COLUMNS = """
s.id, s.operator, s.code, s.name, s.kind, s.category, s.description, s.fee, s.fee_period, s.connection_fee,
s.terms, s.trial_days, s.age_rating, s.archived, s.included::text, s.valid_days, s.content_provider,
to_json(s.localities)::text, s.speed_mbps
"""


# An operator sells some hundreds; the older versions that lines still have come on top.
_REMEMBERED = 4_000


class TariffRow(NamedTuple):
    """A row of `TARIFF_COLUMNS`; lists are JSON."""

    id: int
    operator: str
    code: str
    name: str
    kind: ServiceKind
    fee_minor: int
    fee_period: FeePeriod
    connection_fee_minor: int
    included_json: str
    terms: str
    family_shareable: bool
    archived: bool
    version: int
    options_json: str
    localities_json: str
    speed_mbps: int | None


class ServiceRow(NamedTuple):
    """A row of `SERVICE_COLUMNS`; lists are JSON."""

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
    included_json: str
    valid_days: int | None
    content_provider: str | None
    localities_json: str
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
    included: tuple[Allowance, ...]
    terms: str | None
    family_shareable: bool
    archived: bool
    version: int
    configurable: Sequence[TariffOption]
    localities: Sequence[str]
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
    included: tuple[Allowance, ...]
    valid_days: int | None
    content_provider: str | None
    localities: Sequence[str]
    speed_mbps: int | None


def tariff(scope: ReadScope, row: TariffRow) -> Tariff:
    """A tariff in the currency of its operator."""
    return _tariff(row, _currency(scope, row.operator))


@lru_cache(_REMEMBERED)
def _tariff(row: TariffRow, currency: CurrencyCode) -> Tariff:
    return Tariff(
        id=row.id,
        code=row.code,
        name=row.name,
        kind=ServiceKind(row.kind),
        fee=Money(row.fee_minor, currency),
        fee_period=FeePeriod(row.fee_period),
        connection_fee=Money(row.connection_fee_minor, currency),
        included=read_allowances(orjson.loads(row.included_json)),
        terms=row.terms or None,
        family_shareable=row.family_shareable,
        archived=row.archived,
        version=row.version,
        configurable=tuple(tariff_option(item, currency) for item in orjson.loads(row.options_json)),
        localities=tuple(orjson.loads(row.localities_json)),
        speed_mbps=row.speed_mbps,
    )


def service(scope: ReadScope, row: ServiceRow) -> Service:
    """A service in the currency of its operator."""
    return _service(row, _currency(scope, row.operator))


@lru_cache(_REMEMBERED)
def _service(row: ServiceRow, currency: CurrencyCode) -> Service:
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
        included=read_allowances(orjson.loads(row.included_json)),
        valid_days=row.valid_days,
        content_provider=row.content_provider,
        localities=tuple(orjson.loads(row.localities_json)),
        speed_mbps=row.speed_mbps,
    )


@lru_cache(_REMEMBERED)
def options(options_json: str) -> tuple[Option, ...]:
    """What may be chosen of a tariff (F104), as `TariffRow` tells it."""
    return read_options(orjson.loads(options_json))


def _currency(scope: ReadScope, operator: str) -> CurrencyCode:
    profile = scope.profile_of(operator) or scope.profile
    return profile.operator.currency
