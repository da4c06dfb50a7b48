"""The rules of the ledger that the database keeps (decision 0008), written by hand as in `0002_rules`."""

from tortoise import migrations
from tortoise.migrations import operations as ops

# An account of a personal account keeps its balance; the operator's own are summed up when somebody asks.
_SHAPE = """
drop index ledger_account_system;
alter table ledger_account
  drop constraint ledger_account_floor,
  drop constraint ledger_account_owner;
alter table ledger_account alter provider set default '', alter balance drop default, alter floor drop default;
update ledger_account set balance = null, reserved = 0, credit_limit = 0, floor = null where account_id is null;
update ledger_account set provider = 'import' where kind = 'CLEARING' and provider = '';
update ledger_account set floor = least(-credit_limit, balance - reserved) where account_id is not null;
create unique index ledger_account_owned on ledger_account (account_id, kind) where account_id is not null;
create unique index ledger_account_system on ledger_account (operator, kind, currency, provider)
  where account_id is null;
alter table ledger_account
  -- What is reserved cannot be spent. Without a floor this is null, which a check lets pass.
  add constraint ledger_account_floor check (balance - reserved >= floor),
  add constraint ledger_account_owner
    check ((kind in ('PERSONAL', 'BONUS', 'PROMISED')) = (account_id is not null)),
  add constraint ledger_account_kept check ((balance is null) = (account_id is null)),
  add constraint ledger_account_provider check ((kind = 'CLEARING') = (provider <> '')),
  -- More than was promised is never repaid.
  add constraint ledger_account_promised check (kind <> 'PROMISED' or balance <= 0);
"""

# Once for all entries of a statement, so that a million of them cost a million rows and not a million statements.
# A debt that is repaid cannot be taken again, so the floor rises with the balance, up to the credit limit.
_BALANCE = """
create function ledger_balance() returns trigger language plpgsql as $$
begin
  update ledger_account a set
    balance = a.balance + n.amount,
    floor = case when a.floor is not null
      then greatest(a.floor, least(-a.credit_limit, a.balance + n.amount - a.reserved)) end
  from (select account_id, sum(amount)::bigint as amount from added group by account_id) n
  where a.id = n.account_id and a.balance is not null;
  return null;
end $$;
create trigger ledger_entry_balance after insert on ledger_entry
  referencing new table as added for each statement execute function ledger_balance();
"""

# The depth tells the trigger above from everybody else.
_ENTRIES_ONLY = """
create function ledger_entries_only() returns trigger language plpgsql as $$
begin
  raise exception 'the balance of ledger account % changes with its entries only', new.id using errcode = '23001';
end $$;
create trigger ledger_account_balance_kept before update of balance on ledger_account for each row
  when (old.balance is distinct from new.balance and pg_trigger_depth() = 0)
  execute function ledger_entries_only();
create trigger ledger_account_opens_empty before insert on ledger_account for each row
  when (new.balance <> 0) execute function ledger_entries_only();

create function ledger_account_lasts() returns trigger language plpgsql as $$
begin
  raise exception 'what ledger account % counts is settled for ever', old.id using errcode = '23001';
end $$;
create trigger ledger_account_lasts before update of id, operator, kind, account_id, provider, currency
  on ledger_account for each row execute function ledger_account_lasts();
"""

_NEVER_EMPTIED = """
create trigger ledger_entry_never_emptied before truncate on ledger_entry
  for each statement execute function append_only();
create trigger ledger_transfer_never_emptied before truncate on ledger_transfer
  for each statement execute function append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0004_ledger")]

    operations = [
        ops.RunSQL(_SHAPE),
        ops.RunSQL(_BALANCE),
        ops.RunSQL(_ENTRIES_ONLY),
        ops.RunSQL(_NEVER_EMPTIED),
    ]
