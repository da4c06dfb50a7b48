"""The balance of a personal account (F055, F057), as billing tells it."""

from collections.abc import Mapping, Sequence

from gateways.billing import Balance
from loaders.batch import by_key
from loaders.billing import ask
from loaders.scope import ReadScope


async def balance_by_account_id(scope: ReadScope, account_ids: Sequence[int]) -> Mapping[int, Balance | None]:
    told = await ask(scope, "balances", len(account_ids), lambda billing: billing.balances(scope.reads, account_ids))
    return by_key(told, lambda balance: balance.account_id)
