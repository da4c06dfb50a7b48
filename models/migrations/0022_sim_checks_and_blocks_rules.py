"""What the database itself keeps of blocked lines and of what is asked about their SIMs."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CHECKS = """
alter table line add constraint line_block_ends check (blocked_until is null or block_reason is not null);
alter table number_link add constraint number_link_blocks_undone check (blocks_undone >= 0);
"""

_INDEXES = """
create index line_block_due on line (blocked_until) where blocked_until is not null;
create index sim_check_asked on sim_check (asked_at);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0021_sim_checks_and_blocks")]

    operations = [ops.RunSQL(_CHECKS), ops.RunSQL(_INDEXES)]
