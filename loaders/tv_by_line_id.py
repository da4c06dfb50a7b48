"""Television on lines: whether it can be tried, and what runs (F129)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from loaders.batch import by_key
from loaders.scope import ReadScope
from models.reader import Statement


class TvFacts(NamedTuple):
    """`is_sold`: some service of television is sold for such lines; `has_tried`: the line has had its free days."""

    line_id: int
    is_sold: bool
    has_tried: bool


_FACTS = Statement(
    """
select l.id, bool_or(s.id is not null),
  exists (
    select from service_subscription ss join service t on t.id = ss.service_id
    where ss.line_id = l.id and t.category = 'TV' and ss.trial_ends_at is not null)
from line l left join service s on s.operator = l.operator and s.kind = l.kind and s.category = 'TV' and not s.archived
where l.id = any($1::bigint[]) group by l.id
""",
    TvFacts,
)


async def tv_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, TvFacts]:
    return by_key(await scope.reads.fetch(_FACTS, line_ids), lambda facts: facts.line_id)
