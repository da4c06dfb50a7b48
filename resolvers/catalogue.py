"""What the operator sells: tariffs (F102) and services (F111)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.catalogue import FeePeriod, ServiceCategory
from domain.line import ServiceKind
from loaders.catalogue import (
    SERVICE_COLUMNS,
    TARIFF_COLUMNS,
    Service,
    ServiceRow,
    Tariff,
    TariffRow,
    service,
    tariff,
)
from models.reader import Statement
from resolvers.context import Context
from resolvers.errors import invalid_input
from resolvers.page import Page, page, position, size

_LONGEST_SEARCH = 100

_TARIFFS_WHERE = """
where t.operator = $1 and t.archived = $2 and ($3::text is null or t.kind = $3)
  and ($4::text is null or t.name ilike $4 or t.code ilike $4)
"""
_TARIFFS = Statement(
    f"""
select {TARIFF_COLUMNS} from tariff t {_TARIFFS_WHERE} and ($5::bigint is null or t.id > $5)
order by t.id limit $6
""",
    TariffRow,
)
_TARIFFS_COUNT = Statement(f"select count(*) from tariff t {_TARIFFS_WHERE}", int)

_SERVICES_WHERE = """
where s.operator = $1 and not s.archived and ($2::text is null or s.kind = $2)
  and ($3::text[] is null or s.category = any($3)) and ($4::text is null or s.fee_period = $4)
  and ($5::bool is null or (s.fee > 0 or s.connection_fee > 0) = $5)
  and ($6::text is null or s.name ilike $6 or s.description ilike $6 or s.code ilike $6)
"""
_SERVICES = Statement(
    f"""
select {SERVICE_COLUMNS} from service s {_SERVICES_WHERE} and ($7::bigint is null or s.id > $7)
order by s.id limit $8
""",
    ServiceRow,
)
_SERVICES_COUNT = Statement(f"select count(*) from service s {_SERVICES_WHERE}", int)


@dataclass(frozen=True, slots=True)
class TariffFilter:
    """Which tariffs to list; None: whichever."""

    kind: ServiceKind | None = None
    archived: bool = False
    search: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """Which services to list; None: whichever. `paid`: with a fee of any kind, or without."""

    kind: ServiceKind | None = None
    categories: Sequence[ServiceCategory] | None = None
    fee_period: FeePeriod | None = None
    paid: bool | None = None
    search: str | None = None


async def tariffs(context: Context, first: int | None, after: str | None, wanted: TariffFilter) -> Page[Tariff]:
    """A page of the operator's tariffs."""
    limit = size(first)
    place = position(after, int)
    reads, operator = context.reads, context.profile.operator.id
    filters = (operator, wanted.archived, wanted.kind, _pattern(wanted.search))
    rows = await reads.fetch(_TARIFFS, *filters, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_TARIFFS_COUNT, *filters) or 0

    nodes = [tariff(context.loaders.scope, row) for row in rows[:limit]]
    return page(nodes, limit, place, lambda node: [node.id], count, has_more=len(rows) > limit)


async def services(context: Context, first: int | None, after: str | None, wanted: ServiceFilter) -> Page[Service]:
    """A page of the operator's services."""
    limit = size(first)
    place = position(after, int)
    reads, operator = context.reads, context.profile.operator.id
    categories = None if wanted.categories is None else list(wanted.categories)
    filters = (operator, wanted.kind, categories, wanted.fee_period, wanted.paid, _pattern(wanted.search))
    rows = await reads.fetch(_SERVICES, *filters, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_SERVICES_COUNT, *filters) or 0

    nodes = [service(context.loaders.scope, row) for row in rows[:limit]]
    return page(nodes, limit, place, lambda node: [node.id], count, has_more=len(rows) > limit)


def _pattern(search: str | None) -> str | None:
    """A search text as a pattern that finds it anywhere; its own wildcards mean themselves."""
    if search is None or not search.strip():
        return None
    if len(search) > _LONGEST_SEARCH or "\0" in search:
        raise invalid_input(f"`search` must be at most {_LONGEST_SEARCH} characters of text")
    escaped = search.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
