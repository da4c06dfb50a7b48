from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0002_rules")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Challenge",
            name="subject",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="Challenge",
            name="tag",
            field=fields.CharField(db_default="", max_length=2),
        ),
        ops.AlterModelOptions(
            name="Registration",
            options={
                "table": "registration",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A cabinet that somebody asked for; it comes into being when the link is opened, or the code given, in time (E62).",
            },
        ),
        ops.AlterField(
            model_name="Registration",
            name="email",
            field=fields.CharField(null=True, max_length=254),
        ),
        ops.AlterField(
            model_name="Registration",
            name="token_hash",
            field=fields.CharField(null=True, unique=True, max_length=64),
        ),
        ops.AddField(
            model_name="Session",
            name="staff",
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name="Session",
            name="staff_reason",
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name="Session",
            name="staff_ticket",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="User",
            name="closed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
