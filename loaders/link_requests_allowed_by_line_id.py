"""Whether others may ask to be linked to a number, for who uses it (E16)."""

from collections.abc import Mapping, Sequence

from domain.access import NOBODY
from loaders.scope import ReadScope
from models.reader import Statement

_OWN = Statement(
    "select id, link_requests_allowed from line where id = any($1::bigint[]) and user_id = $2",
    lambda line_id, allowed: (line_id, allowed),
)


async def link_requests_allowed_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, bool]:
    user_id = scope.viewer.user_id if scope.viewer else NOBODY
    return dict(await scope.reads.fetch(_OWN, line_ids, user_id))
