"""What households, links and the watch over SIMs look for, found without reading whole tables."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_INDEXES = """
create index approval_request_asker on approval_request (requested_by_id, id);
create index guest_grant_maker on guest_grant (created_by_id, id);
create index link_request_household on link_request (household_id) where status = 'PENDING';
create index ownership_transfer_heir on ownership_transfer (to_member_id) where done_at is null and cancelled_at is null;
drop index sim_check_asked;
create index sim_check_asked on sim_check (coalesce(asked_at, '-infinity'::timestamptz));
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0029_tickets")]

    operations = [ops.RunSQL(_INDEXES)]
