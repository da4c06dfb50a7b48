from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0007_payment_rules")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Payment",
            name="hold",
            field=fields.BooleanField(db_default=False),
        ),
        # What is on its way is asked again as it was asked before.
        ops.RunSQL(
            "update payment set hold = fingerprint is null and method_kind = 'CARD' "
            "where status in ('AWAITING_CONFIRMATION', 'PROCESSING')"
        ),
    ]
