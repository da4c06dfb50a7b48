from tortoise import migrations
from tortoise.migrations import operations as ops
from domain.money import CurrencyCode
from domain.payment import AutopayTrigger, DeclineReason
from models.autopay import AutopayOutcome
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("models", "0009_payment_settled")]

    initial = False

    operations = [
        ops.CreateModel(
            name="AutopayRule",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="autopay_rules",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.PersonalAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="autopay_rules",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="autopay_rules",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("named", fields.CharField(max_length=64)),
                (
                    "trigger",
                    fields.CharEnumField(
                        description="BALANCE_BELOW: BALANCE_BELOW\nSCHEDULE: SCHEDULE\nBEFORE_SUBSCRIPTION_FEE: BEFORE_SUBSCRIPTION_FEE",
                        enum_type=AutopayTrigger,
                        max_length=24,
                    ),
                ),
                (
                    "currency",
                    fields.CharEnumField(description="RUB: RUB\nBYN: BYN", enum_type=CurrencyCode, max_length=3),
                ),
                ("amount", fields.BigIntField()),
                ("threshold", fields.BigIntField(null=True)),
                ("monthly_cap", fields.BigIntField(null=True)),
                ("day_of_month", fields.SmallIntField(null=True)),
                (
                    "method",
                    fields.ForeignKeyField(
                        "models.PaymentMethod",
                        source_field="method_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="autopay_rules",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("active", fields.BooleanField(default=True)),
                ("armed", fields.BooleanField(default=True)),
                ("round", fields.IntField(default=1)),
                ("planned_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("failures", fields.IntField(default=0)),
                (
                    "failure",
                    fields.CharField(null=True, max_length=48),
                ),
                (
                    "failure_detail",
                    fields.CharEnumField(
                        null=True,
                        description="INSUFFICIENT_FUNDS: INSUFFICIENT_FUNDS\nMETHOD_EXPIRED: METHOD_EXPIRED\nMETHOD_UNUSABLE: METHOD_UNUSABLE\nLIMIT_EXCEEDED: LIMIT_EXCEEDED\nCOUNTRY_FORBIDDEN: COUNTRY_FORBIDDEN\nFRAUD_SUSPECTED: FRAUD_SUSPECTED\nNOT_CONFIRMED: NOT_CONFIRMED\nCANCELLED: CANCELLED\nISSUER_UNAVAILABLE: ISSUER_UNAVAILABLE\nOTHER: OTHER",
                        enum_type=DeclineReason,
                        max_length=48,
                    ),
                ),
                ("last_run_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("removed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "autopay_rule",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What a payer agreed to pay without being asked; one for each account and trigger.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AutopayRun",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "rule",
                    fields.ForeignKeyField(
                        "models.AutopayRule",
                        source_field="rule_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="runs",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("occasion", fields.CharField(max_length=32)),
                (
                    "payment",
                    fields.OneToOneField(
                        "models.Payment",
                        source_field="payment_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="autopay_run",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "outcome",
                    fields.CharEnumField(
                        null=True, description="PAID: PAID\nFAILED: FAILED", enum_type=AutopayOutcome, max_length=8
                    ),
                ),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "autopay_run",
                "app": "models",
                "indexes": [Index(fields=["rule_id", "at"])],
                "pk_attr": "id",
                "table_description": "A payment that a rule began for an occasion; no `outcome` while it is on its way.",
            },
            bases=["Model"],
        ),
    ]
