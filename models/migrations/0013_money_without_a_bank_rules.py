"""What the database itself keeps of promised payments, payments from a balance, vouchers and refunds (decision 0005)."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_PROMISED = """
alter table promised_payment
  add constraint promised_payment_amount check (amount > 0 and fee >= 0 and repayments >= 0),
  add constraint promised_payment_due check (due_at > taken_at),
  -- What is owed is collected; what is not, is not.
  add constraint promised_payment_collected check ((repaid_at is null) = (look_at is not null));
-- One at a time, however many ask at once.
create unique index promised_payment_owed on promised_payment (account_id) where repaid_at is null;
create index promised_payment_look on promised_payment (look_at) where look_at is not null;
"""

_VOUCHER = """
create unique index voucher_code on voucher (operator, code_hmac);
alter table voucher
  add constraint voucher_amount check (amount > 0 and expires_at > created_at),
  add constraint voucher_redeemed check ((redeemed_at is null) = (payment_id is null));
"""

_REFUND = """
alter table refund
  add constraint refund_amount check (asked_amount > 0 and amount >= 0 and fee >= 0),
  add constraint refund_decided check (
    (status = 'REQUESTED') = (decided_at is null) and (decided_at is null) = (decided_by is null)),
  add constraint refund_approved check (
    (status in ('PROCESSING', 'COMPLETED', 'FAILED')) = (amount > 0)),
  add constraint refund_looked_after check ((status = 'PROCESSING') = (check_at is not null)),
  add constraint refund_ended check ((status in ('COMPLETED', 'DECLINED', 'FAILED')) = (ended_at is not null));
create unique index refund_open on refund (payment_id) where status in ('REQUESTED', 'PROCESSING');
create index refund_due on refund (check_at) where check_at is not null;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0012_money_without_a_bank")]

    operations = [ops.RunSQL(_PROMISED), ops.RunSQL(_VOUCHER), ops.RunSQL(_REFUND)]
