"""The rules that the database itself keeps, written by hand.

Tortoise drops `Meta.constraints` in silence when it creates a model, and what `ops.AddConstraint` adds the next
`makemigrations` proposes to remove again. So they are plain SQL, and a test reads them back from pg_constraint.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CHECKS = """
alter table ledger_account
  add constraint ledger_account_floor check (floor is null or balance >= floor),
  add constraint ledger_account_reserved check (reserved >= 0 and credit_limit >= 0),
  add constraint ledger_account_owner check ((kind = 'PERSONAL') = (account_id is not null));
alter table ledger_entry
  add constraint ledger_entry_moves_money check (amount <> 0);
alter table number_link
  add constraint number_link_one_target check (num_nonnulls(line_id, account_id) = 1),
  -- A primary link that counts always holds its line's slot, which one link only can hold (I3).
  add constraint number_link_primary_slot check (
    (kind = 'PRIMARY' and status in ('ACTIVE', 'SUSPENDED') and line_id is not null) = (primary_slot is not null)
    and (primary_slot is null or primary_slot = line_id)),
  add constraint number_link_secondary_scopes
    check (kind <> 'SECONDARY' or scopes <@ array['VIEW', 'USAGE', 'PAY']),
  -- What only the holder of the contract may do is never in a link (I15).
  add constraint number_link_delegable_scopes check (not scopes && array['DOCUMENTS', 'CLOSE', 'MEMBERS']);
alter table line
  add constraint line_has_address check (num_nonnulls(msisdn, service_point) >= 1);
alter table challenge
  add constraint challenge_attempts check (attempts between 0 and max_attempts);
alter table package_counter
  add constraint package_counter_amounts check (remaining >= 0 and remaining <= total);
alter table counter
  add constraint counter_positive check (count > 0);
"""

# Entries of one transfer sum to zero in each currency when the transaction commits. Its plan is made once for a
# connection, perhaps while the tables are empty, so it is told to use the indexes that it will need.
_ZERO_SUM = """
create function ledger_zero_sum() returns trigger language plpgsql
  set enable_seqscan = off set enable_hashjoin = off as $$
begin
  if exists (
    select from ledger_entry e join ledger_account a on a.id = e.account_id
    where e.transfer_id = new.transfer_id group by a.currency having sum(e.amount) <> 0
  ) then
    raise exception 'ledger transfer % does not sum to zero', new.transfer_id using errcode = '23514';
  end if;
  return null;
end $$;
create constraint trigger ledger_entry_zero_sum after insert on ledger_entry
  deferrable initially deferred for each row execute function ledger_zero_sum();
"""

_APPEND_ONLY = """
create function append_only() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = '23001';
end $$;
create trigger ledger_entry_append_only before update or delete on ledger_entry
  for each row execute function append_only();
create trigger ledger_transfer_append_only before update or delete on ledger_transfer
  for each row execute function append_only();
create trigger consent_append_only before update or delete on consent
  for each row execute function append_only();
create trigger audit_event_append_only before update or delete on audit_event
  for each row execute function append_only();
"""

# Exactly one active owner (I1): "at most one" is an index, "at least one" is the household service's.
_INDEXES = """
create unique index membership_one_owner on membership (household_id) where role = 'OWNER' and status = 'ACTIVE';
create unique index ledger_account_system on ledger_account (operator, kind, currency) where account_id is null;
create index membership_user on membership (user_id) where status = 'ACTIVE';
create index number_link_household on number_link (household_id) where status = 'ACTIVE';
create index number_link_line on number_link (line_id);
create index number_link_account on number_link (account_id);
create index consent_link on consent (link_id);
create index line_user on line (user_id);
create index line_account on line (account_id);
create index personal_account_contract on personal_account (contract_id);
create index contract_holder on contract (holder_id);
create index login_user on login (user_id);
create index session_by_user on session (user_id);
create index session_by_family on session (family) where family is not null;
create index refresh_token_family on refresh_token (family);
create index contact_user on contact (user_id);
create index social_account_user on social_account (user_id);
create index outbox_gateway_id on outbox (gateway_id) where gateway_id is not null;
create index challenge_target on challenge (operator, target, purpose, created_at desc);
create index ledger_entry_transfer on ledger_entry (transfer_id);
create index ledger_entry_account on ledger_entry (account_id, id);
create index outbox_due on outbox (run_at) where done_at is null;
create index outbox_recent on outbox (id desc);
create index service_subscription_line on service_subscription (line_id);
create index tariff_catalogue on tariff (operator, id) where not archived;
create index service_catalogue on service (operator, id) where not archived;
"""


# Tortoise knows defaults in Python only; what writes many rows by SQL would have to repeat them.
_DEFAULTS = """
alter table app_user alter password_burnt set default false, alter recovery_channels set default '{}';
alter table session alter channel set default 'SITE';
alter table outbox alter delivery set default 'QUEUED';
alter table challenge alter sent set default true;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        ops.RunSQL(_DEFAULTS),
        ops.RunSQL(_CHECKS),
        ops.RunSQL(_ZERO_SUM),
        ops.RunSQL(_APPEND_ONLY),
        ops.RunSQL(_INDEXES),
    ]
