"""When something is to be told of a service's free days, and what the database itself keeps of it."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

# Of free days that were running before; nobody is told twice, because nobody was told.
_RUNNING = """
update service_subscription set trial_step_at = greatest(trial_ends_at - interval '3 days', now())
where trial_ends_at > now() and ended_at is null;
"""

_RULES = """
alter table service_subscription add constraint service_subscription_trial_step check (
  trial_step_at is null or (trial_ends_at is not null and ended_at is null));
create index service_subscription_trial_step on service_subscription (trial_step_at) where trial_step_at is not null;
create index service_subscription_ends on service_subscription (valid_until)
  where valid_until is not null and ended_at is null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0025_catalogue_search")]

    initial = False

    operations = [
        ops.AddField(
            model_name="ServiceSubscription",
            name="trial_step_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(_RUNNING),
        ops.RunSQL(_RULES),
    ]
