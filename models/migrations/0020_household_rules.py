"""That a household never loses its owner, written by hand as in `0002_rules`."""

from tortoise import migrations
from tortoise.migrations import operations as ops

# "At most one" is the index membership_one_owner, at every moment; "at least one" is looked at when a transaction
# commits, since a handover has neither for the time of one statement (I1).
_KEEPS_ITS_OWNER = """
create function household_keeps_its_owner() returns trigger language plpgsql as $$
begin
  if exists (
    select from household h where h.id = old.household_id and h.dissolved_at is null and not exists (
      select from membership m where m.household_id = h.id and m.role = 'OWNER' and m.status = 'ACTIVE')
  ) then
    raise exception 'household % has no owner', old.household_id using errcode = '23514';
  end if;
  return null;
end $$;
create constraint trigger membership_keeps_owner after update or delete on membership
  deferrable initially deferred for each row
  when (old.role = 'OWNER' and old.status = 'ACTIVE') execute function household_keeps_its_owner();
"""

_INDEXES = """
create index membership_minor on membership (birth_date) where role = 'CHILD' and status = 'ACTIVE';
create index household_claimed on household (claimed_at) where claimed_at is not null and dissolved_at is null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0019_household")]

    operations = [ops.RunSQL(_KEEPS_ITS_OWNER), ops.RunSQL(_INDEXES)]
