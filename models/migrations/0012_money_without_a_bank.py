from tortoise import migrations
from tortoise.migrations import operations as ops
from domain.money import CurrencyCode
from domain.refund import RefundStatus
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("models", "0011_autopay_rules")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BalancePayment",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "payment",
                    fields.OneToOneField(
                        "models.Payment",
                        source_field="payment_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="from_balance",
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
                        related_name="balance_payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="balance_payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "balance_payment",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Where the money of a FROM_BALANCE payment comes from.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PromisedPayment",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.PersonalAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="promised_payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="promised_payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "taker",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="taker_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="promised_payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("key", fields.CharField(max_length=96)),
                ("asked", fields.CharField(max_length=64)),
                (
                    "currency",
                    fields.CharEnumField(description="RUB: RUB\nBYN: BYN", enum_type=CurrencyCode, max_length=3),
                ),
                ("amount", fields.BigIntField()),
                ("fee", fields.BigIntField()),
                ("taken_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("repayments", fields.IntField(default=0)),
                ("repaid_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("look_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "promised_payment",
                "app": "models",
                "unique_together": (("taker", "key"),),
                "pk_attr": "id",
                "table_description": "One of them; an account has at most one that is not repaid.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Refund",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "payment",
                    fields.ForeignKeyField(
                        "models.Payment",
                        source_field="payment_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="refunds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="REQUESTED: REQUESTED\nPROCESSING: PROCESSING\nCOMPLETED: COMPLETED\nDECLINED: DECLINED\nFAILED: FAILED",
                        enum_type=RefundStatus,
                        max_length=16,
                    ),
                ),
                ("reason", fields.CharField(max_length=500)),
                ("asked_amount", fields.BigIntField(null=True)),
                ("amount", fields.BigIntField(default=0)),
                ("fee", fields.BigIntField(default=0)),
                ("key", fields.UUIDField(default=uuid4, unique=True)),
                ("provider_id", fields.CharField(null=True, max_length=128)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("decided_by", fields.CharField(null=True, max_length=80)),
                ("answer", fields.CharField(null=True, max_length=500)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("check_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("checks", fields.IntField(default=0)),
            ],
            options={
                "table": "refund",
                "app": "models",
                "indexes": [Index(fields=["payment_id", "id"])],
                "pk_attr": "id",
                "table_description": "One refund; a payment has at most one that is not at its end.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Voucher",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("code_hmac", fields.BinaryField()),
                (
                    "currency",
                    fields.CharEnumField(description="RUB: RUB\nBYN: BYN", enum_type=CurrencyCode, max_length=3),
                ),
                ("amount", fields.BigIntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("redeemed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "payment",
                    fields.OneToOneField(
                        "models.Payment",
                        source_field="payment_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="voucher",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "voucher",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One voucher, in minor units of `currency`; `payment` is what it was redeemed by, once.",
            },
            bases=["Model"],
        ),
    ]
