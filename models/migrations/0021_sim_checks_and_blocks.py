from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0020_household_rules")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SimCheck",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.OneToOneField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sim_check",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("known_since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("asked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("answered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("changed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sim_check",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One row for each line that the registry was asked about; a table of its own, since it is written all the time.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Line",
            name="blocked_until",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="NumberLink",
            name="blocks_undone",
            field=fields.SmallIntField(db_default=0),
        ),
        ops.AddField(
            model_name="User",
            name="frozen_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
