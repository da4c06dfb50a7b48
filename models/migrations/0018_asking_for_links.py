from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0017_households_and_links_rules")]

    initial = False

    operations = [
        ops.AddField(
            model_name="LinkRequest",
            name="account",
            field=fields.ForeignKeyField(
                "models.PersonalAccount",
                source_field="account_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="link_requests",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.AddField(
            model_name="LinkRequest",
            name="is_account",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name="LinkRequest",
            name="moves",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name="LinkRequest",
            name="proven_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="LinkRequest",
            name="reported_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="NumberLink",
            name="settles_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
