"""The money of an import: the history and the balance of accounts that the ledger does not have yet.

Double entry: a payment comes from CLEARING, a fee goes to REVENUE, and one OPENING transfer makes up whatever
the history leaves between itself and the stated balance. An account that the ledger has is never touched.
"""

from collections import Counter

from gateways.ledger_billing import BALANCES_NOW
from services.bulk_connection import Connection, rows_changed

# Accounts that the ledger is about to meet, with the moment that their history opens at.
_NEW_ACCOUNTS = """
create temp table import_ledger on commit drop as
select a.id as account_id, i.operator, i.number, i.currency, i.balance, i.credit_limit, i.reserved,
  coalesce(m.first - interval '1 second', now()) as opened_at,
  i.balance - coalesce(m.total, 0) as opening
from import_account i
join personal_account a on a.operator = i.operator and a.number = i.number
left join (
  select operator, account, min(at) as first,
    sum(case kind when 'TOP_UP' then amount else -amount end)::bigint as total
  from import_money group by operator, account
) m on m.operator = i.operator and m.account = i.number
where not exists (select from ledger_account la where la.account_id = a.id and la.kind = 'PERSONAL')
"""

# The operator's own accounts keep no balance. Money that came before the ledger did is cleared by no provider.
_SYSTEM_ACCOUNTS = """
insert into ledger_account (operator, kind, account_id, provider, currency, balance, reserved, credit_limit, floor)
select distinct n.operator, s.kind, null::bigint, s.provider, n.currency, null::bigint, 0, 0, null::bigint
from import_ledger n
cross join (values ('OPENING', ''), ('CLEARING', 'import'), ('REVENUE', '')) as s (kind, provider)
on conflict (operator, kind, currency, provider) where account_id is null do nothing
"""

# A debt that is older than the ledger is lower than the limit allows, so it becomes the floor. An account opens
# empty and its entries come at once, raising the floor with the balance.
_PERSONAL_ACCOUNTS = """
insert into ledger_account (operator, kind, account_id, provider, currency, balance, reserved, credit_limit, floor)
select operator, 'PERSONAL', account_id, '', currency, 0, reserved, credit_limit,
  least(-credit_limit, -reserved, balance - reserved)
from import_ledger
"""

_MOVES = """
create temp table import_move on commit drop as
select n.operator, m.kind, format('import:%s:%s:%s:%s', n.operator, m.kind, n.number, m.key) as key, m.at,
  case m.kind when 'TOP_UP' then m.amount else -m.amount end as amount, n.account_id, n.currency,
  case m.kind when 'TOP_UP' then 'CLEARING' else 'REVENUE' end as counterpart,
  case m.kind when 'TOP_UP' then 'import' else '' end as provider
from import_ledger n join import_money m on m.operator = n.operator and m.account = n.number
union all
select operator, 'OPENING', format('import:%s:OPENING:%s', operator, number), opened_at, opening, account_id,
  currency, 'OPENING', ''
from import_ledger where opening <> 0
"""

_TRANSFERS = """
insert into ledger_transfer (operator, kind, key, at)
select operator, kind, key, at from import_move order by at
"""

_ENTRIES = """
insert into ledger_entry (transfer_id, account_id, amount)
select t.id, e.account_id, e.amount
from import_move m
join ledger_transfer t on t.key = m.key
join ledger_account own on own.account_id = m.account_id and own.kind = 'PERSONAL'
join ledger_account other on other.operator = m.operator and other.kind = m.counterpart
  and other.provider = m.provider and other.currency = m.currency and other.account_id is null
cross join lateral (values (own.id, m.amount), (other.id, -m.amount)) as e (account_id, amount)
order by t.id
"""

# The entries are checked at commit, one by one. Without statistics PostgreSQL would read all accounts for each.
_ANALYZE = "analyze ledger_account, ledger_entry"
_MANY_TRANSFERS = 1_000

# The last known balance follows the ledger, and the next charge what the account's lines pay for.
SNAPSHOT = f"""
insert into balance_snapshot
  (account_id, currency, available, credit, reserved, next_charge, next_charge_at, as_of)
{BALANCES_NOW} and a.account_id in (
  select pa.id
  from (select operator, number from import_account union select operator, account from import_line) i
  join personal_account pa on pa.operator = i.operator and pa.number = i.number)
on conflict (account_id) do update set
  currency = excluded.currency, available = excluded.available, credit = excluded.credit,
  reserved = excluded.reserved, next_charge = excluded.next_charge, next_charge_at = excluded.next_charge_at,
  as_of = excluded.as_of
where (balance_snapshot.available, balance_snapshot.credit, balance_snapshot.reserved,
    balance_snapshot.next_charge, balance_snapshot.next_charge_at)
  is distinct from (excluded.available, excluded.credit, excluded.reserved,
    excluded.next_charge, excluded.next_charge_at)
"""


async def open_accounts(connection: Connection) -> Counter[str]:
    """Bring the file's new accounts into the ledger; gives how many accounts and transfers that made."""
    if not rows_changed(await connection.execute(_NEW_ACCOUNTS)):
        return Counter()
    await connection.execute(_MOVES)
    await connection.execute(_SYSTEM_ACCOUNTS)
    opened = rows_changed(await connection.execute(_PERSONAL_ACCOUNTS))
    moved = rows_changed(await connection.execute(_TRANSFERS))
    await connection.execute(_ENTRIES)
    if moved >= _MANY_TRANSFERS:
        await connection.execute(_ANALYZE)
    return Counter({"ledger accounts": opened, "transfers": moved})
