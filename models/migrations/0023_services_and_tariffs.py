from tortoise import migrations
from tortoise.migrations import operations as ops
from domain.catalogue import ServiceAction, ServiceRelationKind, TariffAction
from domain.ticket import TicketCategory, TicketStatus, TicketSubject
from orjson import loads
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint


class Migration(migrations.Migration):
    dependencies = [("models", "0022_sim_checks_and_blocks_rules")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Bundle",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("operator", fields.CharField(max_length=32)),
                ("code", fields.CharField(max_length=64)),
                ("name", fields.CharField(max_length=200)),
                ("kinds", ArrayField(element_type="TEXT")),
                ("fee", fields.BigIntField()),
                ("discount_percent", fields.SmallIntField()),
                ("terms", fields.TextField(default="", unique=False)),
                ("archived", fields.BooleanField(default=False)),
            ],
            options={
                "table": "bundle",
                "app": "models",
                "unique_together": (("operator", "code"),),
                "pk_attr": "id",
                "table_description": "Services of several kinds together at a discount, sold on request (F110).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DataGift",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "source",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="source_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="data_given",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "target",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="target_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="data_received",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("bytes", fields.BigIntField()),
                (
                    "given_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="given_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="data_gifts",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "data_gift",
                "app": "models",
                "indexes": [Index(fields=["source_id", "at"]), Index(fields=["target_id", "at"])],
                "pk_attr": "id",
                "table_description": "`bytes` given from one line to another; what is left of them lives in the receiver's package until then.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="InternetSession",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="internet_sessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ip", fields.CharField(null=True, max_length=45)),
                ("received", fields.BigIntField(default=0)),
                ("sent", fields.BigIntField(default=0)),
                ("cost", fields.BigIntField(default=0)),
            ],
            options={
                "table": "internet_session",
                "app": "models",
                "unique_together": (("line", "started_at"),),
                "pk_attr": "id",
                "table_description": "One session of a line; `cost` in minor units, volumes in bytes. `ended_at` is null while it lasts.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LineChange",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="line_changes",
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
                        related_name="changes",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", fields.CharField(max_length=128)),
                ("asked", fields.CharField(max_length=64)),
                ("quote", fields.UUIDField(null=True, unique=True)),
                ("result", fields.BigIntField(null=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "line_change",
                "app": "models",
                "unique_together": (("user", "key"),),
                "pk_attr": "id",
                "table_description": "A change that somebody named by `key`; the same key again finds it. `asked` is a digest of what it asked for.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PoolShare",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "household",
                    fields.ForeignKeyField(
                        "models.Household",
                        source_field="household_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="pool_shares",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "line",
                    fields.OneToOneField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="pool_share",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("cap", fields.BigIntField(null=True)),
                ("used", fields.BigIntField(default=0)),
                ("counted_from", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pool_share",
                "app": "models",
                "indexes": [Index(fields=["household_id"])],
                "pk_attr": "id",
                "table_description": "What a line may take of its household's pool in a period, in bytes; `cap` null: as much as there is.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RingbackRule",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="ringback_rules",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "tone",
                    fields.ForeignKeyField(
                        "models.Service",
                        source_field="tone_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="ringback_rules",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("for_numbers", ArrayField(db_default=[], element_type="TEXT")),
                ("hours", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("set_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "ringback_rule",
                "app": "models",
                "indexes": [Index(fields=["line_id", "id"])],
                "pk_attr": "id",
                "table_description": "Which tone whom and when: without `for_numbers` everybody, without `hours` always.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ServiceEvent",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="service_events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "action",
                    fields.CharEnumField(
                        description="CONNECT: CONNECT\nDISCONNECT: DISCONNECT\nEXTEND: EXTEND\nSUSPEND: SUSPEND\nRESUME: RESUME\nTRIAL_START: TRIAL_START\nTRIAL_END: TRIAL_END",
                        enum_type=ServiceAction,
                        max_length=16,
                    ),
                ),
                (
                    "service",
                    fields.ForeignKeyField(
                        "models.Service",
                        source_field="service_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("charge", fields.BigIntField(default=0)),
                (
                    "actor",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="actor_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="service_events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("actor_role", fields.CharField(null=True, max_length=16)),
                ("staff", fields.CharField(null=True, max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "service_event",
                "app": "models",
                "indexes": [Index(fields=["line_id", "id"])],
                "pk_attr": "id",
                "table_description": "What happened to a service of a line (F116); columns as of a tariff's event. Rows are only ever added.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ServiceRelation",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "service",
                    fields.ForeignKeyField(
                        "models.Service",
                        source_field="service_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="relations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "other",
                    fields.ForeignKeyField(
                        "models.Service",
                        source_field="other_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="related_by",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="INCOMPATIBLE: INCOMPATIBLE\nREQUIRES: REQUIRES",
                        enum_type=ServiceRelationKind,
                        max_length=16,
                    ),
                ),
            ],
            options={
                "table": "service_relation",
                "app": "models",
                "unique_together": (("service", "other", "kind"),),
                "pk_attr": "id",
                "table_description": "That a service does not go with another one, or needs it; one row for a pair, told from `service`'s side.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StatusMessage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.OneToOneField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="status_message",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("text", fields.CharField(max_length=200)),
                ("set_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "status_message",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The text that callers read before the tone (F128).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TariffEvent",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "line",
                    fields.ForeignKeyField(
                        "models.Line",
                        source_field="line_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="tariff_events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "action",
                    fields.CharEnumField(
                        description="CHANGE: CHANGE\nCONFIGURE: CONFIGURE\nREVERT: REVERT",
                        enum_type=TariffAction,
                        max_length=16,
                    ),
                ),
                (
                    "before",
                    fields.ForeignKeyField(
                        "models.Tariff",
                        source_field="before_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="events_before",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "tariff",
                    fields.ForeignKeyField(
                        "models.Tariff",
                        source_field="tariff_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("configuration", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("charge", fields.BigIntField(default=0)),
                (
                    "actor",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="actor_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="tariff_events",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("actor_role", fields.CharField(null=True, max_length=16)),
                ("staff", fields.CharField(null=True, max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "tariff_event",
                "app": "models",
                "indexes": [Index(fields=["line_id", "id"])],
                "pk_attr": "id",
                "table_description": "What happened to the tariff of a line (F107); `charge` in minor units. `actor` is null where the worker did it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Ticket",
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
                        related_name="tickets",
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
                        related_name="tickets",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "category",
                    fields.CharEnumField(
                        description="TECHNICAL: TECHNICAL\nINFORMATION: INFORMATION\nCOMPLAINT: COMPLAINT\nSUGGESTION: SUGGESTION\nBILLING: BILLING",
                        enum_type=TicketCategory,
                        max_length=16,
                    ),
                ),
                (
                    "subject",
                    fields.CharEnumField(
                        description="SPEED_INCREASE: SPEED_INCREASE\nBUNDLE: BUNDLE",
                        enum_type=TicketSubject,
                        max_length=24,
                    ),
                ),
                ("details", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("comment", fields.CharField(null=True, max_length=1000)),
                (
                    "status",
                    fields.CharEnumField(
                        description="NEW: NEW\nIN_PROGRESS: IN_PROGRESS\nWAITING_CUSTOMER: WAITING_CUSTOMER\nRESOLVED: RESOLVED\nCLOSED: CLOSED",
                        enum_type=TicketStatus,
                        max_length=16,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("answer_due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "ticket",
                "app": "models",
                "indexes": [Index(fields=["user_id", "id"]), Index(fields=["line_id", "id"])],
                "pk_attr": "id",
                "table_description": 'A request; `details` is what the `subject` needs, such as {"mbps": 300} of a SPEED_INCREASE.',
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="PackageCounter",
            name="expires_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Service",
            name="artist",
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name="Service",
            name="content_provider",
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name="Service",
            name="included",
            field=fields.JSONField(db_default=[], encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="Service",
            name="localities",
            field=ArrayField(db_default=[], element_type="TEXT"),
        ),
        ops.AddField(
            model_name="Service",
            name="preview_url",
            field=fields.CharField(null=True, max_length=500),
        ),
        ops.AddField(
            model_name="Service",
            name="speed_mbps",
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name="Service",
            name="valid_days",
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name="ServiceSubscription",
            name="connected_by",
            field=fields.ForeignKeyField(
                "models.User",
                source_field="connected_by_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="services_connected",
                on_delete=OnDelete.SET_NULL,
            ),
        ),
        ops.AddField(
            model_name="ServiceSubscription",
            name="ended_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="ServiceSubscription",
            name="paid_until",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RemoveConstraint(
            model_name="Tariff",
            name=None,
            fields=["operator", "code"],
        ),
        ops.AlterModelOptions(
            name="Tariff",
            options={
                "table": "tariff",
                "app": "models",
                "unique_together": (("operator", "code", "version"),),
                "pk_attr": "id",
                "table_description": "One version of a tariff plan; `included` is a list of {unit, amount, unlimited, scope} (F102).",
            },
        ),
        ops.AddField(
            model_name="Tariff",
            name="localities",
            field=ArrayField(db_default=[], element_type="TEXT"),
        ),
        ops.AddField(
            model_name="Tariff",
            name="options",
            field=fields.JSONField(db_default=[], encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="Tariff",
            name="speed_mbps",
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name="Tariff",
            name="version",
            field=fields.IntField(db_default=1),
        ),
        ops.AddConstraint(
            model_name="Tariff",
            constraint=UniqueConstraint(fields=("operator", "code", "version"), name=None),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="configuration",
            field=fields.JSONField(db_default=[], encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="options_fee",
            field=fields.BigIntField(db_default=0),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_by",
            field=fields.ForeignKeyField(
                "models.User",
                source_field="pending_by_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="tariff_changes_awaited",
                on_delete=OnDelete.SET_NULL,
            ),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_configuration",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_options_fee",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="TariffSubscription",
            name="pending_tariff",
            field=fields.ForeignKeyField(
                "models.Tariff",
                source_field="pending_tariff_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="awaited",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
    ]
