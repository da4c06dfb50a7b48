"""What the database itself keeps of services, tariffs, and what is changed of them."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CHECKS = """
alter table tariff add constraint tariff_version_positive check (version > 0);
alter table service add constraint service_valid_days_positive check (valid_days > 0);
alter table service_relation add constraint service_relation_of_two check (service_id <> other_id);
alter table bundle add constraint bundle_discount check (discount_percent between 0 and 100 and fee >= 0);
alter table tariff_subscription add constraint tariff_subscription_options_fee check (options_fee >= 0);
alter table tariff_subscription add constraint tariff_subscription_pending check (
  (pending_tariff_id is null) = (pending_at is null)
  and (pending_tariff_id is null) = (pending_configuration is null)
  and (pending_tariff_id is null) = (pending_options_fee is null));
alter table service_subscription add constraint service_subscription_ended check (
  ended_at is null or next_charge_at is null);
alter table data_gift add constraint data_gift_given check (bytes > 0 and source_id <> target_id);
alter table pool_share add constraint pool_share_cap check (cap >= 0 and used >= 0);
alter table ringback_rule add constraint ringback_rule_numbers check (cardinality(for_numbers) <= 50);
alter table internet_session add constraint internet_session_ends check (ended_at >= started_at);
alter table package_counter add constraint package_counter_within check (unlimited or remaining between 0 and total);
"""

# One version of a tariff is sold at a time.
_INDEXES = """
create unique index tariff_sold on tariff (operator, code) where not archived;
create index tariff_subscription_pending_due on tariff_subscription (pending_at) where pending_at is not null;
create index service_relation_other on service_relation (other_id);
create index package_counter_expires on package_counter (expires_at) where expires_at is not null;
"""

_HISTORY = """
create trigger tariff_event_append_only before update or delete on tariff_event
  for each row execute function append_only();
create trigger service_event_append_only before update or delete on service_event
  for each row execute function append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0023_services_and_tariffs")]

    operations = [ops.RunSQL(_CHECKS), ops.RunSQL(_INDEXES), ops.RunSQL(_HISTORY)]
