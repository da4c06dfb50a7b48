"""The lines of a personal account that the viewer may see, in the order they were added."""

from collections.abc import Mapping, Sequence

from loaders.batch import grouped
from loaders.scope import ReadScope
from loaders.visible import Line, lines
from models.reader import Statement
from models.visible import LINE_COLUMNS, VISIBLE_LINES, LineRow

LINES = Statement(
    VISIBLE_LINES + f"select {LINE_COLUMNS} from visible where account_id = any($4::bigint[]) order by id",
    LineRow,
)


async def lines_by_account_id(scope: ReadScope, account_ids: Sequence[int]) -> Mapping[int, list[Line]]:
    rows = await scope.reads.fetch(LINES, *scope.visibility, account_ids)
    return grouped(lines(scope, rows), lambda line: line.account_id)
