from tortoise import migrations
from tortoise.migrations import operations as ops
from domain.refusals import ErrorCode
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0007_payment_rules")]

    initial = False

    operations = [
        # Codes of errors that came before, from two sides at once.
        ops.AlterField(
            model_name="Payment",
            name="failure",
            field=fields.CharEnumField(
                null=True,
                description="INVALID_INPUT: INVALID_INPUT\nFEATURE_DISABLED: FEATURE_DISABLED\nRATE_LIMITED: RATE_LIMITED\nBAD_CREDENTIALS: BAD_CREDENTIALS\nLOCKED_OUT: LOCKED_OUT\nLOGIN_METHOD_DISABLED: LOGIN_METHOD_DISABLED\nNOT_FOUND: NOT_FOUND\nSTEP_UP_REQUIRED: STEP_UP_REQUIRED\nREGISTRATION_LINK_EXPIRED: REGISTRATION_LINK_EXPIRED\nPASSWORD_TOO_WEAK: PASSWORD_TOO_WEAK\nPASSWORD_FORBIDDEN_CHARACTERS: PASSWORD_FORBIDDEN_CHARACTERS\nCONFLICT: CONFLICT\nFORBIDDEN: FORBIDDEN\nACCOUNT_TERMINATED: ACCOUNT_TERMINATED\nLAST_OWNER: LAST_OWNER\nCHANNEL_UNAVAILABLE: CHANNEL_UNAVAILABLE\nSMS_NOT_DELIVERED: SMS_NOT_DELIVERED\nIDEMPOTENCY_CONFLICT: IDEMPOTENCY_CONFLICT\nAMOUNT_TOO_SMALL: AMOUNT_TOO_SMALL\nAMOUNT_TOO_LARGE: AMOUNT_TOO_LARGE\nAMOUNT_NOT_WHOLE: AMOUNT_NOT_WHOLE\nCARD_TOO_FREQUENT: CARD_TOO_FREQUENT\nCARD_NOT_ACCEPTED: CARD_NOT_ACCEPTED\nPAYMENTS_BANNED: PAYMENTS_BANNED\nPAYMENT_RESTRICTED: PAYMENT_RESTRICTED\nPAYMENT_DECLINED: PAYMENT_DECLINED\nTERMS_NOT_ACCEPTED: TERMS_NOT_ACCEPTED\nCODE_INVALID: CODE_INVALID\nCODE_EXPIRED: CODE_EXPIRED\nCODE_ALREADY_USED: CODE_ALREADY_USED\nCODE_ATTEMPTS_EXCEEDED: CODE_ATTEMPTS_EXCEEDED",
                enum_type=ErrorCode,
                max_length=48,
            ),
        ),
        ops.AlterModelOptions(
            name="ServiceSubscription",
            options={
                "table": "service_subscription",
                "app": "models",
                "unique_together": (("line", "service"),),
                "pk_attr": "id",
                "table_description": "A service connected to a line (F113); `charge_day` and `unpaid_since` as of a tariff, and it pauses alone.",
            },
        ),
        ops.AddField(
            model_name="ServiceSubscription",
            name="charge_day",
            field=fields.SmallIntField(null=True),
        ),
        ops.AddField(
            model_name="ServiceSubscription",
            name="unpaid_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="charge_day",
            field=fields.SmallIntField(null=True),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="unpaid_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
