"""Why a line does not work, where those who use it blocked it (F121)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.line import BlockReason
from loaders.batch import by_key
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class LineBlock:
    """A block; `by` is who blocked the line, by name, and null where their cabinet is gone."""

    line_id: int
    reason: BlockReason
    since: datetime
    until: datetime | None
    by: str | None


def _row(line_id: int, reason: str, since: datetime, until: datetime | None, by: str | None) -> LineBlock:
    return LineBlock(line_id, BlockReason(reason), since, until, by)


BY_LINE = Statement(
    """
select l.id, l.block_reason, l.blocked_at, l.blocked_until, u.display_name
from line l left join app_user u on u.id = l.blocked_by_id
where l.id = any($1::bigint[]) and l.block_reason is not null
""",
    _row,
)


async def block_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, LineBlock]:
    return by_key(await scope.reads.fetch(BY_LINE, line_ids), lambda block: block.line_id)
