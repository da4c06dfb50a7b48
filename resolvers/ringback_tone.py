"""The tones that callers may hear instead of the ringing tone (F126)."""

from loaders.ringback_tone import TONE_COLUMNS, RingbackTone, ToneRow, tone
from loaders.services_offered_by_key import searched
from models.reader import Statement
from resolvers.catalogue import words_of
from resolvers.context import Context
from resolvers.page import Page, page, position, size

_WHERE = f"where s.operator = $1 and not s.archived and s.artist is not null and {searched('s', 2)}"
_TONES = Statement(
    f"select {TONE_COLUMNS} from service s {_WHERE} and ($3::bigint is null or s.id > $3) order by s.id limit $4",
    ToneRow,
)
_COUNT = Statement(f"select count(*) from service s {_WHERE}", int)


async def tones(context: Context, search: str | None, first: int | None, after: str | None) -> Page[RingbackTone]:
    """A page of the operator's tones, by words of their titles and artists."""
    limit = size(first)
    place = position(after, int)
    reads, filters = context.reads, (context.profile.operator.id, words_of(search))
    rows = await reads.fetch(_TONES, *filters, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_COUNT, *filters) or 0

    nodes = [tone(context.loaders.scope, row) for row in rows[:limit]]
    return page(nodes, limit, place, lambda node: [node.id], count, has_more=len(rows) > limit)
