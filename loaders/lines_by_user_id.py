"""The lines that members of a household use, as far as the viewer may see them, in the order they were added."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from loaders.scope import ReadScope
from loaders.visible import Line, lines
from models.reader import Statement
from models.visible import LINE_COLUMNS, VISIBLE_LINES, LineRow


class _Used(NamedTuple):
    user_id: int
    row: LineRow


LINES = Statement(
    VISIBLE_LINES
    + f"""
select used_by, {LINE_COLUMNS} from visible
join (select id as used_id, user_id as used_by from line where user_id = any($4::bigint[])) used on used_id = id
order by id
""",
    lambda user_id, *columns: _Used(user_id, LineRow(*columns)),
)


async def lines_by_user_id(scope: ReadScope, user_ids: Sequence[int]) -> Mapping[int, list[Line]]:
    used = await scope.reads.fetch(LINES, *scope.visibility, user_ids)
    users = {each.row.id: each.user_id for each in used}
    by_user: dict[int, list[Line]] = {}
    for line in lines(scope, (each.row for each in used)):
        by_user.setdefault(users[line.id], []).append(line)
    return by_user
