"""A line by its id, if the viewer may have to do with it."""

from collections.abc import Mapping, Sequence

from loaders.scope import ReadScope
from loaders.visible import Line, lines
from models.reader import Statement
from models.visible import LINE_COLUMNS, VISIBLE_LINES, LineRow

LINES = Statement(VISIBLE_LINES + f"select {LINE_COLUMNS} from visible where id = any($4::bigint[])", LineRow)


async def line_by_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, Line | None]:
    rows = await scope.reads.fetch(LINES, *scope.visibility, line_ids)
    return {line.id: line for line in lines(scope, rows)}
