"""What the use of a line is rated with (F105): the tariffs that are sold to it, and the packages beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from domain.catalogue import Allowance, FeePeriod, ServiceCategory, read_allowances
from domain.rerating import DAYS, Package, Shelf, shelf
from domain.tariff import Option, read_options
from domain.usage import UsageUnit
from loaders.catalogue import TARIFF_COLUMNS, Tariff, TariffRow, tariff
from loaders.scope import ReadScope
from models.offering import TARIFF_FITS, sold_in
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
    """All that is sold to a line beside what it has; `roaming_day` is the cheapest day abroad, if one is sold."""

    tariffs: tuple[Rateable, ...]
    packages: Shelf
    roaming_day: int | None


class _Found(NamedTuple):
    options: list[dict[str, Any]]
    row: TariffRow


class _Service(NamedTuple):
    line_ids: list[int]
    category: str
    fee: int
    fee_period: str
    connection_fee: int
    included: list[dict[str, Any]]


# Each with the lines that it is sold to: they are of few kinds and in few places, and the catalogue is long.
_TARIFFS = Statement(
    f"""
select array_agg(l.id), t.options, {TARIFF_COLUMNS}
from line l join tariff t on {TARIFF_FITS} where l.id = any($1::bigint[]) group by t.id order by t.id
""",
    lambda line_ids, options, *columns: (line_ids, _Found(options, TariffRow(*columns))),
)
# A package that the line has already can be bought again.
_SERVICES = Statement(
    f"""
select array_agg(l.id), s.category, s.fee, s.fee_period, s.connection_fee, s.included
from line l join service s on s.operator = l.operator and s.kind = l.kind and not s.archived
  and (s.included <> '[]' or (s.category = 'ROAMING' and s.fee_period = 'DAY')) and {sold_in("s", "l.locality")}
where l.id = any($1::bigint[]) group by s.id order by s.id
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


async def tariffs_for_rating_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, Sold]:
    tariffs: dict[int, list[Rateable]] = {line_id: [] for line_id in line_ids}
    for sold_to, found in await scope.reads.fetch(_TARIFFS, line_ids):
        rateable = _rateable(scope, found)
        for line_id in sold_to:
            tariffs[line_id].append(rateable)
    services: dict[int, list[_Service]] = {line_id: [] for line_id in line_ids}
    for each in await scope.reads.fetch(_SERVICES, line_ids):
        for line_id in each.line_ids:
            services[line_id].append(each)
    # Lines to which the same is sold share a shelf.
    shelves: dict[tuple[int, ...], tuple[Shelf, int | None]] = {}
    sold = {}
    for line_id, offered in services.items():
        same = tuple(map(id, offered))
        if same not in shelves:
            packages = shelf(package for each in offered for package in _packages(each))
            shelves[same] = packages, min((each.fee for each in offered if _is_roaming_day(each)), default=None)
        sold[line_id] = Sold(tuple(tariffs[line_id]), *shelves[same])
    return sold


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
