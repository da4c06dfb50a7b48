from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0026_service_trials")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TariffRest",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "event",
                    fields.OneToOneField(
                        "models.TariffEvent",
                        source_field="event_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="rest",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("paid_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("configuration", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("options_fee", fields.BigIntField()),
                ("charge_day", fields.SmallIntField(null=True)),
                ("since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("months_from", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("packages", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "tariff_rest",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What was left of the tariff that an event put an end to, while it is paid for: it can be had back (F108).",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="changes",
            field=fields.IntField(db_default=0),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="months_from",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_charge",
            field=fields.BigIntField(db_default=0),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_role",
            field=fields.CharField(null=True, max_length=16),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_staff",
            field=fields.CharField(null=True, max_length=64),
        ),
    ]
