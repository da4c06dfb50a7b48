"""Moving money, inside the caller's transaction: once for each key, never below a floor (DESIGN 3, I14, I17)."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.balance_payment import giveable
from domain.ledger import (
    OWNED,
    AlreadyPosted,
    Entry,
    Funds,
    InsufficientFunds,
    KeyReused,
    LedgerAccountKind,
    LedgerAccountName,
    Posted,
    Transfer,
    TransferRejected,
    personal,
    promised,
)
from domain.money import CurrencyCode, Money
from models.notify import CHANNEL, payloads

# The accounts that are meant, from the columns that `_named` makes. The two ways to name one have an index each. The
# arrays are subselects so that PostgreSQL does not see how long they are: it would plan anew for each transfer, which
# takes longer than posting it.
_WANTED = """
select w.place, w.amount, coalesce(
  (select o.id from ledger_account o
   where o.account_id = w.owner and o.kind = w.kind and o.operator = $1 and o.currency = w.currency),
  (select s.id from ledger_account s
   where s.account_id is null and w.owner is null and s.operator = $1 and s.kind = w.kind
     and s.currency = w.currency and s.provider = w.provider)) as id
from unnest((select $2::text[]), (select $3::bigint[]), (select $4::text[]), (select $5::text[]), (select $6::bigint[]))
  with ordinality as w (kind, owner, provider, currency, amount, place)
"""

# A whole transfer in one round trip. Only accounts that keep a balance are locked, in the order of their ids; what
# `kept` answers is read after the lock was granted. Inserting the entries moves the balances (a trigger's work).
POST = f"""
with wanted as materialized ({_WANTED}), kept as materialized (
  select w.place, a.balance - a.reserved + w.amount < a.floor as short
  from ledger_account a join wanted w on w.id = a.id
  where a.balance is not null order by a.id for no key update of a
), posted as (
  insert into ledger_transfer (operator, kind, key, at)
  select $1, $7, $8, now()
  where not exists (select from wanted where id is null) and not exists (select from kept where short)
  on conflict (key) do nothing returning id
), entered as (
  insert into ledger_entry (transfer_id, account_id, amount)
  select p.id, w.id, w.amount from posted p cross join wanted w order by w.place
)
select (select id from posted) as transfer_id,
  (select count(pg_notify('{CHANNEL}', payload)) from posted, unnest((select $9::text[])) as payload) as told,
  exists (select from wanted where id is null) as incomplete,
  array(select place::int from kept where short order by place) as short
"""

# Read by a statement of its own, because the one above began before the transfer that it met had been committed.
_POSTED_BEFORE = """
select t.id, t.operator, t.kind, (
  select array_agg(row(a.kind, a.account_id, a.provider, a.currency, e.amount) order by e.id)
  from ledger_entry e join ledger_account a on a.id = e.account_id where e.transfer_id = t.id) as entries
from ledger_transfer t where t.key = $1
"""

# Made the first time that somebody names them, in an order that all share; who loses the race finds the winner's.
# A personal account of another operator is not found, and so nothing is made for it.
_OPEN = """
insert into ledger_account (operator, kind, account_id, provider, currency, balance, reserved, credit_limit, floor)
select $1::text, w.kind, w.owner, w.provider, w.currency, case when w.owner is not null then 0 end, 0, 0,
  case when w.owner is not null and w.kind <> 'PROMISED' then 0 end
from unnest($2::text[], $3::bigint[], $4::text[], $5::text[]) as w (kind, owner, provider, currency)
where w.owner is null or exists (select from personal_account p where p.id = w.owner and p.operator = $1::text)
order by w.kind, w.owner, w.provider, w.currency
on conflict do nothing
"""

_LOCK_FUNDS = """
select balance, reserved, credit_limit, floor from ledger_account
where operator = $1 and kind = $2 and account_id = $3 for no key update
"""

_SET_CREDIT_LIMIT = """
update ledger_account set credit_limit = $3, floor = least(-$3::bigint, balance - reserved)
where operator = $1 and account_id = $2 and currency = $4 and kind = 'PERSONAL' returning id
"""

_SUM = """
select coalesce(sum(e.amount), 0)::bigint from ledger_entry e join ledger_account a on a.id = e.account_id
where a.account_id is null and a.operator = $1 and a.kind = $2 and a.provider = $3 and a.currency = $4
"""


async def post(connection: BaseDBAsyncClient, transfer: Transfer) -> Posted | AlreadyPosted | InsufficientFunds:
    """Move the money, unless its key did before, and tell who watches the balances when the caller commits.

    Raises `KeyReused` where the key belongs to something else, and `TransferRejected` where an account cannot be.
    """
    told = list(payloads(f"balance:{owner}" for owner in sorted(_owners(transfer))))
    arguments = [transfer.operator, *_named(transfer.entries), transfer.kind, transfer.key, told]
    for _ in range(2):
        [row] = await connection.execute_query_dict(POST, arguments)
        if row["transfer_id"] is not None:
            return Posted(row["transfer_id"])
        if (before := await _posted_before(connection, transfer)) is not None:
            return before
        if not row["incomplete"]:
            return InsufficientFunds(tuple(transfer.entries[place - 1].account for place in row["short"]))
        await connection.execute_query(_OPEN, [transfer.operator, *_named(transfer.entries)[:-1]])
    raise TransferRejected(f"{transfer.key} names an account that {transfer.operator} does not have")


async def lock_funds(connection: BaseDBAsyncClient, operator: str, account: LedgerAccountName) -> Funds | None:
    """What an account of a kind in `OWNED` holds, which nobody else changes before the caller commits.

    None where the ledger has not met the account yet. A limit that depends on a balance is checked on this (I14).
    Who locks several accounts does so in the order of their rows, or is run again by `tx`.
    """
    rows = await connection.execute_query_dict(_LOCK_FUNDS, [operator, account.kind, account.owner])
    return Funds(**rows[0]) if rows else None


async def own_money(connection: BaseDBAsyncClient, operator: str, account_id: int) -> int:
    """What a personal account has to give away, in minor units, which nobody else changes before the caller commits."""
    funds = await lock_funds(connection, operator, personal(account_id))
    debt = await lock_funds(connection, operator, promised(account_id))
    return giveable(funds, 0 if debt is None else -debt.balance)


async def set_credit_limit(connection: BaseDBAsyncClient, operator: str, account_id: int, limit: Money) -> bool:
    """Set how far a personal account may fall below zero; gives whether the ledger has it, in that currency.

    Who owes more than the new limit allows keeps the debt, and spends nothing until it is repaid.
    """
    if limit.minor < 0:
        raise TransferRejected("a credit limit is not negative")
    arguments = [operator, account_id, limit.minor, limit.currency]
    return bool(await connection.execute_query_dict(_SET_CREDIT_LIMIT, arguments))


async def sum_of(
    connection: BaseDBAsyncClient, operator: str, account: LedgerAccountName, currency: CurrencyCode
) -> Money:
    """The balance of an account of the operator's own, which keeps none: all its entries, added up."""
    assert account.kind not in OWNED, "the accounts of people keep their balances"
    arguments = [operator, account.kind, account.provider, currency]
    [row] = await connection.execute_query_dict(_SUM, arguments)
    return Money(row["coalesce"], currency)


async def _posted_before(connection: BaseDBAsyncClient, transfer: Transfer) -> AlreadyPosted | None:
    rows = await connection.execute_query_dict(_POSTED_BEFORE, [transfer.key])
    if not rows:
        return None
    [row] = rows
    entries = {_entry(record) for record in row["entries"] or ()}
    if (row["operator"], row["kind"], entries) != (transfer.operator, transfer.kind, set(transfer.entries)):
        raise KeyReused(f"{transfer.key} was posted before as something else")
    return AlreadyPosted(row["id"])


def _entry(record: asyncpg.Record) -> Entry:
    kind, owner, provider, currency, amount = record
    return Entry(LedgerAccountName(LedgerAccountKind(kind), owner, provider), Money(amount, CurrencyCode(currency)))


def _named(entries: Sequence[Entry]) -> list[list[Any]]:
    """The entries as columns: kinds, owners, providers, currencies, amounts."""
    return [
        [entry.account.kind for entry in entries],
        [entry.account.owner for entry in entries],
        [entry.account.provider for entry in entries],
        [entry.amount.currency for entry in entries],
        [entry.amount.minor for entry in entries],
    ]


def _owners(transfer: Transfer) -> set[int]:
    return {entry.account.owner for entry in transfer.entries if entry.account.owner is not None}
