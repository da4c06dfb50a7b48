"""The personal accounts of a contract that the viewer may see, in the order they were opened."""

from collections.abc import Mapping, Sequence

from loaders.batch import grouped
from loaders.scope import ReadScope
from loaders.visible import Account, accounts
from models.reader import Statement
from models.visible import ACCOUNT_COLUMNS, VISIBLE_ACCOUNTS, AccountRow

ACCOUNTS = Statement(
    VISIBLE_ACCOUNTS + f"select {ACCOUNT_COLUMNS} from visible where contract_id = any($4::bigint[]) order by id",
    AccountRow,
)


async def accounts_by_contract_id(scope: ReadScope, contract_ids: Sequence[int]) -> Mapping[int, list[Account]]:
    rows = await scope.reads.fetch(ACCOUNTS, *scope.visibility, contract_ids)
    return grouped(accounts(scope, rows), lambda account: account.contract_id)
