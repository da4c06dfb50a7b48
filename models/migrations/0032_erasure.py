"""What only grows may have a person's words overwritten, when the person is erased, and nothing else of it."""

from tortoise import migrations
from tortoise.migrations import operations as ops

# The arguments of a trigger are the columns that an erasure may overwrite. Truncating and deleting stay forbidden.
_ERASURE = """
create or replace function append_only() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and tg_nargs > 0 and current_setting('hearth.erasing', true) = 'on' then
    if to_jsonb(new) - tg_argv = to_jsonb(old) - tg_argv then
      return new;
    end if;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = '23001';
end $$;
drop trigger consent_append_only on consent;
create trigger consent_append_only before update or delete on consent
  for each row execute function append_only('text', 'address');
drop trigger audit_event_append_only on audit_event;
create trigger audit_event_append_only before update or delete on audit_event
  for each row execute function append_only('details');
drop trigger ticket_message_append_only on ticket_message;
create trigger ticket_message_append_only before update or delete on ticket_message
  for each row execute function append_only('text');
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0031_trusted_documents")]

    operations = [ops.RunSQL(_ERASURE)]
