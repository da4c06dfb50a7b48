"""What the operator sells: tariffs (F102), services (F111, F114, F117), and what of it a line may be offered."""

from dataclasses import dataclass

from domain.access import Scope
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
from loaders.services_offered_by_key import OfferCountKey, OfferKey, ServiceFilter, searched, service_matches
from loaders.visible import Line
from models.offering import TARIFF_FITS, sold_in
from models.reader import Statement
from resolvers import node_id
from resolvers.context import Context
from resolvers.errors import invalid_input, not_found
from resolvers.page import Page, page, position, size

_LONGEST_SEARCH = 100
_LONGEST_LOCALITY = 200

_TARIFFS_WHERE = f"""
where t.operator = $1 and t.archived = $2 and ($3::text is null or t.kind = $3)
  and ($4::text is null or {sold_in("t", "$4")}) and {searched("t", 5)}
  and ($6::bigint is null or exists (select from line l where l.id = $6 and {TARIFF_FITS}))
"""
_TARIFFS = Statement(
    f"""
select {TARIFF_COLUMNS} from tariff t {_TARIFFS_WHERE} and ($7::bigint is null or t.id > $7)
order by t.id limit $8
""",
    TariffRow,
)
_TARIFFS_COUNT = Statement(f"select count(*) from tariff t {_TARIFFS_WHERE}", int)

_SERVICES_WHERE = f"where s.operator = $1 and not s.archived and s.artist is null and {service_matches(2)}"
_SERVICES = Statement(
    f"""
select {SERVICE_COLUMNS} from service s {_SERVICES_WHERE} and ($8::bigint is null or s.id > $8)
order by s.id limit $9
""",
    ServiceRow,
)
_SERVICES_COUNT = Statement(f"select count(*) from service s {_SERVICES_WHERE}", int)


@dataclass(frozen=True, slots=True)
class TariffFilter:
    """Which tariffs to list; None: whichever. `words` are all to be found, as patterns."""

    kind: ServiceKind | None = None
    locality: str | None = None
    archived: bool = False
    words: tuple[str, ...] = ()


async def tariffs(
    context: Context, first: int | None, after: str | None, wanted: TariffFilter, for_line: str | None = None
) -> Page[Tariff]:
    """A page of the operator's tariffs; with the id of a line, of those that it may change to."""
    limit = size(first)
    place = position(after, int)
    line = None if for_line is None else await line_shown(context, for_line)
    operator = context.profile.operator.id if line is None else line.operator
    line_id = None if line is None else line.id
    filters = (operator, wanted.archived, wanted.kind, wanted.locality, wanted.words, line_id)
    reads = context.reads
    rows = await reads.fetch(_TARIFFS, *filters, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_TARIFFS_COUNT, *filters) or 0

    nodes = [tariff(context.loaders.scope, row) for row in rows[:limit]]
    return page(nodes, limit, place, lambda node: [node.id], count, has_more=len(rows) > limit)


async def services(
    context: Context, first: int | None, after: str | None, wanted: ServiceFilter, for_line: str | None = None
) -> Page[Service]:
    """A page of the operator's services; with the id of a line, of those that it may be offered."""
    if for_line is not None:
        return await _offered(context, await line_shown(context, for_line), first, after, wanted)
    limit = size(first)
    place = position(after, int)
    reads, filters = context.reads, (context.profile.operator.id, *wanted.arguments)
    rows = await reads.fetch(_SERVICES, *filters, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_SERVICES_COUNT, *filters) or 0

    nodes = [service(context.loaders.scope, row) for row in rows[:limit]]
    return page(nodes, limit, place, lambda node: [node.id], count, has_more=len(rows) > limit)


async def available_services(
    context: Context, line: Line, first: int | None, after: str | None, wanted: ServiceFilter, for_line: str | None
) -> Page[Service] | None:
    """A page of the services that a line may be offered, nothing without VIEW; by `for_line` another one is asked."""
    if not line.allows(Scope.VIEW):
        return None
    if for_line is not None:
        raise invalid_input("`availableForLine` is for `services`: here it is the line itself")
    return await _offered(context, line, first, after, wanted)


async def _offered(
    context: Context, line: Line, first: int | None, after: str | None, wanted: ServiceFilter
) -> Page[Service]:
    limit = size(first)
    place = position(after, int)
    loaders = context.loaders
    found = await loaders.services_offered_by_key.load(
        OfferKey(line.id, wanted, limit + 1, place[0] if place else None)
    )

    async def count() -> int:
        return await loaders.offer_count_by_key.load(OfferCountKey(line.id, wanted))

    return page(found[:limit], limit, place, lambda node: [node.id], count, has_more=len(found) > limit)


async def line_shown(context: Context, global_id: str) -> Line:
    """A line whose services the viewer may look at; whoever may not is told the same as of one that is not there."""
    wanted = node_id.decode(global_id)
    key = node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "Line" else None
    line = None if key is None else await context.loaders.line_by_id.load(key)
    if line is None or not line.allows(Scope.VIEW):
        raise not_found("There is no such line of yours")
    return line


def words_of(search: str | None) -> tuple[str, ...]:
    """The words of a search as patterns that find them anywhere; their own wildcards mean themselves."""
    if search is None:
        return ()
    if len(search) > _LONGEST_SEARCH or "\0" in search:
        raise invalid_input(f"`search` must be at most {_LONGEST_SEARCH} characters of text")
    return tuple(f"%{_literal(word)}%" for word in dict.fromkeys(search.split()))


def place_of(locality: str | None) -> str | None:
    """The name of a place, without spaces around it."""
    if locality is None:
        return None
    if len(locality) > _LONGEST_LOCALITY or "\0" in locality or not locality.strip():
        raise invalid_input(f"`locality` must be the name of a place, 1 to {_LONGEST_LOCALITY} characters")
    return locality.strip()


def paid_or_free(paid_only: bool | None, free_only: bool | None) -> bool | None:
    """Whether there is to be a fee; None where that does not matter."""
    if paid_only and free_only:
        raise invalid_input("Nothing is both paid and free: choose `paidOnly` or `freeOnly`")
    return True if paid_only else False if free_only else None


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
