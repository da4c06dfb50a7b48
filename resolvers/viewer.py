"""The viewer's lines, personal accounts and households."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auth.session import Viewer
from domain.language import Language
from domain.line import LineStatus, ServiceKind
from domain.sign_in import RecoveryChannel
from execution.batched import Load
from loaders.households_by_user_id import Household
from loaders.visible import Account, Line, accounts, lines
from models.reader import Statement
from models.visible import ACCOUNT_COLUMNS, LINE_COLUMNS, VISIBLE_ACCOUNTS, VISIBLE_LINES, AccountRow, LineRow
from resolvers.context import Context
from resolvers.page import Page, page, position, size

_LINES_WHERE = """
where kind = 'MOBILE' and ($4::text[] is null or status = any($4)) and ($5::bool is null or is_own = $5)
"""

# Own numbers first, then by the order in which they were added.
_LINES = Statement(
    VISIBLE_LINES
    + f"""
select {LINE_COLUMNS} from visible {_LINES_WHERE}
  and ($6::bigint is null or (case when is_own then 0 else 1 end, id) > ($6, $7::bigint))
order by case when is_own then 0 else 1 end, id
limit $8
""",
    LineRow,
)
_LINES_COUNT = Statement(VISIBLE_LINES + f"select count(*) from visible {_LINES_WHERE}", int)

_ACCOUNTS_WHERE = "where ($4::text is null or kind = $4)"
_ACCOUNTS = Statement(
    VISIBLE_ACCOUNTS
    + f"""
select {ACCOUNT_COLUMNS} from visible {_ACCOUNTS_WHERE} and ($5::bigint is null or id > $5) order by id limit $6
""",
    AccountRow,
)
_ACCOUNTS_COUNT = Statement(VISIBLE_ACCOUNTS + f"select count(*) from visible {_ACCOUNTS_WHERE}", int)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which of the viewer's numbers to list; None: whichever."""

    status: Sequence[LineStatus] | None = None
    own: bool | None = None


async def linked_numbers(context: Context, first: int | None, after: str | None, wanted: LineFilter) -> Page[Line]:
    """The mobile numbers the viewer may have to do with, own ones first (F039, F044, F045)."""
    limit = size(first)
    place = position(after, int, int)
    scope, reads = context.loaders.scope, context.reads
    filters = (*scope.visibility, None if wanted.status is None else list(wanted.status), wanted.own)
    rows = await reads.fetch(_LINES, *filters, *(place or (None, None)), limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_LINES_COUNT, *filters) or 0

    return page(lines(scope, rows[:limit]), limit, place, _line_key, count, has_more=len(rows) > limit)


async def personal_accounts(
    context: Context, first: int | None, after: str | None, kind: ServiceKind | None
) -> Page[Account]:
    """The personal accounts the viewer may have to do with (F039, F046)."""
    limit = size(first)
    place = position(after, int)
    scope, reads = context.loaders.scope, context.reads
    filters = (*scope.visibility, kind)
    rows = await reads.fetch(_ACCOUNTS, *filters, place[0] if place else None, limit + 1)

    async def count() -> int:
        return await reads.fetch_one(_ACCOUNTS_COUNT, *filters) or 0

    seen = accounts(scope, rows[:limit])
    # Whose lines are shown beside them name the same accounts.
    context.loaders.account_by_id.know({account.id: account for account in seen})
    return page(
        seen,
        limit,
        place,
        lambda account: [account.id],
        count,
        has_more=len(rows) > limit,
    )


@dataclass(frozen=True, slots=True)
class User:
    """A cabinet identity, as its owner sees it (F033)."""

    id: int
    display_name: str
    login: str | None
    custom_login: str | None
    language: Language
    must_change_password: bool
    recovery_channels: Sequence[RecoveryChannel]
    created_at: datetime


def user(viewer: Viewer) -> User:
    """The user behind a session."""
    return User(
        id=viewer.user_id,
        display_name=viewer.display_name,
        login=viewer.login,
        custom_login=viewer.custom_login,
        language=viewer.language,
        must_change_password=viewer.must_change_password,
        recovery_channels=viewer.recovery_channels,
        created_at=viewer.user_created_at,
    )


def household(context: Context, viewer: Viewer) -> Load[Household | None]:
    """The household that the viewer owns, else the one joined first."""
    return Load(context.loaders.households_by_user_id, viewer.user_id, lambda found: next(iter(found), None))


async def households(context: Context, viewer: Viewer) -> list[Household]:
    """The households of the viewer: the owned one first, then the oldest membership."""
    return await context.loaders.households_by_user_id.load(viewer.user_id)


def _line_key(line: Line) -> Sequence[object]:
    return 0 if line.is_own else 1, line.id
