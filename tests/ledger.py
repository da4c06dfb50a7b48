"""Moving money in tests, on personal accounts 1 to 5 of one operator and 6 of another (the fixture `ledger`)."""

from itertools import count

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import (
    AlreadyPosted,
    Funds,
    InsufficientFunds,
    LedgerAccountKind,
    LedgerAccountName,
    Posted,
    Transfer,
    TransferKind,
    clearing,
    personal,
)
from domain.money import CurrencyCode, Money
from models.database import tx
from services.ledger import lock_funds, post, set_credit_limit, sum_of

BANK = clearing("bank")
REVENUE = LedgerAccountName(LedgerAccountKind.REVENUE)
LOYALTY = LedgerAccountName(LedgerAccountKind.LOYALTY)
ADJUSTMENT = LedgerAccountName(LedgerAccountKind.ADJUSTMENT)
OPERATOR = "beeline"
STRANGER = 6  # the personal account of another operator
_keys = count()

PEOPLE = """
with p as (insert into person (operator, ref, name) values ('beeline', 'one', 'One') returning id),
c as (
  insert into contract (operator, number, holder_id, kind, status, epoch)
  select 'beeline', 'C1', id, 'CONSUMER', 'ACTIVE', 1 from p returning id)
insert into personal_account (id, operator, number, kind, contract_id, status, cash_payments_banned)
select n, case n when 6 then 'life' else 'beeline' end, 'A' || n, 'MOBILE', c.id, 'ACTIVE', false
from c cross join generate_series(1, 6) n
"""


def rub(minor: int) -> Money:
    return Money(minor, CurrencyCode.RUB)


def move(source: LedgerAccountName, target: LedgerAccountName, minor: int, key: str | None = None) -> Transfer:
    return Transfer.between(OPERATOR, TransferKind.BETWEEN, key or f"k{next(_keys)}", source, target, rub(minor))


def top_up(account: int, minor: int, key: str | None = None) -> Transfer:
    return move(BANK, personal(account), minor, key)


async def posted(transfer: Transfer) -> Posted | AlreadyPosted | InsufficientFunds:
    """Post it in a transaction of its own."""

    async def work(connection: BaseDBAsyncClient) -> Posted | AlreadyPosted | InsufficientFunds:
        return await post(connection, transfer)

    return await tx(work)


async def funds(account: LedgerAccountName) -> Funds:
    async def work(connection: BaseDBAsyncClient) -> Funds | None:
        return await lock_funds(connection, OPERATOR, account)

    found = await tx(work)
    assert found is not None
    return found


async def balance(account: int) -> int:
    return (await funds(personal(account))).balance


async def limit(account: int, minor: int) -> bool:
    async def work(connection: BaseDBAsyncClient) -> bool:
        return await set_credit_limit(connection, OPERATOR, account, rub(minor))

    return await tx(work)


async def cleared() -> int:
    async def work(connection: BaseDBAsyncClient) -> Money:
        return await sum_of(connection, OPERATOR, BANK, CurrencyCode.RUB)

    return (await tx(work)).minor
