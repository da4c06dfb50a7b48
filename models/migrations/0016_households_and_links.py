from tortoise import migrations
from tortoise.migrations import operations as ops
from domain.access import HouseholdRole, LinkKind, Scope
from domain.line import BlockReason
from domain.number_link import LinkStatus, SuspensionReason
from domain.usage import UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod
from models.approval import ApprovalStatus
from models.challenge import ChallengePurpose
from models.invitation import InvitationStatus
from orjson import loads
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [("models", "0015_fees_rules")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ApprovalRequest",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "models.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="approvals",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="approvals",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "requested_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="requested_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="approvals_asked",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "scope",
                    fields.CharEnumField(
                        description="VIEW: VIEW\nUSAGE: USAGE\nDETAILS: DETAILS\nPAY: PAY\nAUTOPAY: AUTOPAY\nSERVICES: SERVICES\nTARIFF: TARIFF\nBLOCK: BLOCK\nLIMITS: LIMITS\nTRANSFER: TRANSFER\nDOCUMENTS: DOCUMENTS\nCLOSE: CLOSE\nMEMBERS: MEMBERS",
                        enum_type=Scope,
                        max_length=16,
                    ),
                ),
                ("action", fields.CharField(max_length=48)),
                ("title", fields.CharField(max_length=200)),
                ("subject", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("subject_key", fields.CharField(max_length=128)),
                ("price", fields.BigIntField(null=True)),
                (
                    "status",
                    fields.CharEnumField(
                        description="PENDING: PENDING\nAPPROVED: APPROVED\nDECLINED: DECLINED\nEXPIRED: EXPIRED\nCANCELLED: CANCELLED",
                        enum_type=ApprovalStatus,
                        max_length=16,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("resolved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "resolved_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="resolved_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="approvals_resolved",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("comment", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "approval_request",
                "app": "models",
                "indexes": [Index(fields=["household_id", "id"]), Index(fields=["line_id", "id"])],
                "pk_attr": "id",
                "table_description": "A question of a child's to the owner. `subject` is what to do, as the feature that asks wrote it down, and",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ChildPolicy",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.OneToOneField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="child_policy",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("blocked_categories", ArrayField(default=list, element_type="TEXT")),
                ("max_age_rating", fields.SmallIntField(null=True)),
                ("quiet_hours", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("approval_needed_for", ArrayField(default=list, element_type="TEXT")),
                ("can_top_up_self", fields.BooleanField(default=True)),
                ("always_allowed_numbers", ArrayField(default=list, element_type="TEXT")),
                (
                    "set_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="set_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="policies_set",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("set_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "child_policy",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The policy of one line; it holds while the line's user is a child.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GuestGrant",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="guest_grants",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="created_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="guest_grants",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("scopes", ArrayField(element_type="TEXT")),
                ("token_hash", fields.BinaryField()),
                ("sim_epoch", fields.IntField()),
                ("contract_epoch", fields.IntField()),
                ("uses_left", fields.IntField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "guest_grant",
                "app": "models",
                "indexes": [Index(fields=["line_id", "id"])],
                "pk_attr": "id",
                "table_description": "A grant whose bearer holds a token, of which only the hash is here; `uses_left` null: as often as they like.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Invitation",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "models.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="invitations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "invited_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="invited_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="invitations_sent",
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
                ("birth_date", fields.DateField(null=True)),
                ("target_hmac", fields.BinaryField()),
                ("target_masked", fields.CharField(max_length=254)),
                ("token_hash", fields.BinaryField()),
                (
                    "status",
                    fields.CharEnumField(
                        description="PENDING: PENDING\nACCEPTED: ACCEPTED\nDECLINED: DECLINED\nCANCELLED: CANCELLED",
                        enum_type=InvitationStatus,
                        max_length=16,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("resolved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "invitation",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An invitation by a household to the holder of a number or an e-mail address.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LinkRequest",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                (
                    "requester",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="requester_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="link_requests",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "household",
                    fields.ForeignKeyField(
                        "models.Household",
                        source_field="household_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="link_requests",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("initiator", fields.CharField(max_length=64)),
                ("target", fields.CharField(max_length=64)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="link_requests",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="PRIMARY: PRIMARY\nSECONDARY: SECONDARY", enum_type=LinkKind, max_length=16
                    ),
                ),
                ("scopes", ArrayField(element_type="TEXT")),
                ("text", fields.TextField(unique=False)),
                ("sim_epoch", fields.IntField(null=True)),
                ("contract_epoch", fields.IntField(null=True)),
                (
                    "status",
                    fields.CharEnumField(
                        description="PENDING: PENDING\nACTIVE: ACTIVE\nSUSPENDED: SUSPENDED\nREVOKED: REVOKED\nEXPIRED: EXPIRED\nTERMINATED: TERMINATED",
                        enum_type=LinkStatus,
                        max_length=16,
                    ),
                ),
                ("challenge_id", fields.UUIDField(null=True)),
                (
                    "link",
                    fields.ForeignKeyField(
                        "models.NumberLink",
                        source_field="link_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="requests",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("resolved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "link_request",
                "app": "models",
                "indexes": [Index(fields=["requester_id", "id"]), Index(fields=["line_id", "id"])],
                "pk_attr": "id",
                "table_description": "A question to the holder of `target`; PENDING until it is answered or its code has expired.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OwnershipTransfer",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "models.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="transfers",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "from_member",
                    fields.ForeignKeyField(
                        "models.Membership",
                        source_field="from_member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="transfers_from",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "to_member",
                    fields.ForeignKeyField(
                        "models.Membership",
                        source_field="to_member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="transfers_to",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("accepted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("effective_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("cancelled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("done_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "ownership_transfer",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A transfer; open until it is `done_at` or `cancelled_at`, and one at a time is for a household (E29).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UsageLimit",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="usage_limits",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "unit",
                    fields.CharEnumField(
                        description="MINUTE: MINUTE\nSMS: SMS\nMMS: MMS\nBYTE: BYTE\nMONEY: MONEY",
                        enum_type=UsageUnit,
                        max_length=16,
                    ),
                ),
                (
                    "per",
                    fields.CharEnumField(
                        description="DAY: DAY\nWEEK: WEEK\nBILLING_PERIOD: BILLING_PERIOD\nCALENDAR_MONTH: CALENDAR_MONTH",
                        enum_type=LimitPeriod,
                        max_length=16,
                    ),
                ),
                ("amount", fields.BigIntField()),
                (
                    "on_reach",
                    fields.CharEnumField(
                        description="NOTIFY: NOTIFY\nBLOCK_PAID: BLOCK_PAID\nBLOCK_ALL: BLOCK_ALL\nASK_OWNER: ASK_OWNER",
                        enum_type=LimitAction,
                        max_length=16,
                    ),
                ),
                (
                    "set_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="set_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="limits_set",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("set_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "usage_limit",
                "app": "models",
                "unique_together": (("line", "unit", "per"),),
                "pk_attr": "id",
                "table_description": "A limit of a line, in whole units (`domain/usage.py`: money in minor ones); one per unit and period.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LimitAlert",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "limit",
                    fields.ForeignKeyField(
                        "models.UsageLimit",
                        source_field="limit_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="alerts",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("period_start", fields.DateField()),
                ("percent", fields.SmallIntField()),
                ("told_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "limit_alert",
                "app": "models",
                "unique_together": (("limit", "period_start", "percent"),),
                "pk_attr": "id",
                "table_description": "That people were told of a share of a limit in a period: once, whoever finds out (E35).",
            },
            bases=["Model"],
        ),
        ops.AlterModelOptions(
            name="AuditEvent",
            options={
                "table": "audit_event",
                "app": "models",
                "indexes": [Index(fields=["user_id", "id"])],
                "pk_attr": "id",
                "table_description": "One event, in the cabinet of `user`, who did it: `details` never holds a code, a password or a token.",
            },
        ),
        ops.AddField(
            model_name="AuditEvent",
            name="actor_role",
            field=fields.CharEnumField(
                null=True,
                description="OWNER: OWNER\nADULT: ADULT\nCHILD: CHILD\nVIEWER: VIEWER",
                enum_type=HouseholdRole,
                max_length=16,
            ),
        ),
        ops.AddField(
            model_name="AuditEvent",
            name="household",
            field=fields.ForeignKeyField(
                "models.Household",
                source_field="household_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="audit_events",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="AuditEvent",
            name="line",
            field=fields.ForeignKeyField(
                "models.Line",
                source_field="line_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="audit_events",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="AuditEvent",
            name="subject",
            field=fields.ForeignKeyField(
                "models.User",
                source_field="subject_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="audit_events_about",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AlterField(
            model_name="Challenge",
            name="purpose",
            field=fields.CharEnumField(
                description="SIGN_IN: SIGN_IN\nREGISTER: REGISTER\nRECOVER: RECOVER\nSTEP_UP: STEP_UP\nCHANGE_CONTACT: CHANGE_CONTACT\nPAYMENT: PAYMENT\nLINK_NUMBER: LINK_NUMBER\nTRANSFER_OWNERSHIP: TRANSFER_OWNERSHIP",
                enum_type=ChallengePurpose,
                max_length=24,
            ),
        ),
        ops.AddField(
            model_name="Consent",
            name="address",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="Consent",
            name="challenge_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Consent",
            name="given_by",
            field=fields.ForeignKeyField(
                "models.User",
                source_field="given_by_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="consents_given",
                on_delete=OnDelete.SET_NULL,
            ),
        ),
        ops.AddField(
            model_name="Consent",
            name="receipt_id",
            field=fields.UUIDField(unique=True, db_default=SqlDefault("gen_random_uuid()")),
        ),
        ops.AddField(
            model_name="Household",
            name="adults_invite",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name="Household",
            name="dissolves_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Line",
            name="block_reason",
            field=fields.CharEnumField(
                null=True,
                description="LOST: LOST\nSTOLEN: STOLEN\nVACATION: VACATION",
                enum_type=BlockReason,
                max_length=16,
            ),
        ),
        ops.AddField(
            model_name="Line",
            name="blocked_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Line",
            name="blocked_by",
            field=fields.ForeignKeyField(
                "models.User",
                source_field="blocked_by_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="lines_blocked",
                on_delete=OnDelete.SET_NULL,
            ),
        ),
        ops.AddField(
            model_name="Line",
            name="link_requests_allowed",
            field=fields.BooleanField(db_default=True),
        ),
        ops.AddField(
            model_name="Line",
            name="reissued_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Line",
            name="sim_changed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AlterModelOptions(
            name="Membership",
            options={
                "table": "membership",
                "app": "models",
                "unique_together": (("household", "user"),),
                "pk_attr": "id",
                "table_description": "A user's place in a household; whoever comes back has the same row again.",
            },
        ),
        ops.AddField(
            model_name="Membership",
            name="ended_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Membership",
            name="is_successor",
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name="NumberLink",
            name="account_slot",
            field=fields.BigIntField(null=True, unique=True),
        ),
        ops.AddField(
            model_name="NumberLink",
            name="ended_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="NumberLink",
            name="requester",
            field=fields.ForeignKeyField(
                "models.User",
                source_field="requester_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="links_asked_for",
                on_delete=OnDelete.SET_NULL,
            ),
        ),
        ops.AddField(
            model_name="NumberLink",
            name="suspended_reason",
            field=fields.CharEnumField(
                null=True,
                description="SIM_CHANGED: SIM_CHANGED\nCONTRACT_CHANGED: CONTRACT_CHANGED\nREVERIFY_OVERDUE: REVERIFY_OVERDUE\nLINE_BLOCKED: LINE_BLOCKED\nPORTING_OUT: PORTING_OUT",
                enum_type=SuspensionReason,
                max_length=24,
            ),
        ),
    ]
