"""What the database itself keeps of payments, written by hand as in `0002_rules`."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_PAYMENT = """
alter table payment
  add constraint payment_amount check (amount > 0 and fee >= 0 and refunded between 0 and amount + fee),
  -- Who waits for an answer is asked after; what has ended is not, and keeps no token.
  add constraint payment_looked_after check (
    (status in ('AWAITING_CONFIRMATION', 'PROCESSING')) = (check_at is not null)),
  add constraint payment_forgets check (check_at is not null or token is null),
  add constraint payment_completed check ((status in ('COMPLETED', 'REFUNDED')) = (completed_at is not null)),
  add constraint payment_confirmed check (status <> 'AWAITING_CONFIRMATION' or confirm_by is not null);
create index payment_due on payment (check_at) where check_at is not null;
-- One account of a user's at a provider, once.
create unique index payment_method_kept on payment_method (user_id, provider, reference) where removed_at is null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0006_payment")]

    operations = [ops.RunSQL(_PAYMENT)]
