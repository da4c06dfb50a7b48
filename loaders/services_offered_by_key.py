"""The services that lines may be offered (F114): a page of them, and how many there are, by line and filter.

Lines that are asked alike share a statement, so that the number of statements depends on the query's shape alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.catalogue import FeePeriod, ServiceCategory
from domain.child_policy import Policy
from domain.line import ServiceKind
from loaders.catalogue import SERVICE_COLUMNS, Service, ServiceRow, service
from loaders.child_by_line_id import child_by_line_id
from loaders.scope import ReadScope
from models.child_policy import Child
from models.offering import SERVICE_FITS, sold_in
from models.reader import Statement

_NO_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """Which services to list; None: whichever. `paid`: with a fee of any kind, or without.

    `words` are all to be found, as patterns.
    """

    kind: ServiceKind | None = None
    categories: tuple[ServiceCategory, ...] | None = None
    fee_period: FeePeriod | None = None
    paid: bool | None = None
    locality: str | None = None
    words: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[object, ...]:
        """What `service_matches` is given."""
        return self.kind, self.categories, self.fee_period, self.paid, self.locality, self.words


class OfferKey(NamedTuple):
    """A line, what is looked for, and which page of that: at most `limit` services, after one of them."""

    line_id: int
    wanted: ServiceFilter
    limit: int
    after: int | None


class OfferCountKey(NamedTuple):
    """A line, and what is looked for."""

    line_id: int
    wanted: ServiceFilter


def searched(entry: str, argument: int) -> str:
    """Whether an entry has all words of a search."""
    return f"{entry}.searched like all (array(select folded(word) from unnest(${argument}::text[]) as word))"


def service_matches(first: int) -> str:
    """Whether `s` is what a filter looks for, whose arguments begin with the `first` of the statement."""
    kind, categories, period, paid, locality, words = range(first, first + 6)
    return f"""
(${kind}::text is null or s.kind = ${kind}) and (${categories}::text[] is null or s.category = any(${categories}))
and (${period}::text is null or s.fee_period = ${period})
and (${paid}::bool is null or (s.fee > 0 or s.connection_fee > 0) = ${paid})
and (${locality}::text is null or {sold_in("s", f"${locality}")}) and {searched("s", words)}
"""


# What a child's policy forbids comes beside its line: categories parted by commas, and the highest age rating.
_LINES = """
unnest($1::bigint[], $2::text[], $3::int[]) as asked (line_id, forbidden, oldest) join line l on l.id = asked.line_id
"""
_OFFERED = f"""
{SERVICE_FITS} and {service_matches(4)}
and s.category <> all (string_to_array(asked.forbidden, ','))
and (asked.oldest is null or coalesce(s.age_rating, 0) <= asked.oldest)
"""


def _row(line_id: int, *columns: Any) -> tuple[int, ServiceRow]:
    return line_id, ServiceRow(*columns)


PAGES = Statement(
    f"""
select l.id, s.*
from {_LINES} cross join lateral (
  select {SERVICE_COLUMNS} from service s
  where {_OFFERED} and ($10::bigint is null or s.id > $10)
  order by s.id limit $11
) s
order by l.id, s.id
""",
    _row,
)
COUNTS = Statement(
    f"select l.id, (select count(*) from service s where {_OFFERED}) from {_LINES}",
    lambda line_id, count: (line_id, count),
)


async def services_offered_by_key(scope: ReadScope, keys: Sequence[OfferKey]) -> Mapping[OfferKey, list[Service]]:
    children = await child_by_line_id(scope, [key.line_id for key in keys])
    pages: dict[tuple[ServiceFilter, int, int | None], list[int]] = {}
    for key in keys:
        pages.setdefault((key.wanted, key.limit, key.after), []).append(key.line_id)
    offered: dict[OfferKey, list[Service]] = {}
    for (wanted, limit, after), line_ids in pages.items():
        lines = _columns(line_ids, children)
        for line_id, row in await scope.reads.fetch(PAGES, *lines, *wanted.arguments, after, limit):
            offered.setdefault(OfferKey(line_id, wanted, limit, after), []).append(service(scope, row))
    return offered


async def offer_count_by_key(scope: ReadScope, keys: Sequence[OfferCountKey]) -> Mapping[OfferCountKey, int]:
    children = await child_by_line_id(scope, [key.line_id for key in keys])
    asked: dict[ServiceFilter, list[int]] = {}
    for key in keys:
        asked.setdefault(key.wanted, []).append(key.line_id)
    counts: dict[OfferCountKey, int] = {}
    for wanted, line_ids in asked.items():
        lines = _columns(line_ids, children)
        for line_id, count in await scope.reads.fetch(COUNTS, *lines, *wanted.arguments):
            counts[OfferCountKey(line_id, wanted)] = count
    return counts


def _columns(line_ids: Sequence[int], children: Mapping[int, Child]) -> tuple[list[int], list[str], list[int | None]]:
    """Lines beside what policies forbid them; of an adult's line there is none."""
    ids = sorted(set(line_ids))
    policies = [children[line_id].policy if line_id in children else _NO_POLICY for line_id in ids]
    return ids, [",".join(each.blocked_categories) for each in policies], [each.max_age_rating for each in policies]
