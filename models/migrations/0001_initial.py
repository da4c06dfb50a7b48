from tortoise import migrations
from tortoise.migrations import operations as ops
from domain.access import AccessLevel, HouseholdRole, LinkKind
from domain.catalogue import FeePeriod, ServiceCategory
from domain.challenge import DeliveryStatus
from domain.channel import Channel
from domain.language import Language
from domain.line import ContractKind, ContractStatus, LineStatus, ServiceKind
from domain.money import CurrencyCode
from domain.number_link import ConsentMethod, LinkStatus
from domain.sign_in import ContactKind, LoginIdentifier, SocialProvider
from domain.usage import ChargeType, PackageSource, UsageUnit
from models.challenge import ChallengePurpose
from models.household import MembershipStatus
from models.ledger import LedgerAccountKind, TransferKind
from orjson import loads
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Counter",
            fields=[
                ("key", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=400)),
                ("count", fields.IntField(default=0)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "counter",
                "app": "models",
                "pk_attr": "key",
                "table_description": "How often something happened in the window that began at `started_at`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Household",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("ref", fields.CharField(null=True, max_length=64)),
                ("name", fields.CharField(max_length=100)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("dissolved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "household",
                "app": "models",
                "unique_together": (("operator", "ref"),),
                "pk_attr": "id",
                "table_description": "A family that shares numbers and accounts; exactly one active OWNER while it lives (I1).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LedgerTransfer",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="OPENING: OPENING\nTOP_UP: TOP_UP\nFEE: FEE", enum_type=TransferKind, max_length=16
                    ),
                ),
                ("key", fields.CharField(unique=True, max_length=160)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "ledger_transfer",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A movement of money; `key` is unique for ever, so one cause has one effect.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OutboxMessage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("kind", fields.CharField(max_length=32)),
                ("body", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("dedup", fields.CharField(null=True, unique=True, max_length=128)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("run_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("locked_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("attempts", fields.IntField(default=0)),
                ("gateway_id", fields.CharField(null=True, max_length=128)),
                (
                    "delivery",
                    fields.CharEnumField(
                        default=DeliveryStatus.QUEUED,
                        description="QUEUED: QUEUED\nSENT: SENT\nDELIVERED: DELIVERED\nFAILED: FAILED\nUNKNOWN: UNKNOWN",
                        enum_type=DeliveryStatus,
                        max_length=12,
                    ),
                ),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("done_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_error", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "outbox",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One effect on the world outside. `dedup` makes a repeated enqueue harmless.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Person",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("ref", fields.CharField(max_length=64)),
                ("name", fields.CharField(max_length=200)),
                ("birth_date", fields.DateField(null=True)),
            ],
            options={
                "table": "person",
                "app": "models",
                "unique_together": (("operator", "ref"),),
                "pk_attr": "id",
                "table_description": "A human being known to an operator, with or without a cabinet.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Contract",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("number", fields.CharField(max_length=64)),
                (
                    "holder",
                    fields.ForeignKeyField(
                        "models.Person",
                        source_field="holder_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="contracts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="CONSUMER: CONSUMER\nBUSINESS: BUSINESS", enum_type=ContractKind, max_length=16
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="ACTIVE: ACTIVE\nTERMINATING: TERMINATING\nTERMINATED: TERMINATED",
                        enum_type=ContractStatus,
                        max_length=16,
                    ),
                ),
                ("epoch", fields.IntField(default=1)),
                ("signed_on", fields.DateField(null=True)),
                ("terminated_on", fields.DateField(null=True)),
            ],
            options={
                "table": "contract",
                "app": "models",
                "unique_together": (("operator", "number"),),
                "pk_attr": "id",
                "table_description": "An agreement with its holder; `epoch` grows when the number passes to another contract (I7, E24, E26).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PersonalAccount",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("number", fields.CharField(max_length=64)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE",
                        enum_type=ServiceKind,
                        max_length=24,
                    ),
                ),
                (
                    "contract",
                    fields.ForeignKeyField(
                        "models.Contract",
                        source_field="contract_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="accounts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        default=LineStatus.ACTIVE,
                        description="ACTIVE: ACTIVE\nBLOCKED_BY_USER: BLOCKED_BY_USER\nSUSPENDED_NONPAYMENT: SUSPENDED_NONPAYMENT\nSUSPENDED_FRAUD: SUSPENDED_FRAUD\nPORTING_OUT: PORTING_OUT\nPORTED_OUT: PORTED_OUT\nTERMINATED: TERMINATED",
                        enum_type=LineStatus,
                        max_length=24,
                    ),
                ),
                ("cash_payments_banned", fields.BooleanField(default=False)),
            ],
            options={
                "table": "personal_account",
                "app": "models",
                "unique_together": (("operator", "number"),),
                "pk_attr": "id",
                "table_description": "A personal account (лицевой счёт): what is paid for one or more lines (F046, TMF666 BillingAccount).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BalanceSnapshot",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "account",
                    fields.OneToOneField(
                        "models.PersonalAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="snapshot",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "currency",
                    fields.CharEnumField(description="RUB: RUB\nBYN: BYN", enum_type=CurrencyCode, max_length=3),
                ),
                ("available", fields.BigIntField()),
                ("credit", fields.BigIntField(null=True)),
                ("reserved", fields.BigIntField(default=0)),
                ("next_charge", fields.BigIntField(null=True)),
                ("next_charge_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("as_of", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "balance_snapshot",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The last balance that billing told for an account, so that a page renders when billing does not (N9).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LedgerAccount",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="PERSONAL: PERSONAL\nOPENING: OPENING\nCLEARING: CLEARING\nREVENUE: REVENUE",
                        enum_type=LedgerAccountKind,
                        max_length=16,
                    ),
                ),
                (
                    "account",
                    fields.OneToOneField(
                        "models.PersonalAccount",
                        source_field="account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="ledger",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "currency",
                    fields.CharEnumField(description="RUB: RUB\nBYN: BYN", enum_type=CurrencyCode, max_length=3),
                ),
                ("balance", fields.BigIntField(default=0)),
                ("reserved", fields.BigIntField(default=0)),
                ("credit_limit", fields.BigIntField(default=0)),
                ("floor", fields.BigIntField(null=True, default=0)),
            ],
            options={
                "table": "ledger_account",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An account of the ledger; `balance` is the sum of its entries.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "transfer",
                    fields.ForeignKeyField(
                        "models.LedgerTransfer",
                        source_field="transfer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.LedgerAccount",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("amount", fields.BigIntField()),
            ],
            options={
                "table": "ledger_entry",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One side of a transfer, in minor units: positive adds to the account.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Registration",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("email", fields.CharField(max_length=254)),
                ("msisdn", fields.CharField(null=True, max_length=15)),
                ("password_hash", fields.CharField(max_length=200)),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("confirmed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "registration",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A cabinet that somebody asked for by e-mail; it comes into being when the link is opened in time (E62).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Service",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("code", fields.CharField(max_length=64)),
                ("name", fields.CharField(max_length=200)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE",
                        enum_type=ServiceKind,
                        max_length=24,
                    ),
                ),
                (
                    "category",
                    fields.CharEnumField(
                        description="SMS_MMS_PACKAGE: SMS_MMS_PACKAGE\nDATA_PACKAGE: DATA_PACKAGE\nMINUTE_PACKAGE: MINUTE_PACKAGE\nUNLIMITED: UNLIMITED\nENTERTAINMENT: ENTERTAINMENT\nROAMING: ROAMING\nCALL_MANAGEMENT: CALL_MANAGEMENT\nINTERNET_EXTENSION: INTERNET_EXTENSION\nTRUST_PAYMENT: TRUST_PAYMENT\nSECURITY: SECURITY\nRINGBACK: RINGBACK\nTV: TV\nOTHER: OTHER",
                        enum_type=ServiceCategory,
                        max_length=24,
                    ),
                ),
                ("description", fields.TextField(default="", unique=False)),
                ("fee", fields.BigIntField()),
                (
                    "fee_period",
                    fields.CharEnumField(
                        description="DAY: DAY\nMONTH: MONTH\nONCE: ONCE\nPER_USE: PER_USE",
                        enum_type=FeePeriod,
                        max_length=8,
                    ),
                ),
                ("connection_fee", fields.BigIntField(default=0)),
                ("terms", fields.TextField(default="", unique=False)),
                ("trial_days", fields.IntField(null=True)),
                ("age_rating", fields.IntField(null=True)),
                ("archived", fields.BooleanField(default=False)),
            ],
            options={
                "table": "service",
                "app": "models",
                "unique_together": (("operator", "code"),),
                "pk_attr": "id",
                "table_description": "A service that can be switched on for a line (F111).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Tariff",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("code", fields.CharField(max_length=64)),
                ("name", fields.CharField(max_length=200)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE",
                        enum_type=ServiceKind,
                        max_length=24,
                    ),
                ),
                ("fee", fields.BigIntField()),
                (
                    "fee_period",
                    fields.CharEnumField(
                        description="DAY: DAY\nMONTH: MONTH\nONCE: ONCE\nPER_USE: PER_USE",
                        enum_type=FeePeriod,
                        max_length=8,
                    ),
                ),
                ("connection_fee", fields.BigIntField(default=0)),
                ("included", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("terms", fields.TextField(default="", unique=False)),
                ("family_shareable", fields.BooleanField(default=False)),
                ("archived", fields.BooleanField(default=False)),
            ],
            options={
                "table": "tariff",
                "app": "models",
                "unique_together": (("operator", "code"),),
                "pk_attr": "id",
                "table_description": "A tariff plan; `included` is a list of {unit, amount, unlimited, scope} (F102).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "person",
                    fields.OneToOneField(
                        "models.Person",
                        source_field="person_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="user",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("display_name", fields.CharField(max_length=200)),
                (
                    "language",
                    fields.CharEnumField(
                        description="RU: ru\nBE: be\nTT: tt\nEN: en", enum_type=Language, max_length=2
                    ),
                ),
                ("password_hash", fields.CharField(null=True, max_length=200)),
                ("must_change_password", fields.BooleanField(default=False)),
                ("temporary_hmac", fields.BinaryField(null=True)),
                ("temporary_expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("password_burnt", fields.BooleanField(default=False)),
                ("recovery_channels", ArrayField(default=list, element_type="TEXT")),
                (
                    "network_auto_login",
                    fields.CharEnumField(
                        null=True, description="FULL: FULL\nPARTIAL: PARTIAL", enum_type=AccessLevel, max_length=8
                    ),
                ),
                ("last_signed_in_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "app_user",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A cabinet identity: who signs in.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AuditEvent",
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
                        related_name="audit_events",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("action", fields.CharField(max_length=48)),
                ("details", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "audit_event",
                "app": "models",
                "indexes": [Index(fields=["user_id", "id"])],
                "pk_attr": "id",
                "table_description": "One event of a user's cabinet: `details` never holds a code, a password or a token.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Challenge",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "purpose",
                    fields.CharEnumField(
                        description="SIGN_IN: SIGN_IN\nREGISTER: REGISTER\nRECOVER: RECOVER\nSTEP_UP: STEP_UP\nCHANGE_CONTACT: CHANGE_CONTACT",
                        enum_type=ChallengePurpose,
                        max_length=24,
                    ),
                ),
                ("channel", fields.CharField(max_length=16)),
                ("target", fields.CharField(max_length=254)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="challenges",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("initiator", fields.CharField(max_length=64)),
                ("sent", fields.BooleanField(default=True)),
                ("code_hmac", fields.BinaryField()),
                ("attempts", fields.IntField(default=0)),
                ("max_attempts", fields.IntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("consumed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "challenge",
                "app": "models",
                "indexes": [Index(fields=["operator", "target", "created_at"])],
                "pk_attr": "id",
                "table_description": "A code for `target`, asked for by `initiator`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Contact",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="contacts",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("operator", fields.CharField(max_length=32)),
                (
                    "kind",
                    fields.CharEnumField(description="EMAIL: EMAIL\nPHONE: PHONE", enum_type=ContactKind, max_length=8),
                ),
                ("value", fields.CharField(max_length=254)),
                ("verified_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "contact",
                "app": "models",
                "unique_together": (("user", "kind", "value"),),
                "pk_attr": "id",
                "table_description": "An e-mail address or a telephone number of a user, for recovery once it is verified (F031, K005).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Line",
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
                        related_name="lines",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="lines",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="MOBILE: MOBILE\nINTERNET: INTERNET\nTV: TV\nLANDLINE: LANDLINE\nIP_TELEPHONY: IP_TELEPHONY\nWIFI: WIFI\nVIDEO_SURVEILLANCE: VIDEO_SURVEILLANCE",
                        enum_type=ServiceKind,
                        max_length=24,
                    ),
                ),
                ("msisdn", fields.CharField(null=True, max_length=15)),
                ("service_point", fields.CharField(null=True, max_length=64)),
                ("label", fields.CharField(null=True, max_length=64)),
                (
                    "status",
                    fields.CharEnumField(
                        default=LineStatus.ACTIVE,
                        description="ACTIVE: ACTIVE\nBLOCKED_BY_USER: BLOCKED_BY_USER\nSUSPENDED_NONPAYMENT: SUSPENDED_NONPAYMENT\nSUSPENDED_FRAUD: SUSPENDED_FRAUD\nPORTING_OUT: PORTING_OUT\nPORTED_OUT: PORTED_OUT\nTERMINATED: TERMINATED",
                        enum_type=LineStatus,
                        max_length=24,
                    ),
                ),
                ("puk1_hash", fields.CharField(null=True, max_length=200)),
                ("sim_epoch", fields.IntField(default=1)),
                ("activated_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "line",
                "app": "models",
                "unique_together": (("operator", "msisdn"), ("operator", "service_point")),
                "pk_attr": "id",
                "table_description": "One mobile number, or one service point of a fixed service; `user` is who holds the SIM.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Login",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="logins",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("operator", fields.CharField(max_length=32)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="MSISDN: MSISDN\nEMAIL: EMAIL\nACCOUNT_NUMBER: ACCOUNT_NUMBER\nCONTRACT_NUMBER: CONTRACT_NUMBER\nNETWORK_LOGIN: NETWORK_LOGIN\nCUSTOM_LOGIN: CUSTOM_LOGIN",
                        enum_type=LoginIdentifier,
                        max_length=16,
                    ),
                ),
                ("value", fields.CharField(max_length=254)),
            ],
            options={
                "table": "login",
                "app": "models",
                "unique_together": (("operator", "kind", "value"),),
                "pk_attr": "id",
                "table_description": "One identifier a user may sign in with, unique within the operator.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Membership",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "models.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "role",
                    fields.CharEnumField(
                        description="OWNER: OWNER\nADULT: ADULT\nCHILD: CHILD\nVIEWER: VIEWER",
                        enum_type=HouseholdRole,
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        default=MembershipStatus.ACTIVE,
                        description="ACTIVE: ACTIVE\nLEFT: LEFT\nREMOVED: REMOVED",
                        enum_type=MembershipStatus,
                        max_length=16,
                    ),
                ),
                ("birth_date", fields.DateField(null=True)),
                ("joined_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "membership",
                "app": "models",
                "unique_together": (("household", "user"),),
                "pk_attr": "id",
                "table_description": "A user's place in a household.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="NumberLink",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "models.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="links",
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
                        related_name="links",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.PersonalAccount",
                        source_field="account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="links",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="PRIMARY: PRIMARY\nSECONDARY: SECONDARY", enum_type=LinkKind, max_length=16
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="PENDING: PENDING\nACTIVE: ACTIVE\nSUSPENDED: SUSPENDED\nREVOKED: REVOKED\nEXPIRED: EXPIRED\nTERMINATED: TERMINATED",
                        enum_type=LinkStatus,
                        max_length=16,
                    ),
                ),
                ("scopes", ArrayField(default=list, element_type="TEXT")),
                ("label", fields.CharField(null=True, max_length=64)),
                ("sim_epoch", fields.IntField(default=1)),
                ("contract_epoch", fields.IntField(default=1)),
                ("primary_slot", fields.BigIntField(null=True, unique=True)),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("confirmed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("reverify_by", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "number_link",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The grant: a household may use some scopes of a line or a personal account.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Consent",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "link",
                    fields.ForeignKeyField(
                        "models.NumberLink",
                        source_field="link_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="consents",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "method",
                    fields.CharEnumField(
                        description="SMS_CODE: SMS_CODE\nPASSWORD: PASSWORD\nTRUSTED_DEVICE: TRUSTED_DEVICE\nOFFICE: OFFICE\nCONTRACT_HOLDER: CONTRACT_HOLDER",
                        enum_type=ConsentMethod,
                        max_length=16,
                    ),
                ),
                ("text", fields.TextField(unique=False)),
                ("scopes", ArrayField(default=list, element_type="TEXT")),
                ("given_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "consent",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What the number's holder agreed to, word for word; rows are only ever added (I6).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PackageCounter",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="packages",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("code", fields.CharField(max_length=64)),
                ("name", fields.CharField(max_length=200)),
                (
                    "unit",
                    fields.CharEnumField(
                        description="MINUTE: MINUTE\nSMS: SMS\nMMS: MMS\nBYTE: BYTE\nMONEY: MONEY",
                        enum_type=UsageUnit,
                        max_length=8,
                    ),
                ),
                (
                    "source",
                    fields.CharEnumField(
                        description="TARIFF: TARIFF\nSERVICE: SERVICE\nGIFT: GIFT\nBONUS: BONUS\nCARRY_OVER: CARRY_OVER\nPOOL: POOL",
                        enum_type=PackageSource,
                        max_length=16,
                    ),
                ),
                ("total", fields.DecimalField(max_digits=24, decimal_places=3)),
                ("remaining", fields.DecimalField(max_digits=24, decimal_places=3)),
                ("unlimited", fields.BooleanField(default=False)),
                ("resets_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("as_of", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "package_counter",
                "app": "models",
                "unique_together": (("line", "code"),),
                "pk_attr": "id",
                "table_description": "What is left of one package of a line; `total` and `remaining` are in the package's unit.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RefreshToken",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="refresh_tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("operator", fields.CharField(max_length=32)),
                ("family", fields.UUIDField()),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("device", fields.CharField(null=True, max_length=200)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "refresh_token",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A remembered device's token (F023): used once, and followed by the next of its `family`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ServiceSubscription",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="subscriptions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "service",
                    fields.ForeignKeyField(
                        "models.Service",
                        source_field="service_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="subscriptions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("valid_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("trial_ends_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("next_charge_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "service_subscription",
                "app": "models",
                "unique_together": (("line", "service"),),
                "pk_attr": "id",
                "table_description": "A service connected to a line (F113).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("operator", fields.CharField(max_length=32)),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                (
                    "access_level",
                    fields.CharEnumField(
                        default=AccessLevel.FULL,
                        description="FULL: FULL\nPARTIAL: PARTIAL",
                        enum_type=AccessLevel,
                        max_length=8,
                    ),
                ),
                (
                    "channel",
                    fields.CharEnumField(
                        default=Channel.SITE,
                        description="SITE: SITE\nAPP: APP\nWIDGET: WIDGET\nUSSD: USSD\nSMS: SMS\nIVR: IVR\nSUPPORT: SUPPORT\nOFFICE: OFFICE",
                        enum_type=Channel,
                        max_length=8,
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
                        related_name="widget_sessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("family", fields.UUIDField(null=True)),
                ("stepped_up_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("device", fields.CharField(null=True, max_length=200)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("last_seen_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "session",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One signed-in client. The token itself is never stored.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SocialAccount",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="social_accounts",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("operator", fields.CharField(max_length=32)),
                (
                    "provider",
                    fields.CharEnumField(
                        description="VK: VK\nFACEBOOK: FACEBOOK\nOK: OK\nGOOGLE: GOOGLE",
                        enum_type=SocialProvider,
                        max_length=16,
                    ),
                ),
                ("subject", fields.CharField(max_length=255)),
                ("title", fields.CharField(max_length=200)),
                ("linked_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "social_account",
                "app": "models",
                "unique_together": (("operator", "provider", "subject"),),
                "pk_attr": "id",
                "table_description": "A social network's account that its user may sign in with (F021); `subject` is the network's own id.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TariffSubscription",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.OneToOneField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="tariff_subscription",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "tariff",
                    fields.ForeignKeyField(
                        "models.Tariff",
                        source_field="tariff_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="subscriptions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("next_charge_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "tariff_subscription",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The tariff of a line now (F101).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UsageDay",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="usage_days",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("day", fields.DateField()),
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
                ("sum", fields.BigIntField(default=0)),
            ],
            options={
                "table": "usage_day",
                "app": "models",
                "unique_together": (("line", "day", "type", "unit"),),
                "pk_attr": "id",
                "table_description": "What a line used on one day of the operator's calendar, by type and unit; `sum` is minor units of money.",
            },
            bases=["Model"],
        ),
    ]
