"""Use of packages: events that are counted once, what is beyond packages, and pools by their period."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from domain.usage import ChargeType, UsageUnit

# What is not a tariff's ends with its period, used or not; files brought such packages without an end of their own.
_RULES = """
update package_counter set expires_at = resets_at where source <> 'TARIFF' and expires_at is null;
alter table usage_event add constraint usage_event_used check (volume > 0);
alter table usage_day add constraint usage_day_overage check (overage >= 0);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0027_tariff_changes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="UsageEvent",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="usage_events",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", fields.CharField(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "type",
                    fields.CharEnumField(
                        description="CALL: CALL\nSMS: SMS\nMMS: MMS\nINTERNET: INTERNET\nSUBSCRIPTION_FEE: SUBSCRIPTION_FEE\nSERVICE_FEE: SERVICE_FEE\nTOP_UP: TOP_UP\nGIFT: GIFT\nREFUND: REFUND\nOTHER: OTHER",
                        enum_type=ChargeType,
                        max_length=24,
                    ),
                ),
                (
                    "unit",
                    fields.CharEnumField(
                        description="MINUTE: MINUTE\nSMS: SMS\nMMS: MMS\nBYTE: BYTE\nMONEY: MONEY",
                        enum_type=UsageUnit,
                        max_length=8,
                    ),
                ),
                ("volume", fields.DecimalField(max_digits=24, decimal_places=3)),
            ],
            options={
                "table": "usage_event",
                "app": "models",
                "unique_together": (("line", "key"),),
                "pk_attr": "id",
                "table_description": "That something was used, as the network told: `key` is its name of it, and nothing is counted twice.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="PackageCounter",
            name="scope",
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.RenameField(model_name="PoolShare", old_name="counted_from", new_name="counted_until"),
        ops.AddField(
            model_name="UsageDay",
            name="overage",
            field=fields.DecimalField(db_default=0, max_digits=24, decimal_places=3),
        ),
        ops.RunSQL(_RULES),
    ]
