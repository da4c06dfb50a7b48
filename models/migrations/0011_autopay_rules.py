"""What the database itself keeps of automatic payments, written by hand as in `0002_rules`."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_RULE = """
alter table autopay_rule
  add constraint autopay_rule_amounts check (
    amount > 0 and threshold >= 0 and monthly_cap >= amount and failures >= 0 and round > 0),
  add constraint autopay_rule_terms check (
    (trigger = 'BALANCE_BELOW') = (threshold is not null)
    and (trigger = 'SCHEDULE') = (day_of_month is not null)
    and (trigger = 'SCHEDULE') = (planned_at is not null)
    and day_of_month between 1 and 31),
  -- Nobody looks at a rule that is off, and a removed one is off.
  add constraint autopay_rule_rests check (active or due_at is null),
  add constraint autopay_rule_removed check (removed_at is null or not active);
-- One for each account and trigger: a form that is sent twice is one rule, and the account is not paid into twice.
create unique index autopay_rule_kept on autopay_rule (user_id, account_id, trigger) where removed_at is null;
create index autopay_rule_due on autopay_rule (due_at) where due_at is not null;
create index autopay_rule_watching on autopay_rule (account_id) where active;
"""

_RUN = """
-- An occasion is paid for once, and a rule has one payment on its way.
create unique index autopay_run_once on autopay_run (rule_id, occasion) where outcome is distinct from 'FAILED';
create unique index autopay_run_one_open on autopay_run (rule_id) where outcome is null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0010_autopay")]

    operations = [ops.RunSQL(_RULE), ops.RunSQL(_RUN)]
