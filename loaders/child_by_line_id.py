"""The children that use lines, and what may be done with these (F048)."""

from collections.abc import Mapping, Sequence

from domain.child_policy import is_minor
from loaders.batch import by_key
from loaders.scope import ReadScope
from models.child_policy import CHILDREN, Child, child
from models.reader import Statement

_NAMES = (
    "line_id",
    "operator",
    "child_id",
    "birth_date",
    "household_id",
    "owner_id",
    "blocked_categories",
    "max_age_rating",
    "quiet_hours",
    "approval_needed_for",
    "can_top_up_self",
    "always_allowed_numbers",
    "set_at",
)
_CHILDREN = Statement(CHILDREN, lambda *columns: child(dict(zip(_NAMES, columns, strict=True))))


async def child_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, Child]:
    found = await scope.reads.fetch(_CHILDREN, line_ids)
    return by_key((each for each in found if _is_minor(scope, each)), lambda each: each.line_id)


def _is_minor(scope: ReadScope, found: Child) -> bool:
    profile = scope.profile_of(found.operator)
    return profile is not None and is_minor(found.birth_date, scope.today(profile), profile)
