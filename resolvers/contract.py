"""The contract of a personal account (F030)."""

from execution.batched import Load
from loaders.contract_by_id import Contract
from loaders.visible import Account
from resolvers.context import Context


def of_account(context: Context, account: Account) -> Load[Contract | None] | None:
    """The contract, where the viewer's scopes over the account let them see it."""
    return Load(context.loaders.contract_by_id, account.contract_id) if account.shows_contract else None


async def of_line(context: Context, account_id: int) -> Contract | None:
    """The contract of the account that a line is on."""
    account = await context.loaders.account_by_id.load(account_id)
    shown = None if account is None else of_account(context, account)
    return None if shown is None else await shown


async def by_id(context: Context, contract_id: int) -> Contract | None:
    """The contract, where some account of it shows it."""
    accounts = await context.loaders.accounts_by_contract_id.load(contract_id)
    shown = next((of_account(context, account) for account in accounts if account.shows_contract), None)
    return None if shown is None else await shown
