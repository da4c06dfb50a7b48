"""What the database itself keeps of fees, written by hand as in `0002_rules`."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_FEES = """
alter table tariff_subscription add constraint tariff_subscription_charge_day check (charge_day between 1 and 31);
alter table service_subscription add constraint service_subscription_charge_day check (charge_day between 1 and 31);
create index tariff_subscription_due on tariff_subscription (next_charge_at, id) where next_charge_at is not null;
create index service_subscription_due on service_subscription (next_charge_at, id) where next_charge_at is not null;
create index tariff_subscription_unpaid on tariff_subscription (line_id) where unpaid_since is not null;
create index service_subscription_unpaid on service_subscription (line_id) where unpaid_since is not null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0014_fees")]

    operations = [ops.RunSQL(_FEES)]
