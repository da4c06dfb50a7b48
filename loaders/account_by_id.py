"""A personal account by its id, if the viewer may have to do with it."""

from collections.abc import Mapping, Sequence

from loaders.scope import ReadScope
from loaders.visible import Account, accounts
from models.reader import Statement
from models.visible import ACCOUNT_COLUMNS, VISIBLE_ACCOUNTS, AccountRow

ACCOUNTS = Statement(
    VISIBLE_ACCOUNTS + f"select {ACCOUNT_COLUMNS} from visible where id = any($4::bigint[])", AccountRow
)


async def account_by_id(scope: ReadScope, account_ids: Sequence[int]) -> Mapping[int, Account | None]:
    rows = await scope.reads.fetch(ACCOUNTS, *scope.visibility, account_ids)
    return {account.id: account for account in accounts(scope, rows)}
