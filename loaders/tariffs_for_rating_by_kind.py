"""What use is rated with (F105): the tariffs on sale for a kind of line, and the packages beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from domain.catalogue import Allowance, FeePeriod, ServiceCategory, read_allowances
from domain.line import ServiceKind
from domain.rerating import DAYS, Package, Shelf, shelf
from domain.tariff import Option, read_options
from domain.usage import UsageUnit
from loaders.catalogue import TARIFF_COLUMNS, Tariff, TariffRow, tariff
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class Rateable:
    """A tariff with what it is rated by; `configuration` is what a line has chosen of it, None: whatever is best."""

    tariff: Tariff
    fee: int
    every: FeePeriod
    included: tuple[Allowance, ...]
    options: tuple[Option, ...]
    configuration: list[dict[str, Any]] | None = None
    options_fee: int = 0


@dataclass(frozen=True, slots=True)
class Sold:
    """All that is sold for a kind of line; `roaming_day` is the cheapest day abroad, None where none is sold."""

    tariffs: tuple[Rateable, ...]
    packages: Shelf
    roaming_day: int | None


class _Found(NamedTuple):
    options: list[dict[str, Any]]
    row: TariffRow


class _Service(NamedTuple):
    kind: str
    category: str
    fee: int
    fee_period: str
    connection_fee: int
    valid_days: int | None
    included: list[dict[str, Any]]


# What is sold in some places only is not recommended: nobody knows where a line is.
_TARIFFS = Statement(
    f"""
select t.options, {TARIFF_COLUMNS} from tariff t
where t.operator = $1 and t.kind = any($2::text[]) and not t.archived and t.localities = '{{}}' order by t.id
""",
    lambda options, *columns: _Found(options, TariffRow(*columns)),
)
_SERVICES = Statement(
    """
select s.kind, s.category, s.fee, s.fee_period, s.connection_fee, s.valid_days, s.included from service s
where s.operator = $1 and s.kind = any($2::text[]) and not s.archived and s.localities = '{}'
  and (s.included <> '[]' or (s.category = 'ROAMING' and s.fee_period = 'DAY'))
""",
    _Service,
)
_OF_LINES = Statement(
    f"""
select ts.line_id, ts.configuration, ts.options_fee, t.options, {TARIFF_COLUMNS}
from tariff_subscription ts join tariff t on t.id = ts.tariff_id where ts.line_id = any($1::bigint[])
""",
    lambda line_id, chosen, fee, options, *columns: (line_id, chosen, fee, _Found(options, TariffRow(*columns))),
)


async def tariffs_for_rating_by_kind(scope: ReadScope, kinds: Sequence[ServiceKind]) -> Mapping[ServiceKind, Sold]:
    operator, wanted = scope.profile.operator.id, [str(kind) for kind in kinds]
    tariffs = await scope.reads.fetch(_TARIFFS, operator, wanted)
    services = await scope.reads.fetch(_SERVICES, operator, wanted)
    return {
        kind: Sold(
            tuple(_rateable(scope, each) for each in tariffs if each.row.kind == kind),
            shelf(package for each in services if each.kind == kind for package in _packages(each)),
            min((each.fee for each in services if each.kind == kind and _is_roaming_day(each)), default=None),
        )
        for kind in kinds
    }


async def rated_tariff_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, Rateable | None]:
    rows = await scope.reads.fetch(_OF_LINES, line_ids)
    return {line_id: _rateable(scope, found, chosen, fee) for line_id, chosen, fee, found in rows}


def _rateable(
    scope: ReadScope, found: _Found, chosen: list[dict[str, Any]] | None = None, options_fee: int = 0
) -> Rateable:
    return Rateable(
        tariff=tariff(scope, found.row),
        fee=found.row.fee_minor,
        every=FeePeriod(found.row.fee_period),
        included=read_allowances(found.row.included_json),
        options=read_options(found.options),
        configuration=chosen,
        options_fee=options_fee,
    )


def _packages(service: _Service) -> list[Package]:
    """What one purchase brings of each unit; each of them carries the whole price.

    A day's package is one for a month where it is bought each day; an unlimited one is never too small.
    """
    every = FeePeriod(service.fee_period)
    if service.category == ServiceCategory.ROAMING or every is FeePeriod.PER_USE:
        return []
    days = DAYS if every is FeePeriod.DAY else 1
    price = service.fee * days + service.connection_fee
    return [
        Package(unit, Decimal(10**18) if unlimited else amount * days, price)
        for unit, amount, unlimited, scope in read_allowances(service.included)
        if scope is None and unit is not UsageUnit.MONEY
    ]


def _is_roaming_day(service: _Service) -> bool:
    return service.category == ServiceCategory.ROAMING and service.fee_period == FeePeriod.DAY
