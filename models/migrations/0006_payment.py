from tortoise import migrations
from tortoise.migrations import operations as ops
from domain.money import CurrencyCode
from domain.payment import CardScheme, ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from models.challenge import ChallengePurpose
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("models", "0005_ledger_rules")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PaymentMethod",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="payment_methods",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("operator", fields.CharField(max_length=32)),
                ("provider", fields.CharField(max_length=32)),
                ("reference", fields.CharField(max_length=128)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="CARD: CARD\nAPPLE_PAY: APPLE_PAY\nGOOGLE_PAY: GOOGLE_PAY\nE_WALLET: E_WALLET\nBANK_APP: BANK_APP\nSBP: SBP\nMOBILE_BALANCE: MOBILE_BALANCE\nVOUCHER: VOUCHER\nBONUS: BONUS",
                        enum_type=PaymentMethodKind,
                        max_length=16,
                    ),
                ),
                (
                    "scheme",
                    fields.CharEnumField(
                        null=True,
                        description="MIR: MIR\nVISA: VISA\nMASTERCARD: MASTERCARD\nMAESTRO: MAESTRO\nBELKART: BELKART",
                        enum_type=CardScheme,
                        max_length=12,
                    ),
                ),
                ("last_four", fields.CharField(null=True, max_length=4)),
                ("expires_year", fields.SmallIntField(null=True)),
                ("expires_month", fields.SmallIntField(null=True)),
                ("issuer_country", fields.CharField(null=True, max_length=2)),
                ("fingerprint", fields.CharField(null=True, max_length=128)),
                ("shared", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("removed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payment_method",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A means of payment that a user keeps (F079): the provider's name for it, and what is printed on it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Payment",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "payer",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="payer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("key", fields.CharField(max_length=96)),
                ("asked", fields.CharField(max_length=64)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="TOP_UP: TOP_UP\nAUTOPAY: AUTOPAY\nPROMISED: PROMISED\nFROM_BALANCE: FROM_BALANCE\nREFUND: REFUND\nBONUS: BONUS",
                        enum_type=PaymentKind,
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="AWAITING_CONFIRMATION: AWAITING_CONFIRMATION\nPROCESSING: PROCESSING\nCOMPLETED: COMPLETED\nDECLINED: DECLINED\nEXPIRED: EXPIRED\nCANCELLED: CANCELLED\nREFUNDED: REFUNDED",
                        enum_type=PaymentStatus,
                        max_length=24,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.PersonalAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="payments",
                        on_delete=OnDelete.RESTRICT,
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
                        related_name="payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("named", fields.CharField(max_length=64)),
                (
                    "currency",
                    fields.CharEnumField(description="RUB: RUB\nBYN: BYN", enum_type=CurrencyCode, max_length=3),
                ),
                ("amount", fields.BigIntField()),
                ("fee", fields.BigIntField(default=0)),
                ("refunded", fields.BigIntField(default=0)),
                (
                    "method_kind",
                    fields.CharEnumField(
                        description="CARD: CARD\nAPPLE_PAY: APPLE_PAY\nGOOGLE_PAY: GOOGLE_PAY\nE_WALLET: E_WALLET\nBANK_APP: BANK_APP\nSBP: SBP\nMOBILE_BALANCE: MOBILE_BALANCE\nVOUCHER: VOUCHER\nBONUS: BONUS",
                        enum_type=PaymentMethodKind,
                        max_length=16,
                    ),
                ),
                (
                    "method",
                    fields.ForeignKeyField(
                        "models.PaymentMethod",
                        source_field="method_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("token", fields.CharField(null=True, max_length=512)),
                ("save_method", fields.BooleanField(default=False)),
                ("fingerprint", fields.CharField(null=True, max_length=128)),
                ("provider", fields.CharField(max_length=32)),
                ("provider_key", fields.UUIDField(default=uuid4, unique=True)),
                ("provider_id", fields.CharField(null=True, max_length=128)),
                (
                    "confirmation",
                    fields.CharEnumField(
                        description="NONE: NONE\nSMS_CODE: SMS_CODE\nBANK_REDIRECT: BANK_REDIRECT",
                        enum_type=ConfirmationKind,
                        max_length=16,
                    ),
                ),
                ("challenge_id", fields.UUIDField(null=True)),
                ("redirect_url", fields.CharField(null=True, max_length=2048)),
                ("return_url", fields.CharField(null=True, max_length=2048)),
                ("confirm_by", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("receipt_email", fields.CharField(null=True, max_length=254)),
                ("failure", fields.CharField(null=True, max_length=48)),
                ("failure_detail", fields.CharField(null=True, max_length=48)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("completed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("check_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("checks", fields.IntField(default=0)),
            ],
            options={
                "table": "payment",
                "app": "models",
                "unique_together": (("payer", "key"),),
                "indexes": [
                    Index(fields=["payer_id", "id"]),
                    Index(fields=["account_id", "id"]),
                    Index(fields=["operator", "fingerprint", "created_at"]),
                ],
                "pk_attr": "id",
                "table_description": "One payment. `payer` and `key` are unique together for ever, so a repeated submit finds the first.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PaymentNotification",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=160)),
                (
                    "payment",
                    fields.ForeignKeyField(
                        "models.Payment",
                        source_field="payment_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="notifications",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "payment_notification",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A notification of a provider's that had its effect, written with the effect.",
            },
            bases=["Model"],
        ),
        ops.AlterField(
            model_name="Challenge",
            name="purpose",
            field=fields.CharEnumField(
                description="SIGN_IN: SIGN_IN\nREGISTER: REGISTER\nRECOVER: RECOVER\nSTEP_UP: STEP_UP\nCHANGE_CONTACT: CHANGE_CONTACT\nPAYMENT: PAYMENT",
                enum_type=ChallengePurpose,
                max_length=24,
            ),
        ),
    ]
