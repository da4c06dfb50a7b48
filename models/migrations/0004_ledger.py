from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from domain.ledger import LedgerAccountKind, TransferKind


class Migration(migrations.Migration):
    dependencies = [("models", "0003_sign_in_ways")]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name="LedgerAccount",
            options={
                "table": "ledger_account",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An account of the ledger.",
            },
        ),
        ops.AlterField(
            model_name="LedgerAccount",
            name="account",
            field=fields.ForeignKeyField(
                "models.PersonalAccount",
                source_field="account_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="ledger",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AlterField(
            model_name="LedgerAccount",
            name="balance",
            field=fields.BigIntField(null=True),
        ),
        ops.AlterField(
            model_name="LedgerAccount",
            name="kind",
            field=fields.CharEnumField(
                description="PERSONAL: PERSONAL\nBONUS: BONUS\nPROMISED: PROMISED\nOPENING: OPENING\nCLEARING: CLEARING\nREVENUE: REVENUE\nFEES: FEES\nLOYALTY: LOYALTY\nADJUSTMENT: ADJUSTMENT",
                enum_type=LedgerAccountKind,
                max_length=16,
            ),
        ),
        ops.AddField(
            model_name="LedgerAccount",
            name="provider",
            field=fields.CharField(default="", max_length=32),
        ),
        ops.AlterField(
            model_name="LedgerTransfer",
            name="kind",
            field=fields.CharEnumField(
                description="OPENING: OPENING\nTOP_UP: TOP_UP\nFEE: FEE\nBETWEEN: BETWEEN\nVOUCHER: VOUCHER\nBONUS: BONUS\nPROMISED: PROMISED\nREPAYMENT: REPAYMENT\nREFUND: REFUND\nADJUSTMENT: ADJUSTMENT",
                enum_type=TransferKind,
                max_length=16,
            ),
        ),
    ]
