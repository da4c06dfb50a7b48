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
    ]
