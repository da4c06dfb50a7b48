from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0013_money_without_a_bank_rules")]

    initial = False

    operations = [
        # Codes of errors that came before, from two sides at once.
        ops.AlterModelOptions(
            name="ServiceSubscription",
            options={
                "table": "service_subscription",
                "app": "models",
                "unique_together": (("line", "service"),),
                "pk_attr": "id",
                "table_description": "A service connected to a line (F113); `charge_day` and `unpaid_since` as of a tariff, and it pauses alone.",
            },
        ),
        ops.AddField(
            model_name="ServiceSubscription",
            name="charge_day",
            field=fields.SmallIntField(null=True),
        ),
        ops.AddField(
            model_name="ServiceSubscription",
            name="unpaid_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="charge_day",
            field=fields.SmallIntField(null=True),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="unpaid_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
