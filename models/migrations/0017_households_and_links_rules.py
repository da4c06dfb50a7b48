"""What the database itself keeps of households and links, written by hand as in `0002_rules`."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CHECKS = """
alter table number_link
  -- An account that is linked by itself holds its slot as a line does.
  add constraint number_link_account_slot check (
    (kind = 'PRIMARY' and status in ('ACTIVE', 'SUSPENDED') and account_id is not null) = (account_slot is not null)
    and (account_slot is null or account_slot = account_id)),
  add constraint number_link_suspended_reason check (suspended_reason is null or status = 'SUSPENDED');
alter table link_request
  add constraint link_request_secondary_scopes check (kind <> 'SECONDARY' or scopes <@ array['VIEW', 'USAGE', 'PAY']),
  add constraint link_request_delegable_scopes check (not scopes && array['DOCUMENTS', 'CLOSE', 'MEMBERS']);
alter table usage_limit add constraint usage_limit_amount check (amount >= 0);
alter table limit_alert add constraint limit_alert_percent check (percent in (80, 100));
alter table child_policy add constraint child_policy_age_rating check (max_age_rating between 0 and 21);
alter table guest_grant
  add constraint guest_grant_scopes check (cardinality(scopes) > 0 and scopes <@ array['VIEW', 'PAY']),
  add constraint guest_grant_uses check (uses_left >= 0);
alter table invitation
  add constraint invitation_no_owner check (role <> 'OWNER'),
  add constraint invitation_birth_date check ((role = 'CHILD') = (birth_date is not null));
alter table ownership_transfer
  add constraint ownership_transfer_two_sides check (from_member_id <> to_member_id),
  add constraint ownership_transfer_one_end check (num_nonnulls(cancelled_at, done_at) <= 1);
alter table line add constraint line_block_reason check ((block_reason is null) = (blocked_at is null));
"""

_INDEXES = """
create unique index ownership_transfer_open on ownership_transfer (household_id)
  where done_at is null and cancelled_at is null;
create index ownership_transfer_due on ownership_transfer (effective_at) where done_at is null and cancelled_at is null;
create unique index membership_successor on membership (household_id) where is_successor and status = 'ACTIVE';
create unique index invitation_open on invitation (household_id, target_hmac) where status = 'PENDING';
create index invitation_target on invitation (operator, target_hmac) where status = 'PENDING';
create unique index invitation_token on invitation (token_hash);
create unique index guest_grant_token on guest_grant (token_hash);
create unique index approval_request_open on approval_request (line_id, subject_key) where status = 'PENDING';
create index approval_request_due on approval_request (expires_at) where status = 'PENDING';
create index link_request_open on link_request (target, operator) where status = 'PENDING';
create index link_request_challenge on link_request (challenge_id);
create index number_link_reverify on number_link (reverify_by) where status = 'ACTIVE';
create index audit_event_line on audit_event (line_id, id) where line_id is not null;
create index audit_event_subject on audit_event (subject_id, id) where subject_id is not null;
create index audit_event_household on audit_event (household_id, id) where household_id is not null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0016_households_and_links")]

    # Links of accounts that were imported hold their slots from now on; a second one would be SECONDARY.
    operations = [
        ops.RunSQL(
            "update number_link set account_slot = account_id "
            "where kind = 'PRIMARY' and status in ('ACTIVE', 'SUSPENDED') and account_id is not null"
        ),
        ops.RunSQL(_CHECKS),
        ops.RunSQL(_INDEXES),
    ]
