"""How a user stands to one line or account, read inside a transaction that depends on it (I8, I14)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import Standing
from models.visible import (
    ACCOUNT_COLUMNS,
    LINE_COLUMNS,
    VISIBLE_ACCOUNTS,
    VISIBLE_LINES,
    AccountRow,
    LineRow,
    standing,
)

_LINE = VISIBLE_LINES + f"select {LINE_COLUMNS} from visible where id = $4"
_ACCOUNT = VISIBLE_ACCOUNTS + f"select {ACCOUNT_COLUMNS} from visible where id = $4"


async def standing_to(
    connection: BaseDBAsyncClient, operator: str, user_id: int, *, account_id: int, line_id: int | None
) -> Standing:
    """How the user stands to the line, or to the account where no line is meant; a stranger's standing is empty."""
    row: type[LineRow] | type[AccountRow]
    sql, row, key = (_ACCOUNT, AccountRow, account_id) if line_id is None else (_LINE, LineRow, line_id)
    # The operator's own things only: what is paid into is looked after by one profile.
    found = await connection.execute_query_dict(sql, [user_id, operator, False, key])
    if not found:
        return Standing()
    return standing(row(**found[0]))
