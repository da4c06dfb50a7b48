"""What is said in a ticket, and that one thing is asked for once at a time."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

_CHECKS = """
alter table ticket add constraint ticket_closed check ((closed_at is null) = (status <> 'CLOSED'));
alter table ticket add constraint ticket_speed check (
  subject <> 'SPEED_INCREASE' or (line_id is not null and (details->>'mbps')::int > 0));
"""

# While somebody works on it, whoever asks again gets the same ticket.
_INDEXES = """
create unique index ticket_speed_open on ticket (line_id)
  where subject = 'SPEED_INCREASE' and status not in ('RESOLVED', 'CLOSED');
create unique index ticket_bundle_open on ticket (user_id, (details->>'bundle'))
  where subject = 'BUNDLE' and status not in ('RESOLVED', 'CLOSED');
create unique index ringback_rule_one on ringback_rule (line_id, for_numbers, coalesce(hours, 'null'::jsonb));
"""

_HISTORY = """
create trigger ticket_message_append_only before update or delete on ticket_message
  for each row execute function append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0028_packages")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TicketMessage",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "ticket",
                    fields.ForeignKeyField(
                        "models.Ticket",
                        source_field="ticket_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="messages",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("staff", fields.CharField(null=True, max_length=80)),
                ("text", fields.CharField(max_length=4000)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "ticket_message",
                "app": "models",
                "indexes": [Index(fields=["ticket_id", "id"])],
                "pk_attr": "id",
                "table_description": "What is said in a ticket: by an employee, `staff` by name, or by its user. Rows are only ever added.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_CHECKS),
        ops.RunSQL(_INDEXES),
        ops.RunSQL(_HISTORY),
    ]
