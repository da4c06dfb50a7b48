from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0018_asking_for_links")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Household",
            name="claim_confirmed_by",
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name="Household",
            name="claimed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Household",
            name="owner_absence_told",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name="Household",
            name="owner_absent_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
