"""Balances and remains of lines as they change (F062)."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from domain.access import Scope
from loaders.visible import Line, lines
from models.reader import Statement
from models.visible import LINE_COLUMNS, VISIBLE_LINES, LineRow
from resolvers import node_id
from resolvers.context import Context
from resolvers.errors import invalid_input
from resolvers.live import follow

MOST_LINES = 100
# A cabinet with more would have to be asked for by its lines.
_MOST_OF_ALL = 1_000

_WATCHED = Statement(
    VISIBLE_LINES
    + f"""
select {LINE_COLUMNS} from visible where $4::bigint[] is null or id = any($4) order by id limit {_MOST_OF_ALL}
""",
    LineRow,
)


def balance_changed(context: Context, line_ids: Sequence[str] | None) -> AsyncGenerator[Line, None]:
    """Each of these lines, or of all the viewer's, at once and then whenever its balance changes."""
    return _changed(context, line_ids, lambda line: f"balance:{line.account_id}")


def remains_changed(context: Context, line_ids: Sequence[str] | None) -> AsyncGenerator[Line, None]:
    """The same whenever what is left in its packages changes: by use, gifts, services and new periods."""
    return _changed(context, line_ids, lambda line: f"remains:{line.id}")


def _changed(
    context: Context, line_ids: Sequence[str] | None, event: Callable[[Line], str]
) -> AsyncGenerator[Line, None]:
    """Lines that the viewer has VIEW over, followed by an `event` of each.

    Ids of nothing that the viewer may see are passed over, be they unknown, foreign or malformed: what is left
    decides how long this goes on.
    """
    if line_ids is not None and len(line_ids) > MOST_LINES:
        raise invalid_input(f"`lineIds` must be at most {MOST_LINES}")
    wanted = None if line_ids is None else [key for key in map(_line_key, line_ids) if key is not None]

    async def watched(context: Context) -> Mapping[int, str]:
        rows = await context.reads.fetch(_WATCHED, *context.loaders.scope.visibility, wanted)
        seen = lines(context.loaders.scope, rows)
        return {line.id: event(line) for line in seen if line.allows(Scope.VIEW)}

    return follow(context, watched, _line)


async def _line(context: Context, line_id: int) -> Line | None:
    line = await context.loaders.line_by_id.load(line_id)
    return line if line is not None and line.allows(Scope.VIEW) else None


def _line_key(global_id: str) -> int | None:
    named = node_id.decode(global_id)
    return node_id.integer_key(named) if named is not None and named.type_name == "Line" else None
